package oracle

import (
	"slices"
	"time"
)

// Payments are the charges that belong into the ledger, by payment intent: they pay, at
// least in part, for a price of ours and a reader of ours, or are a gift. owned says
// whose customer is a reader; gifts are the ids that a gift carries as its donation_id.
func (t Truth) Payments(prices map[string]Price, owned func(customer string) bool, gifts map[string]bool) map[string]Charge {
	ours := t.ownInvoices(prices, owned, gifts)
	want := map[string]Charge{}
	for intent, c := range t.Charges {
		if c.Status == "succeeded" && (ours[intent] || gifts[t.Intents[intent].Metadata["donation_id"]]) {
			want[intent] = c
		}
	}
	return want
}

// ownInvoices are the payment intents of our invoices.
func (t Truth) ownInvoices(prices map[string]Price, owned func(customer string) bool, gifts map[string]bool) map[string]bool {
	bySubscription := map[string]Subscription{}
	for _, s := range t.Subscriptions {
		bySubscription[s.ID] = s
	}
	ours := map[string]bool{}
	for _, i := range t.Invoices {
		s := bySubscription[i.Subscription]
		sold := slices.ContainsFunc(i.Lines.Data, func(line Line) bool { return prices[line.Price.ID].ID != "" })
		if i.PaymentIntent != nil && (sold && owned(s.Customer) || gifts[s.Metadata["donation_id"]]) {
			ours[*i.PaymentIntent] = true
		}
	}
	return ours
}

// Day is one day's money in one currency.
type Day struct {
	Day      time.Time // UTC
	Currency string
}

// Nets are what is left of payments, less refunds and fees, by the day of the charge.
func Nets(payments map[string]Charge) map[Day]int64 {
	nets := map[Day]int64{}
	for _, c := range payments {
		nets[Day{time.Unix(c.Created, 0).UTC().Truncate(day), c.Currency}] += c.Amount - c.AmountRefunded - c.Fee()
	}
	return nets
}
