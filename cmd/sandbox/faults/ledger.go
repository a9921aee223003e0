package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/oracle"
)

// booked is a row of the service's ledger.
type booked struct {
	Intent, Status, Currency string
	Amount, Refunded, Fee    int64
	Day                      time.Time
}

// ledger: each payment of ours that succeeded is in the books, once, with Stripe's
// own amounts; nothing else is; and the sums of each day and currency are equal.
func (o *judge) ledger(ctx context.Context) error {
	rows, err := o.db.Query(ctx, `SELECT payment_intent_id, status, currency, amount, refunded, coalesce(fee, 0), date_trunc('day', paid_at AT TIME ZONE 'UTC')
		FROM payments WHERE status = 'succeeded'`)
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[booked])
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	want, err := o.ownPayments(ctx)
	if err != nil {
		return err
	}
	o.compareRows(all, want)
	o.compareSums(all, want)
	o.checked.add("payments", len(want))
	return nil
}

// ownPayments are the charges at Stripe that belong into the ledger: they pay for a
// price of ours, or for a gift of which we have the row.
func (o *judge) ownPayments(ctx context.Context) (map[string]oracle.Charge, error) {
	gifts, err := o.giftIDs(ctx)
	if err != nil {
		return nil, err
	}
	owned := func(customer string) bool { _, owned := o.owners[customer]; return owned }
	return o.truth.Payments(o.shop.prices, owned, gifts), nil
}

func (o *judge) giftIDs(ctx context.Context) (map[string]bool, error) {
	rows, err := o.db.Query(ctx, "SELECT id FROM donations")
	if err != nil {
		return nil, fmt.Errorf("read the gifts: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("read the gifts: %w", err)
	}
	gifts := map[string]bool{}
	for _, id := range ids {
		gifts[id.String()] = true
	}
	return gifts, nil
}

func (o *judge) compareRows(all []booked, want map[string]oracle.Charge) {
	times := map[string]int{}
	for _, b := range all {
		times[b.Intent]++
		c, paid := want[b.Intent]
		switch {
		case !paid && !o.allowed.strangeMoney:
			o.find("payment %s is in the ledger, and Stripe has no such payment of ours", b.Intent)
		case paid && (b.Amount != c.Amount || b.Refunded != c.AmountRefunded || b.Currency != c.Currency || b.Fee != c.Fee()):
			o.find("payment %s is booked as %d %s, %d refunded, fee %d; Stripe says %d %s, %d, %d",
				b.Intent, b.Amount, b.Currency, b.Refunded, b.Fee, c.Amount, c.Currency, c.AmountRefunded, c.Fee())
		}
	}
	for intent := range want {
		if times[intent] != 1 {
			o.find("payment %s is in the ledger %d times", intent, times[intent])
		}
	}
}

func (o *judge) compareSums(all []booked, want map[string]oracle.Charge) {
	ours, theirs := map[oracle.Day]int64{}, oracle.Nets(want)
	for _, b := range all {
		ours[oracle.Day{Day: b.Day.UTC(), Currency: b.Currency}] += b.Amount - b.Refunded - b.Fee
	}
	for d, net := range theirs {
		if ours[d] != net {
			o.find("on %s our net is %d %s, Stripe's %d", d.Day.Format(time.DateOnly), ours[d], d.Currency, net)
		}
	}
	o.checked.add("days' sums", len(theirs))
}
