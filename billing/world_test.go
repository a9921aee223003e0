package billing

import (
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// dayAt is n days after the first of January.
func dayAt(n float64) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n * 24 * float64(time.Hour)))
}

func sec(n float64) int64 { return dayAt(n).Unix() }

// world is the state of one customer with the subscription sub_1 on price_a.
type world struct {
	state
	sub *stripe.Subscription
}

func newWorld(status stripe.SubscriptionStatus, prices ...string) *world {
	w := &world{state: state{disputes: map[string]*stripe.Dispute{}}}
	w.sub = &stripe.Subscription{ID: "sub_1", Status: status, Items: &stripe.SubscriptionItemList{}}
	for _, price := range prices {
		w.sub.Items.Data = append(w.sub.Items.Data, &stripe.SubscriptionItem{Price: &stripe.Price{ID: price}})
	}
	return w
}

// invoice adds one of 800 in that status, with a charge that succeeded if it is
// paid, made on day.
func (w *world) invoice(status stripe.InvoiceStatus, day float64, lines ...*stripe.InvoiceLineItem) *stripe.Invoice {
	n := len(w.invoices) + 1
	charge := &stripe.Charge{ID: fmt.Sprint("ch_", n), Amount: 800, Status: stripe.ChargeStatusSucceeded, Refunds: &stripe.RefundList{}}
	payment := &stripe.PaymentIntent{ID: fmt.Sprint("pi_", n), Status: stripe.PaymentIntentStatusSucceeded, LatestCharge: charge}
	if status != stripe.InvoiceStatusPaid {
		charge.Status, payment.Status = stripe.ChargeStatusFailed, stripe.PaymentIntentStatusRequiresPaymentMethod
	}
	invoice := &stripe.Invoice{
		ID: fmt.Sprint("in_", n), Status: status, Created: sec(day), Subscription: &stripe.Subscription{ID: "sub_1"},
		PaymentIntent: &stripe.PaymentIntent{ID: payment.ID}, Lines: &stripe.InvoiceLineItemList{Data: lines},
		StatusTransitions: &stripe.InvoiceStatusTransitions{FinalizedAt: sec(day) + 3600},
	}
	w.invoices, w.payments = append(w.invoices, invoice), append(w.payments, payment)
	return invoice
}

func line(id, price string, amount int64, from, until float64) *stripe.InvoiceLineItem {
	return &stripe.InvoiceLineItem{
		ID: id, Amount: amount, Price: &stripe.Price{ID: price}, Period: &stripe.Period{Start: sec(from), End: sec(until)},
	}
}

// credit is the negative proration that gives a line back from a day on.
func credit(price, credited string, from, until float64) *stripe.InvoiceLineItem {
	l := line("il_credit", price, -400, from, until)
	l.Proration = true
	l.ProrationDetails = &stripe.InvoiceLineItemProrationDetails{
		CreditedItems: &stripe.InvoiceLineItemProrationDetailsCreditedItems{InvoiceLineItems: []string{credited}},
	}
	return l
}

// month adds a paid invoice for a thirty-day month that begins on day.
func (w *world) month(day float64) *world {
	w.invoice(stripe.InvoiceStatusPaid, day, line(fmt.Sprint("il_", day), "price_a", 800, day, day+30))
	return w
}

// owed adds a renewal in some other status.
func (w *world) owed(status stripe.InvoiceStatus, day float64) *world {
	w.invoice(status, day, line(fmt.Sprint("il_", day), "price_a", 800, day, day+30))
	return w
}

func (w *world) with(change func(sub *stripe.Subscription)) *world {
	change(w.sub)
	return w
}

// refund gives back part of the n-th payment.
func (w *world) refund(n int, amount int64, status stripe.RefundStatus, day float64) *world {
	charge := w.payments[n-1].LatestCharge
	charge.Refunds.Data = append(charge.Refunds.Data, &stripe.Refund{Amount: amount, Status: status, Created: sec(day)})
	return w
}

func (w *world) dispute(n int, status models.DisputeStatus, day float64) *world {
	w.disputes[fmt.Sprint("ch_", n)] = &stripe.Dispute{Status: stripe.DisputeStatus(status), Created: sec(day)}
	return w
}

func (w *world) processing(n int) *world {
	w.payments[n-1].Status = stripe.PaymentIntentStatusProcessing
	return w
}

// outcome is a span in words, in days.
func (w *world) outcome(price string) string {
	return w.outcomeBy(DefaultPolicy(), price)
}

// outcomeBy goes by way of the row that the database would keep.
func (w *world) outcomeBy(p models.Policy, price string) string {
	customer := "cus_1"
	row := snapshot(w.state, w.sub, account{customer: &customer}, priceBook{price: {}})
	sp, gives := spanOf(row, p, 7, price)
	if !gives {
		return "nothing"
	}
	return inDays(sp)
}

func inDays(sp span) string {
	days := func(t time.Time) float64 { return t.Sub(dayAt(0)).Hours() / 24 }
	text := fmt.Sprintf("%g-%g", days(sp.from), days(sp.until))
	if sp.grace != nil {
		text += fmt.Sprintf(" +%s %.3g", sp.grace.Reason, days(sp.grace.Until))
	}
	if sp.revoked != "" {
		text += fmt.Sprintf(" %s %g", sp.revoked, days(sp.revokedAt))
	}
	return text
}

const (
	active   = stripe.SubscriptionStatusActive
	pastDue  = stripe.SubscriptionStatusPastDue
	canceled = stripe.SubscriptionStatusCanceled
)

func newMember(status stripe.SubscriptionStatus) *world { return newWorld(status, "price_a").month(0) }

// freeMonth adds an invoice that came to zero and has no payment.
func (w *world) freeMonth(days float64) *world {
	w.invoice(stripe.InvoiceStatusPaid, 0, line("il_free", "price_a", 0, 0, days)).PaymentIntent = nil
	return w
}

// upgraded moved from price_a to price_b on day 10 of the month.
func upgraded(paid stripe.InvoiceStatus) *world {
	w := newWorld(active, "price_b").month(0)
	w.invoice(paid, 10, credit("price_a", "il_0", 10, 30), line("il_up", "price_b", 1400, 10, 30))
	return w
}
