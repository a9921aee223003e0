package billing_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
)

const onePlan = "features: {\"a:b\": x}\nplans: {m: {name: M, grace_days: 7, features: [\"a:b\"], prices: {month: {eur: \"8\"}}}}\n"

// What is left out is as shipped; the sample file says what is shipped, and so does a
// new database.
func TestThePolicyThatIsShipped(t *testing.T) {
	t.Parallel()
	shippedFile := shipped(t)
	for name, p := range map[string]models.Policy{
		"the sample file": shippedFile.Policy,
		"none":            parse(t, onePlan).Policy,
		"empty":           parse(t, onePlan+"policy: {}\n").Policy,
		"nothing said":    parse(t, onePlan+"policy:\n").Policy,
	} {
		if diff := cmp.Diff(billing.DefaultPolicy(), p); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	inForce, err := open(t).PolicyInForce(t.Context())
	if diff := cmp.Diff(billing.DefaultPolicy(), inForce.Policy); diff != "" || err != nil || inForce.Version != 1 {
		t.Errorf("version %d, %v\n%s", inForce.Version, err, diff)
	}
	some, want := parse(t, onePlan+"policy: {refund: keep, renewal_slack_days: 0}\n").Policy, billing.DefaultPolicy()
	want.Refund, want.RenewalSlackDays = models.Keep, 0
	if diff := cmp.Diff(want, some); diff != "" {
		t.Error(diff)
	}
}

func TestPolicyFaults(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{
		"renewal_slack_days: -1":                             "policy.renewal_slack_days: is -1, it goes from 0 to 14 days",
		"renewal_slack_days: 15":                             "policy.renewal_slack_days: is 15",
		"renewal_slack_days: three":                          "cannot be read",
		"renewal_processing_days: 61":                        "policy.renewal_processing_days: is 61",
		"renewal_processing_days: 2":                         "is 2, less than renewal_slack_days (3)",
		"longest_grace_days: 91":                             "policy.longest_grace_days: is 91",
		"first_processing: revoke":                           `policy.first_processing: is "revoke", it can be nothing or access`,
		"canceled_at_once: never":                            `is "never", it can be end or keep`,
		"refund: \"\"":                                       `policy.refund: is "", it can be revoke or keep`,
		"dispute: nothing":                                   `policy.dispute: is "nothing", it can be suspend or keep`,
		"dispute_lost: suspend":                              `policy.dispute_lost: is "suspend", it can be revoke or keep`,
		"dispute_lost: keep":                                 "make dispute keep too",
		"refunds: keep":                                      "unknown field",
		"refund: x, dispute: y":                              `policy.dispute: is "y"`,
		"dispute: keep, dispute_lost: keep, refund: nothing": "policy.refund",
	} {
		_, err := billing.ParseCatalog([]byte(onePlan + "policy: {" + policy + "}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", policy, err, want)
		}
	}
}

// docs/policy.md has each row of the table as it is shipped.
func TestThePolicyIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range billing.PolicyTable(billing.DefaultPolicy()) {
		choice := ""
		if row.Choice != "" {
			choice = "`" + row.Choice + "`"
		}
		if line := strings.TrimSpace(fmt.Sprintf("| %s | %s | %s", row.Event, row.Gives, choice)); !strings.Contains(string(text), line) {
			t.Errorf("docs/policy.md lacks:\n%s |", line)
		}
	}
}
