package billing

import (
	"fmt"

	"newsroom.example/membership/models"
)

// PolicyRow is one row of the policy in words.
type PolicyRow struct {
	Event  string `json:"event"`            // what Stripe says
	Gives  string `json:"gives"`            // what that does to access
	Choice string `json:"choice,omitempty"` // the key under policy in the catalogue file that changes it
}

// PolicyTable says a policy in words, the rows in the order in which they decide:
// first what becomes of the time that a payment paid for, then what is given beyond
// it, then the two cases that join them.
func PolicyTable(p models.Policy) []PolicyRow {
	var all []PolicyRow
	for _, row := range moneyRows {
		all = append(all, PolicyRow{row.event, choiceWords[row.gives(p)], row.choice})
	}
	for _, row := range beyondRows {
		all = append(all, PolicyRow{row.event, "beyond what was paid for: " + row.says(p), row.choice})
	}
	first := choiceWords[p.FirstProcessing]
	if p.FirstProcessing == models.Access {
		first = fmt.Sprintf("%s, for at most %s", first, dayWords(p.RenewalProcessingDays))
	}
	return append(all,
		PolicyRow{"active, the first debit is on its way", first, "first_processing"},
		PolicyRow{"canceled at once, in the middle of what was paid for", choiceWords[p.CanceledAtOnce], "canceled_at_once"})
}

// choiceWords are what each choice does to access.
var choiceWords = map[models.Choice]string{
	models.Nothing: "opens nothing yet",
	models.Access:  "opens what was bought",
	models.Keep:    "access stays until the end of the time that was paid for",
	models.End:     "access ends with the subscription",
	models.Suspend: "that time counts for nothing until the bank decides",
	models.Revoke:  "that time counts for nothing from then on",
}

func sayNothing(models.Policy) string { return "nothing" }

func sayDunning(p models.Policy) string {
	return fmt.Sprintf("the plan's grace_days from the first failure, at most %s after what was paid", dayWords(p.LongestGraceDays))
}

func sayProcessing(p models.Policy) string { return dayWords(p.RenewalProcessingDays) }

func saySlack(p models.Policy) string { return dayWords(p.RenewalSlackDays) }

func dayWords(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}
