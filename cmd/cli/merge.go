package cli

import (
	"fmt"
	"os"

	"newsroom.example/membership/billing"
)

type membersMergeCmd struct {
	From   string `arg:"" help:"Whose purchases they are now: an id. Nobody has proven their address."`
	Into   string `required:"" placeholder:"MEMBER" help:"Whose they are to be: a whole address that is proven, or any id."`
	Reason string `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log."`
	DryRun bool   `help:"Say what it would do, and do nothing."`
	Yes    bool   `help:"Do not ask."`
}

// Help is kong's long help.
func (membersMergeCmd) Help() string {
	return `For a purchase under a mistaken address, or under one that belongs to another member: find it with
members find, and make sure that it was theirs, for example by the day and the amount on their
bank statement. What was bought, given and granted becomes the other's. This cannot be taken back.

Example: membership members merge 01a20373 --into ada@example.org --reason 'Mistyped the address' --dry-run`
}

// Run says what merging does, asks, and does it.
func (c membersMergeCmd) Run(s *streams) error {
	if err := someoneToAsk(c.Yes || c.DryRun); err != nil {
		return err
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	plan, err := c.plan(s, bill)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "%s, %s (%s), becomes part of %s, %s\n",
		plan.From.ID, plan.From.Address, proofOf(plan.From), plan.Into.ID, plan.Into.Address)
	for _, effect := range plan.Effects {
		fmt.Fprintf(s.stdout, "  %s\n", s.tell(effect))
	}
	if c.DryRun {
		fmt.Fprintln(s.stdout, "Nothing was done (--dry-run).")
		return nil
	}
	if !c.Yes && !agreed(os.Stdin, s.stdout) {
		fmt.Fprintln(s.stdout, "Nothing was done.")
		return nil
	}
	if err := bill.Merge(s.ctx, plan.From.ID, plan.Into.ID, billing.Why{Actor: s.actor, Reason: c.Reason}); err != nil {
		return err
	}
	fmt.Fprintln(s.stdout, "They are one member now.")
	return nil
}

func (c membersMergeCmd) plan(s *streams, bill *billing.Service) (billing.MergePlan, error) {
	from, err := bill.FindMember(s.ctx, c.From)
	if err != nil {
		return billing.MergePlan{}, err
	}
	into, err := bill.FindMember(s.ctx, c.Into)
	if err != nil {
		return billing.MergePlan{}, err
	}
	return bill.PlanMerge(s.ctx, from.ID, into.ID)
}
