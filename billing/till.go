package billing

import (
	"cmp"
	"context"
	"time"

	"gorm.io/gorm"
	"newsroom.example/membership/limits"
)

// Till bounds how many payment pages are opened at Stripe within an hour, by all
// processes together: whoever tries stolen cards needs a page for every few of them.
// https://stripe.com/docs/disputes/prevention/card-testing
//
// Each number is a budget that fills up evenly; 0 is the default. A member whose
// address is proven draws on a budget of their own and on no other, so that nobody can
// keep them out; everybody else draws on their network's and on the one of all
// strangers. The refusals, of KindLimited: checkout_often to a member,
// checkout_crowded to a stranger, who may sign in and go on, checkout_hasty to one
// who has only to send the form once more.
type Till struct {
	Limits *limits.Limiter

	PerMember   int // 30
	PerNetwork  int // 60
	OfStrangers int // 600
}

// Defaults of Till.
const (
	pagesPerMember   = 30
	pagesPerNetwork  = 60
	pagesOfStrangers = 600
)

// hastyShare is which part of the strangers' pages goes to forms that nobody can have
// read. Whoever posts without looking uses that up, and people read on.
const hastyShare = 4

// CountBy lets billing count whom it opens pages for; without it nobody is counted.
func (s *Service) CountBy(till Till) {
	till.PerMember = cmp.Or(till.PerMember, pagesPerMember)
	till.PerNetwork = cmp.Or(till.PerNetwork, pagesPerNetwork)
	till.OfStrangers = cmp.Or(till.OfStrangers, pagesOfStrangers)
	s.till = &till
}

// draw is a budget that a page costs, and the code of who finds it empty.
type draw struct {
	limits.Budget
	Code string
}

// draws are in one order for everybody, because each holds its row.
func (t Till) draws(b Buyer) []draw {
	if b.MemberID != nil {
		own := limits.Budget{What: "pages of a member", Who: b.MemberID.String(), PerHour: t.PerMember}
		return []draw{{Budget: own, Code: "checkout_often"}}
	}
	network := limits.Budget{What: "pages of a network", Who: limits.Network(b.IP), PerHour: t.PerNetwork}
	strangers := limits.Budget{What: "pages of strangers", PerHour: t.OfStrangers}
	all := []draw{{Budget: network, Code: "checkout_crowded"}, {Budget: strangers, Code: "checkout_crowded"}}
	if b.Hasty {
		hasty := limits.Budget{What: "pages of hasty strangers", PerHour: max(1, t.OfStrangers/hastyShare)}
		all = append(all, draw{Budget: hasty, Code: "checkout_hasty"})
	}
	return all
}

// admit spends what a new page costs, in the transaction that writes its intent: one
// that is refused is rolled back, and has spent nothing. It comes after the intent,
// so that a form sent twice has met itself before.
func (s *Service) admit(ctx context.Context, tx *gorm.DB, b Buyer) error {
	if s.till == nil {
		return nil
	}
	for _, from := range s.till.draws(b) {
		left, err := s.till.Limits.Spend(ctx, tx, from.Budget, true)
		if err != nil {
			return err
		}
		if !left {
			return s.turnAway(ctx, tx, from)
		}
	}
	return nil
}

// LeastRead is the least time in which a person reads a form and sends it.
const LeastRead = 2 * time.Second

func (s *Service) turnAway(ctx context.Context, tx *gorm.DB, from draw) error {
	s.log.WarnContext(ctx, "a payment page was not opened: a limit is reached", "of", from.What)
	if from.Code == "checkout_hasty" {
		return &Error{Kind: KindLimited, Code: from.Code, Wait: LeastRead}
	}
	wait, err := s.till.Limits.Wait(ctx, tx, from.Budget)
	if err != nil {
		return err
	}
	minutes := int64(wait/time.Minute) + 1
	return &Error{Kind: KindLimited, Code: from.Code, Data: map[string]any{"Count": minutes}, Wait: wait}
}
