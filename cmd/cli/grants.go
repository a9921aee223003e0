package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"newsroom.example/membership/billing"
)

type grantsAddCmd struct {
	Member string `arg:"" help:"A member's whole address, or any id that leads to them."`
	Plan   string `required:"" placeholder:"PLAN" help:"The plan, as the catalogue calls it."`
	Until  string `placeholder:"DATE" xor:"end" help:"The last day (2026-06-30, all of it) or instant, in UTC."`
	Days   uint16 `placeholder:"N" xor:"end" help:"So many days from today; the last one is whole."`
	NoEnd  bool   `xor:"end" help:"Give it for good."`
	Reason string `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log, so leave personal things out."`
	Create bool   `help:"Make the member, if nobody has that address yet."`
}

// Help is kong's long help.
func (grantsAddCmd) Help() string {
	return `Gives a plan with our compliments. Running it again with the same plan, end and reason
changes nothing. The reader's token follows within ten minutes.

A member who does not exist is not made by a typing mistake: say --create. Whoever proves the
address later finds the access there.

Example: membership grants add ada@example.org --plan member --days 30 --reason 'Won the quiz'`
}

// Run gives the plan, and says what it is now.
func (c grantsAddCmd) Run(s *streams) error {
	until, err := c.end(s.clocks.Newsroom())
	if err != nil {
		return err
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	member, err := c.member(s, bill)
	if err != nil {
		return err
	}
	gift := billing.Complimentary{MemberID: member, PlanID: c.Plan, Until: until, Why: billing.Why{Actor: s.actor, Reason: c.Reason}}
	grant, made, err := bill.GrantComplimentary(s.ctx, gift)
	if err != nil {
		return err
	}
	how := "is there already, since " + shown(grant.ValidFrom)
	if made {
		how = "was added"
	}
	fmt.Fprintf(s.stdout, "Grant %s %s: %s, until %s.\n", grant.ID, how, grant.Tier, shownOr(grant.ValidUntil, "somebody ends it"))
	return nil
}

var errNoEnd = errors.New("say when it ends: --until 2026-06-30 or --days 30; or --no-end, if it is for good")

// end is when the grant ends; nil for never.
func (c grantsAddCmd) end(now time.Time) (*time.Time, error) {
	switch {
	case c.NoEnd:
		return nil, nil
	case c.Days > 0:
		until := endOfDay(now.UTC().AddDate(0, 0, int(c.Days)))
		return &until, nil
	case c.Until == "":
		return nil, &usageError{errNoEnd}
	}
	until, err := readEnd(c.Until, now)
	return &until, err
}

// member is who gets it, made if that was asked for.
func (c grantsAddCmd) member(s *streams, bill *billing.Service) (uuid.UUID, error) {
	known, err := bill.FindMember(s.ctx, c.Member)
	var refused *billing.Error
	if !c.Create || !errors.As(err, &refused) || refused.Code != "member_unknown" {
		return known.ID, err
	}
	member, made, err := bill.AddMember(s.ctx, c.Member, billing.Why{Actor: s.actor, Reason: c.Reason})
	if made {
		fmt.Fprintf(s.stdout, "Member %s was made.\n", member.ID)
	}
	return member.ID, err
}

type grantsEndCmd struct {
	Grant  uuid.UUID `arg:"" help:"The grant's id; explain and members show list them."`
	Reason string    `required:"" placeholder:"TEXT" help:"Why. It stays in the audit log, so leave personal things out."`
}

// Help is kong's long help.
func (grantsEndCmd) Help() string {
	return `Ends a grant that was given by hand, at once. What was bought ends where it was bought:
cancel the subscription at Stripe, or refund the payment.

Example: membership grants end 0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b --reason 'Given by mistake'`
}

// Run ends the grant.
func (c grantsEndCmd) Run(s *streams) error {
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	grant, ended, err := bill.EndGrant(s.ctx, c.Grant, billing.Why{Actor: s.actor, Reason: c.Reason})
	if err != nil {
		return err
	}
	if !ended {
		fmt.Fprintf(s.stdout, "Grant %s has ended before. Nothing was done.\n", grant.ID)
		return nil
	}
	fmt.Fprintf(s.stdout, "Grant %s ended: %s, now.\n", grant.ID, grant.Tier)
	return nil
}
