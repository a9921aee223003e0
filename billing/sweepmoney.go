package billing

import (
	"context"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
)

// chargesPage lists what was charged lately. The invoice shows what a charge was for,
// the balance transaction its fee.
func (s *Service) chargesPage(ctx context.Context, at place) (sheet, error) {
	return s.chargesTold(ctx, at, func(*stripe.Charge) {})
}

// chargesTold is chargesPage, and tells the doctor of each charge that is ours.
func (s *Service) chargesTold(ctx context.Context, at place, each func(*stripe.Charge)) (sheet, error) {
	params := &stripe.ChargeListParams{ListParams: pageFrom(ctx, at.cursor), CreatedRange: madeSince(at)}
	params.AddExpand("data.invoice")
	params.AddExpand("data.balance_transaction")
	found := s.stripe.Charges.List(params)
	if err := found.Err(); err != nil {
		return sheet{}, err
	}
	data := found.ChargeList().Data
	page := sheetOf(found.Meta(), data, func(c *stripe.Charge) string { return c.ID })
	if len(data) > 0 {
		page.newest = instant(data[0].Created)
	}
	var ours []*stripe.Charge
	page.compare = func(tx *gorm.DB) (found []Difference, err error) {
		found, ours, err = s.compareCharges(tx, data, at.asked)
		return found, err
	}
	page.done = func() {
		for _, charge := range ours {
			each(charge)
		}
	}
	return page, nil
}

// refundsPage lists the refunds that were made lately, of payments however old.
func (s *Service) refundsPage(ctx context.Context, at place) (sheet, error) {
	found := s.stripe.Refunds.List(&stripe.RefundListParams{ListParams: pageFrom(ctx, at.cursor), CreatedRange: madeSince(at)})
	if err := found.Err(); err != nil {
		return sheet{}, err
	}
	data := found.RefundList().Data
	page := sheetOf(found.Meta(), data, func(r *stripe.Refund) string { return r.ID })
	page.compare = func(tx *gorm.DB) ([]Difference, error) { return s.compareRefunds(tx, data, at.asked) }
	return page, nil
}

// disputesPage lists the disputes that were opened lately, of payments however old.
func (s *Service) disputesPage(ctx context.Context, at place) (sheet, error) {
	found := s.stripe.Disputes.List(&stripe.DisputeListParams{ListParams: pageFrom(ctx, at.cursor), CreatedRange: madeSince(at)})
	if err := found.Err(); err != nil {
		return sheet{}, err
	}
	data := found.DisputeList().Data
	page := sheetOf(found.Meta(), data, func(d *stripe.Dispute) string { return d.ID })
	page.compare = func(tx *gorm.DB) ([]Difference, error) { return s.compareDisputes(tx, data, at.asked) }
	return page, nil
}

// madeSince bounds a list by the age of its objects.
func madeSince(at place) *stripe.RangeQueryParams {
	if at.since == nil {
		return nil
	}
	made := &stripe.RangeQueryParams{GreaterThanOrEqual: at.since.Unix()}
	if at.before != nil {
		made.LesserThan = at.before.Unix()
	}
	return made
}
