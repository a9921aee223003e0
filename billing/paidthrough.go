package billing

import (
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// stretch is a span of time that one line of one invoice of a subscription paid
// for, or that its trial gives.
type stretch struct {
	price       string
	from, until time.Time
	line        string    // of the invoice; "" for a trial
	lost        string    // why the money did not stay: "", "refunded" or "disputed"
	lostAt      time.Time // since when
}

// stretches lists what a subscription's trial gives and what its settled invoices
// paid for, the earliest end first. Not the subscription's current period: Stripe
// moves that at renewal, about an hour before it tries the card, so that granting
// by it gives every failed card a free month.
// https://stripe.com/docs/billing/invoices/subscription#subscription-renewal
func (st state) stretches(sub *stripe.Subscription) []stretch {
	all := trialOf(sub)
	settled := st.settledOf(sub)
	for _, invoice := range settled {
		reason, at := st.lost(invoice)
		for _, line := range planLines(invoice) {
			all = append(all, stretch{
				price: line.Price.ID, line: line.ID, lost: reason, lostAt: at,
				from: unix(line.Period.Start), until: unix(line.Period.End),
			})
		}
	}
	for _, invoice := range settled {
		if reason, _ := st.lost(invoice); reason == "" {
			cut(all, invoice)
		}
	}
	slices.SortStableFunc(all, func(a, b stretch) int { return a.until.Compare(b.until) })
	return all
}

// trialOf is what a running trial gives, for each price that it tries.
func trialOf(sub *stripe.Subscription) []stretch {
	if sub.Status != stripe.SubscriptionStatusTrialing || sub.TrialEnd <= sub.TrialStart {
		return nil
	}
	var all []stretch
	for _, price := range itemPrices(sub) {
		all = append(all, stretch{price: price, from: unix(sub.TrialStart), until: unix(sub.TrialEnd)})
	}
	return all
}

// settledOf are the invoices of a subscription of which nothing is owed: paid,
// whether by card, by credit or because they came to zero. Void and uncollectible
// ones never count.
func (st state) settledOf(sub *stripe.Subscription) []*stripe.Invoice {
	return st.invoicesWith(sub, stripe.InvoiceStatusPaid)
}

func (st state) invoicesWith(sub *stripe.Subscription, status stripe.InvoiceStatus) []*stripe.Invoice {
	var all []*stripe.Invoice
	for _, invoice := range st.invoices {
		if invoice.Subscription != nil && invoice.Subscription.ID == sub.ID && invoice.Status == status {
			all = append(all, invoice)
		}
	}
	return all
}

// planLines are the lines that give time: positive or free, for a price.
func planLines(invoice *stripe.Invoice) []*stripe.InvoiceLineItem {
	if invoice.Lines == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(invoice.Lines.Data), func(line *stripe.InvoiceLineItem) bool {
		return line.Amount < 0 || line.Price == nil || line.Period == nil || line.Period.End <= line.Period.Start
	})
}

// cut shortens the lines that a negative proration of this invoice credits, at
// that proration's own start: what was given back is no longer paid for. An upgrade
// whose own money went back must not come here: it cuts nothing.
// https://stripe.com/docs/api/invoices/line_item#invoice_line_item_object-proration_details
func cut(all []stretch, invoice *stripe.Invoice) {
	if invoice.Lines == nil {
		return
	}
	for _, line := range invoice.Lines.Data {
		if line.Amount >= 0 || line.Period == nil || line.ProrationDetails == nil || line.ProrationDetails.CreditedItems == nil {
			continue
		}
		credited := line.ProrationDetails.CreditedItems.InvoiceLineItems
		for i := range all {
			if slices.Contains(credited, all[i].line) {
				all[i].until = earlier(all[i].until, unix(line.Period.Start))
			}
		}
	}
}

// lost tells why the money of a settled invoice did not stay, and since when.
// Partial refunds that sum to the whole are a whole refund; only succeeded ones
// count. A warning is no dispute yet, and a won one is none any more.
func (st state) lost(invoice *stripe.Invoice) (reason string, at time.Time) {
	if invoice.PaymentIntent == nil {
		return "", time.Time{}
	}
	payment := st.payment(invoice.PaymentIntent.ID)
	if payment == nil || payment.LatestCharge == nil {
		return "", time.Time{}
	}
	charge := payment.LatestCharge
	if refunded, last := refundedOf(charge); refunded >= charge.Amount && refunded > 0 {
		return "refunded", last
	}
	if d := st.disputes[charge.ID]; d != nil && models.DisputeStatus(d.Status).TakesMoney() {
		return "disputed", unix(d.Created)
	}
	return "", time.Time{}
}

func refundedOf(charge *stripe.Charge) (total int64, last time.Time) {
	if charge.Refunds == nil {
		return 0, time.Time{}
	}
	for _, refund := range charge.Refunds.Data {
		if refund.Status == stripe.RefundStatusSucceeded {
			total += refund.Amount
			last = later(last, unix(refund.Created))
		}
	}
	return total, last
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
