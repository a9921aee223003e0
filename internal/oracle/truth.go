package oracle

import (
	"context"
	"net/url"
	"time"
)

// Truth is Stripe's present state of a whole account.
type Truth struct {
	Subscriptions []Subscription
	Customers     []Customer // those that were not deleted
	Invoices      []Invoice
	Charges       map[string]Charge // by payment intent, the latest
	Intents       map[string]PaymentIntent
	Disputes      map[string]Dispute   // by charge, the newest
	Refusals      map[string]time.Time // when an invoice was first refused, as far back as Stripe lists events
}

// Read asks for everything.
func Read(ctx context.Context, a API) (t Truth, err error) {
	if t.Subscriptions, err = List[Subscription](ctx, a, "/v1/subscriptions", url.Values{"status": {"all"}}); err != nil {
		return t, err
	}
	if t.Customers, err = List[Customer](ctx, a, "/v1/customers", nil); err != nil {
		return t, err
	}
	if t.Invoices, err = List[Invoice](ctx, a, "/v1/invoices", nil); err != nil {
		return t, err
	}
	if t.Charges, err = newest(ctx, a, "/v1/charges", ChargesOf(""), func(c Charge) string { return c.PaymentIntent }); err != nil {
		return t, err
	}
	if t.Intents, err = newest(ctx, a, "/v1/payment_intents", nil, func(p PaymentIntent) string { return p.ID }); err != nil {
		return t, err
	}
	if t.Disputes, err = newest(ctx, a, "/v1/disputes", nil, func(d Dispute) string { return d.Charge }); err != nil {
		return t, err
	}
	refused, err := List[Event](ctx, a, "/v1/events", url.Values{"type": {"invoice.payment_failed"}})
	t.Refusals = map[string]time.Time{}
	for _, e := range refused { // newest first: the oldest stays
		t.Refusals[e.Data.Object.ID] = time.Unix(e.Created, 0)
	}
	return t, err
}

// newest lists what has a key, and keeps the newest of each.
func newest[T any](ctx context.Context, a API, path string, form url.Values, key func(T) string) (map[string]T, error) {
	all, err := List[T](ctx, a, path, form)
	if err != nil {
		return nil, err
	}
	by := map[string]T{}
	for _, one := range all { // newest first
		if _, later := by[key(one)]; !later {
			by[key(one)] = one
		}
	}
	return by, nil
}

// ChargesOf asks for the charges of a customer, or of all if it is empty, as the oracle
// reads them.
func ChargesOf(customer string) url.Values {
	query := url.Values{"expand[]": {"data.balance_transaction", "data.refunds"}}
	if customer != "" {
		query.Set("customer", customer)
	}
	return query
}
