package faults

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// booked is a row of the service's ledger.
type booked struct {
	Intent, Status, Currency string
	Amount, Refunded, Fee    int64
	Day                      time.Time
}

// ledger: each payment of ours that succeeded is in the books, once, with Stripe's
// own amounts; nothing else is; and the sums of each day and currency are equal.
func (o *oracle) ledger(ctx context.Context) error {
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
func (o *oracle) ownPayments(ctx context.Context) (map[string]charge, error) {
	gifts, err := o.giftIDs(ctx)
	if err != nil {
		return nil, err
	}
	ours := o.ownInvoices(gifts)
	want := map[string]charge{}
	for intent, c := range o.truth.charges {
		if c.Status == "succeeded" && (ours[intent] || gifts[o.truth.intents[intent].Metadata["donation_id"]]) {
			want[intent] = c
		}
	}
	return want, nil
}

// ownInvoices are the payment intents of invoices that are, at least in part, for a
// price of ours and a reader of ours, or for a monthly gift.
func (o *oracle) ownInvoices(gifts map[string]bool) map[string]bool {
	bySubscription := map[string]subscription{}
	for _, s := range o.truth.subscriptions {
		bySubscription[s.ID] = s
	}
	ours := map[string]bool{}
	for _, i := range o.truth.invoices {
		s := bySubscription[i.Subscription]
		_, owned := o.owners[s.Customer]
		sold := slices.ContainsFunc(i.Lines.Data, func(line invoiceLine) bool { return o.shop.prices[line.Price.ID].id != "" })
		if i.PaymentIntent != nil && (sold && owned || gifts[s.Metadata["donation_id"]]) {
			ours[*i.PaymentIntent] = true
		}
	}
	return ours
}

func (o *oracle) giftIDs(ctx context.Context) (map[string]bool, error) {
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

func (o *oracle) compareRows(all []booked, want map[string]charge) {
	times := map[string]int{}
	for _, b := range all {
		times[b.Intent]++
		c, paid := want[b.Intent]
		switch {
		case !paid && !o.allowed.strangeMoney:
			o.find("payment %s is in the ledger, and Stripe has no such payment of ours", b.Intent)
		case paid && (b.Amount != c.Amount || b.Refunded != c.AmountRefunded || b.Currency != c.Currency || b.Fee != c.fee()):
			o.find("payment %s is booked as %d %s, %d refunded, fee %d; Stripe says %d %s, %d, %d",
				b.Intent, b.Amount, b.Currency, b.Refunded, b.Fee, c.Amount, c.Currency, c.AmountRefunded, c.fee())
		}
	}
	for intent := range want {
		if times[intent] != 1 {
			o.find("payment %s is in the ledger %d times", intent, times[intent])
		}
	}
}

func (c charge) fee() int64 {
	if c.BalanceTransaction == nil {
		return 0
	}
	return c.BalanceTransaction.Fee
}

// dayOf is one day's money in one currency.
type dayOf struct {
	day      time.Time
	currency string
}

func (o *oracle) compareSums(all []booked, want map[string]charge) {
	ours, theirs := map[dayOf]int64{}, map[dayOf]int64{}
	for _, b := range all {
		ours[dayOf{b.Day.UTC(), b.Currency}] += b.Amount - b.Refunded - b.Fee
	}
	for _, c := range want {
		paid := time.Unix(c.Created, 0).UTC().Truncate(day)
		theirs[dayOf{paid, c.Currency}] += c.Amount - c.AmountRefunded - c.fee()
	}
	for d, net := range theirs {
		if ours[d] != net {
			o.find("on %s our net is %d %s, Stripe's %d", d.day.Format(time.DateOnly), ours[d], d.currency, net)
		}
	}
	o.checked.add("days' sums", len(theirs))
}
