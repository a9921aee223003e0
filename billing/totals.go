package billing

import (
	"context"
	"fmt"
	"time"

	"newsroom.example/membership/models"
)

// DayTotal sums up the succeeded payments of one day (UTC), of one kind, in one
// currency, in its smallest unit. Fees may be settled in another currency; payments
// whose fees are in different ones have a row each, and those of which Stripe has yet
// to tell the fee have one with FeeCurrency "".
type DayTotal struct {
	Day         time.Time          `json:"day"`
	Kind        models.PaymentKind `json:"kind"`
	Currency    string             `json:"currency"`
	FeeCurrency string             `json:"fee_currency,omitempty"`
	Count       int64              `json:"count"`
	Amount      int64              `json:"amount"`
	Refunded    int64              `json:"refunded"` // of these payments, whenever
	Disputed    int64              `json:"disputed"` // with the bank or lost to it
	Fee         int64              `json:"fee"`
}

// Net is what is left of the payments, before fees.
func (d DayTotal) Net() int64 { return d.Amount - d.Refunded - d.Disputed }

// Totals sums up the ledger for the days from from (inclusive) to to (exclusive), by
// when the charges succeeded, in order.
func (s *Service) Totals(ctx context.Context, from, to time.Time) ([]DayTotal, error) {
	var all []DayTotal
	err := s.db.WithContext(ctx).Raw(`
		SELECT date_trunc('day', paid_at, 'UTC') AS day, kind, currency, coalesce(fee_currency, '') AS fee_currency, count(*) AS count,
			sum(amount)::bigint AS amount, sum(refunded)::bigint AS refunded, sum(disputed)::bigint AS disputed, coalesce(sum(fee), 0)::bigint AS fee
		FROM payments WHERE paid_at >= ? AND paid_at < ? AND livemode = ?
		GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`, from, to, s.cfg.Livemode).Scan(&all).Error
	if err != nil {
		return nil, fmt.Errorf("sum up the ledger: %w", err)
	}
	for i := range all {
		all[i].Day = all[i].Day.UTC()
	}
	return all, nil
}
