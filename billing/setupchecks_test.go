package billing_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"newsroom.example/membership/billing"
)

// A restricted key that lacks a permission is told which one, and everything else
// is looked at all the same.
func TestSetupNamesMissingPermissions(t *testing.T) {
	t.Parallel()
	n := open(t)
	for path, want := range map[string]string{
		"/v1/charges": `"Charges and Refunds: Write"`, "/v1/subscriptions": `"Subscriptions: Write"`, "/v1/events": `"Events: Read"`,
		"/v1/webhook_endpoints": `"Webhook Endpoints: Write"`, "/v1/billing_portal/configurations": `"Customer portal: Write"`,
		"/v1/account": "may not read the account",
	} {
		restricted := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
			if r.URL.Path == path {
				refuse(w, http.StatusForbidden, "", "The provided key does not have the required permissions.")
				return
			}
			stripe.ServeHTTP(w, r)
		})
		found, err := restricted.PlanSetup(t.Context(), billing.SetupWish{})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		wantRemark(t, found, want)
	}
}

func TestSetupSaysWhyItStopped(t *testing.T) {
	t.Parallel()
	n := open(t)
	for status, want := range map[int]string{http.StatusForbidden: "lacks a permission rak_webhook_write", http.StatusUnauthorized: "check STRIPE_SECRET_KEY", http.StatusBadRequest: "HTTP 400"} {
		readOnly := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
			if r.Method == http.MethodPost {
				refuse(w, status, "", "Having the 'rak_webhook_write' permission would allow this request, ada@example.org.")
				return
			}
			stripe.ServeHTTP(w, r)
		})
		done, err := readOnly.ApplySetup(t.Context(), billing.SetupWish{}, desk)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "@") || len(done.Steps) > 0 {
			t.Errorf("%d: %v, done %q", status, err, done.Steps)
		}
	}
	if len(n.audited("stripe.setup")) != 0 {
		t.Error("what was not done is in the audit log")
	}
}

// A catalogue that was applied with a test key sells nothing with a live one.
func TestSetupLooksAtWhatIsSold(t *testing.T) {
	t.Parallel()
	n := open(t)
	if slices.ContainsFunc(n.planSetup().Remarks, func(r string) bool { return strings.Contains(r, "catalog apply") }) {
		t.Errorf("a catalogue is applied: %q", n.planSetup().Remarks)
	}
	if err := n.db.Exec("UPDATE prices SET livemode = true").Error; err != nil {
		t.Fatal(err)
	}
	wantRemark(t, n.planSetup(), "made with a live key, and this is a test key")
	if err := n.db.Exec("UPDATE prices SET retired_at = ?", noon).Error; err != nil {
		t.Fatal(err)
	}
	wantRemark(t, n.planSetup(), "Nothing is sold yet")
}
