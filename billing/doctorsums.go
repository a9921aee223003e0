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
// more closely at the days on which they differ.
func (e *examination) sums(ctx context.Context) error {
	booked := takings{}
	for day := e.Since; day.Before(e.until()); day = day.Add(dayLong) {
		if err := e.booked(ctx, day, booked); err != nil {
			return err
		}
	}
	last := ""
	for _, key := range differing(e.taken, booked) {
		if key.day == last {
			continue // another currency
		}
		if err := e.recount(ctx, key.day); err != nil {
			return err
		}
		last = key.day
	}
	return nil
}

// dayLong is one of UTC's days, as in Stripe's reports.
const dayLong = 24 * time.Hour

// recount lists the charges of a day once more and tells what differs still: the lane
// works on while the lists go by.
func (e *examination) recount(ctx context.Context, day string) error {
	from, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return fmt.Errorf("read the day of a sum: %w", err)
	}
	took, listed := takings{}, newShown()
	if err := e.chargesOf(ctx, from, func(charge *stripe.Charge) {
		took.addCharge(charge, e.until())
		listed.add(intentOf(charge.PaymentIntent))
	}); err != nil {
		return err
	}
	booked := takings{}
	if err := e.booked(ctx, from, booked); err != nil {
		return err
	}
	for _, key := range differing(took, booked) {
		if err := e.sumDiffers(ctx, key, took[key], booked[key], listed); err != nil {
			return err
		}
	}
	return nil
}

// chargesOf goes through the charges of one day that are ours.
func (e *examination) chargesOf(ctx context.Context, day time.Time, each func(*stripe.Charge)) error {
	end := day.Add(dayLong)
	of := list{"charges", func(s *Service, ctx context.Context, at place) (sheet, error) { return s.chargesTold(ctx, at, each) }}
	for at := (place{since: &day, before: &end}); ; {
		at.asked = e.s.clock()
		page, err := e.read(ctx, of, at)
		if err != nil {
			return err
		}
		if _, err := page.compare(e.s.db.WithContext(ctx)); err != nil { // what differs was told
			return err
		}
		page.done()
		if at.cursor = page.next; at.cursor == "" {
			return nil
		}
	}
}

func (e *examination) sumDiffers(ctx context.Context, key ledgerDay, stripe, ours taken, listed shown) error {
	err := e.tell([]Difference{{
		Kind: "sum.differs", Object: key.day,
		Words: fmt.Sprintf("On %s (UTC) Stripe took %s; our ledger says %s.", key.day, stripe.words(key.currency), ours.words(key.currency)),
	}})
	if err != nil {
		return err
	}
	return e.extras(ctx, key, listed)
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

// booked adds the ledger's own sums of one day.
func (e *examination) booked(ctx context.Context, day time.Time, all takings) error {
	totals, err := e.s.Totals(ctx, day, earlier(day.Add(dayLong), e.until()))
	if err != nil {
		return err
	}
	for _, each := range totals { // a row for each kind, and each currency of the fees
		key := ledgerDay{each.Day.Format(time.DateOnly), each.Currency}
		was := all[key]
		all[key] = taken{was.count + each.Count, was.amount + each.Amount, was.refunded + each.Refunded}
	}
	return nil
}

// differing are the days and currencies, in order, of which two books tell differently.
func differing(a, b takings) []ledgerDay {
	var all []ledgerDay
	for _, t := range []takings{a, b} {
		for key := range t {
			if a[key] != b[key] {
				all = append(all, key)
			}
		}
	}
	slices.SortFunc(all, func(a, b ledgerDay) int { return strings.Compare(a.day+a.currency, b.day+b.currency) })
	return slices.Compact(all)
}

// extras goes through our payments of a day, asks Stripe for those that it did not list,
// and tells those that it does not know.
func (e *examination) extras(ctx context.Context, key ledgerDay, listed shown) error {
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
		if err := e.unknown(ctx, rows, listed); err != nil {
			return err
		}
		e.Looked("payments", len(rows))
		if len(rows) < booksPage {
			return nil
		}
		after = rows[len(rows)-1].PaymentIntentID
	}
}

func (e *examination) unknown(ctx context.Context, rows []models.Payment, listed shown) error {
	for _, row := range rows {
		if listed.has(row.PaymentIntentID) {
			continue
		}
		lost, err := e.lost(ctx, "payment "+row.PaymentIntentID, func(params stripe.Params) error {
			_, err := e.s.stripe.PaymentIntents.Get(row.PaymentIntentID, &stripe.PaymentIntentParams{Params: params})
			return err
		})
		if lost {
			err = e.tell([]Difference{{
				Kind: "payment.extra", Object: row.PaymentIntentID, Member: row.MemberID,
				Words: fmt.Sprintf("Payment %s%s: our ledger has %s; Stripe knows no such payment. %s",
					row.PaymentIntentID, ofMember(row.MemberID), amountOf(row.Amount, row.Currency), e.payExtra()),
			}})
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
