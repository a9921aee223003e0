package cli

import (
	"fmt"
	"io"
	"os"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
)

type errandsListCmd struct {
	Status string `default:"" enum:",waiting,owed,done,refused,dismissed" placeholder:"STATUS" help:"waiting (for you), owed, done, refused (by Stripe for a day, or by the bank) or dismissed. What is yours to decide, waiting or refused, if left out."`
	JSON   bool   `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (errandsListCmd) Help() string {
	return `A second membership that was paid within a day of the first is cancelled and refunded by itself.
Others wait here: they may be meant. So does what Stripe refused, and a refund that failed at the
bank: give it back another way and dismiss it, or approve it to try once more.

Example: membership errands list`
}

// mostErrands is how many are listed.
const mostErrands = 100

// Run lists errands.
func (c errandsListCmd) Run(s *streams) error {
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	all, err := c.list(s, bill)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(all)
	}
	switch {
	case len(all) > 0:
		s.table(func(w io.Writer) {
			for _, e := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\tmember %s\tsince %s\t%s\n", e.ID, e.Status, errandWords[e.Cause][e.Kind], e.Target, e.MemberID, shown(e.OwedAt), e.LastError)
			}
		})
	case c.Status == "":
		fmt.Fprintln(s.stdout, "No errand waits for you.")
	default:
		fmt.Fprintf(s.stdout, "No errand is %s.\n", c.Status)
	}
	return nil
}

// list is what was asked for; without a choice what only staff can bring to an end.
func (c errandsListCmd) list(s *streams, bill *billing.Service) ([]models.Errand, error) {
	wanted := []models.ErrandStatus{models.ErrandStatus(c.Status)}
	if c.Status == "" {
		wanted = billing.StaffsTurn
	}
	all := []models.Errand{}
	for _, status := range wanted {
		some, err := bill.Errands(s.ctx, status, mostErrands)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

var errandWords = map[models.ErrandCause]map[models.ErrandKind]string{
	models.CauseDuplicate:   {models.CancelSubscription: "cancel and refund a second membership", models.RefundPayment: "refund a second membership"},
	models.CauseDisputeLost: {models.CancelSubscription: "cancel after a lost dispute"},
}

type errandsApproveCmd struct {
	ID     string `arg:"" help:"The errand's id, from the list."`
	Reason string `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log."`
	Yes    bool   `help:"Do not ask."`
}

// Help is kong's long help.
func (errandsApproveCmd) Help() string {
	return `Says first what ends and what is given back, and asks. The running service does it within
seconds, and the reader is told.

Example: membership errands approve 0193… --reason 'Ada asked for it'`
}

// Run says what the errand does, asks, and approves.
func (c errandsApproveCmd) Run(s *streams) error {
	if err := someoneToAsk(c.Yes); err != nil {
		return err
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	plan, err := bill.PlanErrand(s.ctx, c.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "Errand %s, of member %s: %s\n", plan.Errand.ID, plan.Errand.MemberID, errandWords[plan.Errand.Cause][plan.Errand.Kind])
	for _, effect := range plan.Effects {
		fmt.Fprintf(s.stdout, "  %s\n", s.tell(effect))
	}
	if !c.Yes && !agreed(os.Stdin, s.stdout) {
		fmt.Fprintln(s.stdout, "Nothing was done.")
		return nil
	}
	return s.decide(bill, c.ID, true, c.Reason, "The running service does it now.")
}

type errandsDismissCmd struct {
	ID     string `arg:"" help:"The errand's id, from the list."`
	Reason string `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log."`
}

// Help is kong's long help.
func (errandsDismissCmd) Help() string {
	return `Nothing is done at Stripe, and it is not asked again.

Example: membership errands dismiss 0193… --reason 'The second one is for her office'`
}

// Run dismisses.
func (c errandsDismissCmd) Run(s *streams) error {
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	return s.decide(bill, c.ID, false, c.Reason, "It is left be.")
}

func (s *streams) decide(bill *billing.Service, id string, approve bool, reason, outcome string) error {
	e, err := bill.DecideErrand(s.ctx, id, approve, billing.Why{Actor: s.actor, Reason: reason})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "%s (%s): %s\n", errandWords[e.Cause][e.Kind], e.Target, outcome)
	return nil
}
