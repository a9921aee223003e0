package billing

import (
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// stretches are the facts that a subscription's grants rest on: what its trial gives,
// what its settled invoices paid for, and what a debit on its way will have. The
// earliest end comes first. Not the subscription's current period: Stripe moves that
// at renewal, about an hour before it tries the card, so that granting by it gives
// every failed card a free month.
// https://stripe.com/docs/billing/invoices/subscription#subscription-renewal
func (st state) stretches(sub *stripe.Subscription) []models.Stretch {
	all := trialOf(sub)
	settled := st.settledOf(sub)
	for _, invoice := range settled {
		all = append(all, st.paidBy(invoice)...)
	}
	for _, open := range st.invoicesWith(sub, stripe.InvoiceStatusOpen) {
		if st.processing(open) {
			all = append(all, linesOf(open, models.Stretch{Processing: true})...)
		}
	}
	for _, invoice := range settled {
		st.noteCuts(all, invoice)
	}
	slices.SortStableFunc(all, func(a, b models.Stretch) int { return a.Until.Compare(b.Until) })
	return all
}

// trialOf is what a running trial gives, for each price that it tries. Never nil:
// a subscription that gives nothing is known to.
func trialOf(sub *stripe.Subscription) []models.Stretch {
	all := []models.Stretch{}
	if sub.Status != stripe.SubscriptionStatusTrialing || sub.TrialEnd <= sub.TrialStart {
		return all
	}
	for _, price := range itemPrices(sub) {
		all = append(all, models.Stretch{Price: price, From: unix(sub.TrialStart), Until: unix(sub.TrialEnd)})
	}
	return all
}

func (st state) paidBy(invoice *stripe.Invoice) []models.Stretch {
	reason, at := st.lost(invoice)
	return linesOf(invoice, models.Stretch{Lost: reason, LostAt: at})
}

// linesOf is a stretch like that one for each plan line of an invoice.
func linesOf(invoice *stripe.Invoice, like models.Stretch) []models.Stretch {
	var all []models.Stretch
	for _, line := range planLines(invoice) {
		like.Price, like.Invoice, like.Line = line.Price.ID, invoice.ID, line.ID
		like.From, like.Until = unix(line.Period.Start), unix(line.Period.End)
		all = append(all, like)
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

// noteCuts notes with the lines that a negative proration of this invoice credits
// where they are cut: at that proration's own start, for what was given back is no
// longer paid for.
// https://stripe.com/docs/api/invoices/line_item#invoice_line_item_object-proration_details
func (st state) noteCuts(all []models.Stretch, invoice *stripe.Invoice) {
	if invoice.Lines == nil {
		return
	}
	reason, _ := st.lost(invoice)
	for _, line := range invoice.Lines.Data {
		if line.Amount >= 0 || line.Period == nil || line.ProrationDetails == nil || line.ProrationDetails.CreditedItems == nil {
			continue
		}
		credited := line.ProrationDetails.CreditedItems.InvoiceLineItems
		for i := range all {
			if slices.Contains(credited, all[i].Line) {
				all[i].Cuts = append(all[i].Cuts, models.Cut{At: unix(line.Period.Start), Lost: reason})
			}
		}
	}
}

// processing says whether an invoice's payment is with the bank.
func (st state) processing(invoice *stripe.Invoice) bool {
	if invoice.PaymentIntent == nil {
		return false
	}
	payment := st.payment(invoice.PaymentIntent.ID)
	return payment != nil && payment.Status == stripe.PaymentIntentStatusProcessing
}

// lost tells why the money of a settled invoice did not stay, and since when.
// Partial refunds that sum to the whole are a whole refund; only succeeded ones
// count. A warning is no dispute yet, and a won one is none any more.
func (st state) lost(invoice *stripe.Invoice) (reason models.Loss, at time.Time) {
	if invoice.PaymentIntent == nil {
		return "", time.Time{}
	}
	payment := st.payment(invoice.PaymentIntent.ID)
	if payment == nil || payment.LatestCharge == nil {
		return "", time.Time{}
	}
	charge := payment.LatestCharge
	if refunded, last := refundedOf(charge); refunded >= charge.Amount && refunded > 0 {
		return models.LostToRefund, last
	}
	d := st.disputes[charge.ID]
	switch {
	case d == nil:
		return "", time.Time{}
	case models.DisputeStatus(d.Status) == models.DisputeLost:
		return models.LostToDispute, unix(d.Created)
	case models.DisputeStatus(d.Status).Suspends():
		return models.HeldInDispute, unix(d.Created)
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

// failedAt is when the oldest open invoice was first tried: Stripe charges as it
// finalizes. nil where there is none.
func (st state) failedAt(sub *stripe.Subscription) *time.Time {
	owed := st.oldestOwed(sub)
	if owed == nil || owed.StatusTransitions == nil {
		return nil
	}
	return instant(owed.StatusTransitions.FinalizedAt)
}

// oldestOwed is the open invoice that was made first; nil for none.
func (st state) oldestOwed(sub *stripe.Subscription) *stripe.Invoice {
	owed := st.invoicesWith(sub, stripe.InvoiceStatusOpen)
	if len(owed) == 0 {
		return nil
	}
	return slices.MinFunc(owed, func(a, b *stripe.Invoice) int { return int(a.Created - b.Created) })
}

// delayed are the payment methods by which a bank says no only days later.
// https://stripe.com/docs/payments/payment-methods#payment-notification
var delayed = []string{"acss_debit", "au_becs_debit", "bacs_debit", "sepa_debit", "us_bank_account"}

// byDebit says whether an invoice was last tried by such a method.
func (st state) byDebit(invoice *stripe.Invoice) bool {
	if invoice.PaymentIntent == nil {
		return false
	}
	payment := st.payment(invoice.PaymentIntent.ID)
	return payment != nil && payment.LatestCharge != nil && payment.LatestCharge.PaymentMethodDetails != nil &&
		slices.Contains(delayed, string(payment.LatestCharge.PaymentMethodDetails.Type))
}

// itemPrices are the prices that a subscription is for at present.
func itemPrices(sub *stripe.Subscription) []string {
	if sub.Items == nil {
		return nil
	}
	var all []string
	for _, item := range sub.Items.Data {
		if item.Price != nil {
			all = append(all, item.Price.ID)
		}
	}
	return all
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
