package billing

import (
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// stretch is a span of time that one line of one invoice of a subscription paid
// for.
type stretch struct {
	price       string
	from, until time.Time
	line        string
	lost        string    // why the money did not stay: "", "refunded" or "disputed"
	lostAt      time.Time // since when
}

// stretches lists what a subscription's settled invoices paid for, oldest first.
// Not the subscription's current period: Stripe moves that at renewal, about an
// hour before it tries the card, so that granting by it gives every failed card a
// free month.
// https://stripe.com/docs/billing/invoices/subscription#subscription-renewal
func (st state) stretches(subscription string) []stretch {
	var all []stretch
	for _, invoice := range st.invoices {
		if invoice.Subscription == nil || invoice.Subscription.ID != subscription || !settled(invoice) {
			continue
		}
		reason, at := st.lost(invoice)
		for _, line := range planLines(invoice) {
			all = append(all, stretch{
				price: line.Price.ID, line: line.ID, lost: reason, lostAt: at,
				from: unix(line.Period.Start), until: unix(line.Period.End),
			})
		}
	}
	st.cut(subscription, all)
	slices.SortFunc(all, func(a, b stretch) int { return a.until.Compare(b.until) })
	return all
}

// settled says that nothing of the invoice is owed: paid, whether by card, by
// credit or because it came to zero. Void and uncollectible ones never count.
func settled(invoice *stripe.Invoice) bool { return invoice.Status == stripe.InvoiceStatusPaid }

// planLines are the lines that give time: positive or free, for a price.
func planLines(invoice *stripe.Invoice) []*stripe.InvoiceLineItem {
	if invoice.Lines == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(invoice.Lines.Data), func(line *stripe.InvoiceLineItem) bool {
		return line.Amount < 0 || line.Price == nil || line.Period == nil || line.Period.End <= line.Period.Start
	})
}

// cut shortens the lines that a negative proration credits, at that proration's
// own start: what was given back is no longer paid for. An upgrade whose own money
// went back cuts nothing.
// https://stripe.com/docs/api/invoices/line_item#invoice_line_item_object-proration_details
func (st state) cut(subscription string, all []stretch) {
	for _, invoice := range st.invoices {
		if invoice.Subscription == nil || invoice.Subscription.ID != subscription || invoice.Lines == nil || !settled(invoice) {
			continue
		}
		if reason, _ := st.lost(invoice); reason != "" {
			continue
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
	if d := st.disputes[charge.ID]; d != nil {
		status := models.DisputeStatus(d.Status)
		if takesMoney(status) {
			return "disputed", unix(d.Created)
		}
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
