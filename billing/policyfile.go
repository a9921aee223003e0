package billing

import (
	"fmt"
	"slices"
	"strings"

	"newsroom.example/membership/models"
)

// What may be said under policy in the catalogue file.
var (
	policyDays = []struct {
		key  string
		of   func(models.Policy) int
		most int
	}{
		{"renewal_slack_days", func(p models.Policy) int { return p.RenewalSlackDays }, 14},
		{"renewal_processing_days", func(p models.Policy) int { return p.RenewalProcessingDays }, 60},
		{"longest_grace_days", func(p models.Policy) int { return p.LongestGraceDays }, 90},
	}
	policyChoices = []struct {
		key string
		of  func(models.Policy) models.Choice
		may []models.Choice
	}{
		{"first_processing", func(p models.Policy) models.Choice { return p.FirstProcessing }, []models.Choice{models.Nothing, models.Access}},
		{"canceled_at_once", func(p models.Policy) models.Choice { return p.CanceledAtOnce }, []models.Choice{models.End, models.Keep}},
		{"refund", func(p models.Policy) models.Choice { return p.Refund }, []models.Choice{models.Revoke, models.Keep}},
		{"dispute", func(p models.Policy) models.Choice { return p.Dispute }, []models.Choice{models.Suspend, models.Keep}},
		{"dispute_lost", func(p models.Policy) models.Choice { return p.DisputeLost }, []models.Choice{models.Revoke, models.Keep}},
	}
)

func policyFaults(p models.Policy) (faults faultList) {
	for _, each := range policyDays {
		if n := each.of(p); n < 0 || n > each.most {
			faults.add("policy."+each.key, "is %d, it goes from 0 to %d days", n, each.most)
		}
	}
	for _, each := range policyChoices {
		if chosen := each.of(p); !slices.Contains(each.may, chosen) {
			faults.add("policy."+each.key, "is %q, it can be %s or %s", chosen, each.may[0], each.may[1])
		}
	}
	if p.RenewalProcessingDays < p.RenewalSlackDays {
		faults.add("policy.renewal_processing_days", "is %d, less than renewal_slack_days (%d): a debit on its way would shut out whom silence lets in",
			p.RenewalProcessingDays, p.RenewalSlackDays)
	}
	if p.Dispute == models.Suspend && p.DisputeLost == models.Keep {
		faults.add("policy.dispute_lost", "is keep while dispute is suspend: losing would open what asking shut; make dispute keep too")
	}
	return faults
}

// policyLines says a policy in the lines of Catalog.describe, by key.
func policyLines(p models.Policy, lines map[string]string) {
	for _, each := range policyDays {
		lines["policy "+each.key] = fmt.Sprint(each.of(p))
	}
	for _, each := range policyChoices {
		lines["policy "+each.key] = string(each.of(p))
	}
}

// policyTerms are everything of a catalogue that changes grants that were given
// already, as the audit log keeps it.
type policyTerms struct {
	models.Policy
	GraceDays map[string]int `json:"grace_days"` // of the plans that there were before
}

func (t policyTerms) String() string {
	lines := map[string]string{}
	policyLines(t.Policy, lines)
	for plan, grace := range t.GraceDays {
		lines["plan "+plan] = fmt.Sprint(grace)
	}
	var all []string
	for _, key := range sortedKeys(lines) {
		all = append(all, key+" "+lines[key])
	}
	return strings.Join(all, ", ")
}
