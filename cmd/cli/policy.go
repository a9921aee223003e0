package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"newsroom.example/membership/billing"
)

type policyShowCmd struct {
	JSON bool `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (policyShowCmd) Help() string {
	return `Says what each event at Stripe does to access. Of the rows that hold, the first one decides.

Example: membership policy show`
}

// Run prints the policy in force.
func (c policyShowCmd) Run(s *streams) error {
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	inForce, err := bill.PolicyInForce(s.ctx)
	if err != nil {
		return err
	}
	rows := billing.PolicyTable(inForce.Policy)
	if c.JSON {
		return s.json(map[string]any{"policy": inForce, "rows": rows})
	}
	for _, row := range rows {
		fmt.Fprintf(s.stdout, "%s:\n    %s", row.Event, row.Gives)
		if row.Choice != "" {
			fmt.Fprintf(s.stdout, "   [policy: %s]", row.Choice)
		}
		fmt.Fprintln(s.stdout)
	}
	fmt.Fprintf(s.stdout, "\nVersion %d, in force since %s.\n", inForce.Version, shownOr(inForce.ChangedAt, "the beginning, as shipped"))
	return nil
}

type policyPreviewCmd struct {
	File string `arg:"" type:"existingfile" help:"The catalogue with the policy to look at, such as catalog.yaml."`
	JSON bool   `name:"json" help:"For programs: one object a line, the sums last."`
}

// Help is kong's long help.
func (policyPreviewCmd) Help() string {
	return `Compares what members have now with what they would have under the file's policy and its plans'
grace_days: a line for each membership that would differ, then the sums. It only reads, from our
own books; "membership catalog apply" then makes the change.

Example: membership policy preview catalog.yaml`
}

// Run prints the changes as they are found.
func (c policyPreviewCmd) Run(s *streams) error {
	catalog, err := readCatalog(c.File)
	if err != nil {
		return err
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	totals, err := bill.PreviewPolicy(s.ctx, catalog, func(change billing.PolicyChange) error {
		if c.JSON {
			return json.NewEncoder(s.stdout).Encode(change)
		}
		_, err := fmt.Fprintln(s.stdout, changeWords(change))
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.stdout).Encode(map[string]any{"totals": totals})
	}
	s.printTotals(totals)
	return nil
}

// changeWords is one change as a sentence.
func changeWords(c billing.PolicyChange) string {
	text := fmt.Sprintf("%s %s: %s → %s (%s, %s, %s)",
		c.MemberID, effectWords[c.Effect], reachWords(c.From), reachWords(c.To), c.PlanID, c.SubscriptionID, c.Reason)
	if c.Covered {
		text += "; covered by another grant, nothing would be noticed"
	}
	return text
}

var effectWords = map[billing.PolicyEffect]string{
	billing.GainsAccess: "gains access", billing.LosesAccess: "loses access",
	billing.LongerAccess: "reads longer", billing.ShorterAccess: "reads for a shorter time",
}

func reachWords(until *time.Time) string {
	if until == nil {
		return "no access"
	}
	return "until " + shown(*until)
}

func (s *streams) printTotals(t billing.PolicyTotals) {
	if len(t.Changes) == 0 {
		fmt.Fprintln(s.stdout, "Nobody would gain or lose anything.")
	} else {
		fmt.Fprintln(s.stdout)
		s.table(func(w io.Writer) {
			for _, row := range t.Changes {
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t(%d covered)\n", row.Count, effectWords[row.Effect], row.PlanID, row.Reason, row.Covered)
			}
		})
	}
	fmt.Fprintf(s.stdout, "%d memberships looked at; something would change for %d members. Nothing was changed.\n", t.Memberships, t.Members)
	if t.Unknown > 0 {
		fmt.Fprintf(s.stdout, "Of %d of them the facts are not known yet: they are filled in by their next sync. Look again later.\n", t.Unknown)
	}
}
