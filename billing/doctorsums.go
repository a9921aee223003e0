package billing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// takings are what was taken and given back, by day (UTC) and currency.
type takings map[ledgerDay]taken

type ledgerDay struct{ day, currency string }

type taken struct{ count, amount, refunded int64 }

func (t takings) add(at time.Time, currency string, amount, refunded int64) {
	key := ledgerDay{at.UTC().Format(time.DateOnly), currency}
	was := t[key]
	t[key] = taken{was.count + 1, was.amount + amount, was.refunded + refunded}
}

func (t takings) addCharge(charge *stripe.Charge, before time.Time) {
	if charge.Status == stripe.ChargeStatusSucceeded && unix(charge.Created).Before(before) {
		t.add(unix(charge.Created), string(charge.Currency), charge.Amount, charge.AmountRefunded)
	}
}

// until is where the sums end: after the second in which the examination began, because
// Stripe's times have whole seconds.
func (e *examination) until() time.Time { return e.began.Truncate(time.Second).Add(time.Second) }

// sums compares what Stripe took for us each day with what our ledger says, and looks
// for the payments that make the difference where the ledger has more.
func (e *examination) sums(ctx context.Context) error {
	booked, err := e.booked(ctx)
	if err != nil {
		return err
	}
	for _, key := range daysOf(e.taken, booked) {
		stripe, ours := e.taken[key], booked[key]
		if stripe == ours {
			continue
		}
		err := e.tell([]Difference{{
			Kind: "sum.differs", Object: key.day,
			Words: fmt.Sprintf("On %s (UTC) Stripe took %s; our ledger says %s.", key.day, stripe.words(key.currency), ours.words(key.currency)),
		}})
		if err == nil && ours.count > stripe.count {
			err = e.extras(ctx, key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t taken) words(currency string) string {
	if t.count == 0 {
		return "nothing in " + strings.ToUpper(currency)
	}
	payments := fmt.Sprintf("%d payments", t.count)
	if t.count == 1 {
		payments = "one payment"
	}
	return fmt.Sprintf("%s in %s, of which %s refunded", amountOf(t.amount, currency), payments, amountOf(t.refunded, currency))
}

// booked are the ledger's own sums.
func (e *examination) booked(ctx context.Context) (takings, error) {
	totals, err := e.s.Totals(ctx, e.Since, e.until())
	if err != nil {
		return nil, err
	}
	all := takings{}
	for _, each := range totals { // a row for each kind, and each currency of the fees
		key := ledgerDay{each.Day.Format(time.DateOnly), each.Currency}
		was := all[key]
		all[key] = taken{was.count + each.Count, was.amount + each.Amount, was.refunded + each.Refunded}
	}
	return all, nil
}

func daysOf(a, b takings) []ledgerDay {
	var all []ledgerDay
	for _, t := range []takings{a, b} {
		for key := range t {
			all = append(all, key)
		}
	}
	slices.SortFunc(all, func(a, b ledgerDay) int { return strings.Compare(a.day+a.currency, b.day+b.currency) })
	return slices.Compact(all)
}

// extras asks Stripe for each payment of a day, and tells those that it does not know.
func (e *examination) extras(ctx context.Context, key ledgerDay) error {
	from, err := time.Parse(time.DateOnly, key.day)
	if err != nil {
		return fmt.Errorf("read the day of a sum: %w", err)
	}
	for after := ""; ; {
		var rows []models.Payment
		err := e.s.db.WithContext(ctx).Where("livemode = ? AND currency = ? AND status = ? AND paid_at >= ? AND paid_at < ? AND payment_intent_id > ?",
			e.s.cfg.Livemode, key.currency, models.PaymentSucceeded, from, from.AddDate(0, 0, 1), after).
			Order("payment_intent_id").Limit(booksPage).Find(&rows).Error
		if err != nil {
			return fmt.Errorf("list the payments of %s: %w", key.day, err)
		}
		if err := e.unknown(ctx, rows); err != nil {
			return err
		}
		e.Looked("payments", len(rows))
		if len(rows) < booksPage {
			return nil
		}
		after = rows[len(rows)-1].PaymentIntentID
	}
}

func (e *examination) unknown(ctx context.Context, rows []models.Payment) error {
	for _, row := range rows {
		_, err := e.s.stripe.PaymentIntents.Get(row.PaymentIntentID, &stripe.PaymentIntentParams{Params: stripe.Params{Context: ctx}})
		switch {
		case missing(err):
			err = e.tell([]Difference{{
				Kind: "payment.extra", Object: row.PaymentIntentID, Member: row.MemberID,
				Words: fmt.Sprintf("Payment %s%s: our ledger has %s; Stripe knows no such payment. %s",
					row.PaymentIntentID, ofMember(row.MemberID), amountOf(row.Amount, row.Currency), e.payExtra()),
			}})
		case err != nil:
			err = tellable("look for payment "+row.PaymentIntentID, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// payExtra is what to do about a payment that Stripe does not know.
func (e *examination) payExtra() string {
	if e.s.cfg.Livemode {
		return wrongAccount
	}
	return "Test data can be deleted there; money rows are kept here, and --repair does not touch them."
}
