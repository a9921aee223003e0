package stripesim

import "time"

// Event is a short account of one event.
type Event struct {
	ID      string
	Type    string
	Created time.Time
	Object  string // the id of the object it tells of
	Pending int64  // endpoints that have not accepted it yet
	Body    []byte // as the API shows it, JSON
	// Accepted is how often each address has answered with a 2xx.
	Accepted map[string]int64
}

// Events answers every event there was, the newest first; the API itself shows
// those of the last 30 days.
func (s *Sim) Events() (out []Event) {
	s.live(func() {
		for _, e := range s.store.all("event", nil) {
			out = append(out, Event{
				ID: str(e, "id"), Type: str(e, "type"), Created: when(e), Object: str(e, "data.object.id"),
				Pending: s.courier.pending(str(e, "id")), Body: encode(s.shown(e)), Accepted: counts(sub(e, "_accepted")),
			})
		}
	})
	return out
}

// Subscription is a short account of one subscription, ended ones included.
type Subscription struct {
	ID, Customer, Email string
	Status              string // Stripe's own word
	Product, Price      string // the product's name, the price's id
	Amount              int64  // per interval, in the currency's smallest unit
	Currency, Interval  string
	PeriodEnd           time.Time
	CancelAtPeriodEnd   bool
	CancelAt, TrialEnd  time.Time // zero for none
	PauseCollection     string    // its behavior; empty if collection is not paused
	Coupon              string    // the id of its discount's coupon; empty for none
	Metadata            map[string]string
}

// Invoice is a short account of one invoice.
type Invoice struct {
	ID, Customer, Subscription   string
	Status, Reason               string // Stripe's own words
	Total, AmountDue, AmountPaid int64  // in the currency's smallest unit
	Currency                     string
	Created                      time.Time
	Lines                        []InvoiceLine
}

// InvoiceLine is what an invoice bills for a span of time; a negative amount
// comes back.
type InvoiceLine struct {
	Price     string
	Amount    int64
	Proration bool
	From, To  time.Time
}

// Invoices answers the invoices of a customer, or all if none is named, the
// newest first.
func (s *Sim) Invoices(customer string) (out []Invoice) {
	s.live(func() {
		found := s.store.where("invoice", "customer", customer)
		if customer == "" {
			found = s.store.all("invoice", nil)
		}
		for _, o := range found {
			out = append(out, invoiceSummary(o))
		}
	})
	return out
}

func invoiceSummary(o object) Invoice {
	in := Invoice{
		ID: str(o, "id"), Customer: str(o, "customer"), Subscription: str(o, "subscription"),
		Status: str(o, "status"), Reason: str(o, "billing_reason"),
		Total: num(o, "total"), AmountDue: num(o, "amount_due"), AmountPaid: num(o, "amount_paid"), Currency: str(o, "currency"), Created: when(o),
	}
	for _, l := range objects(array(o, "lines.data")) {
		in.Lines = append(in.Lines, InvoiceLine{
			Price: str(l, "price"), Amount: num(l, "amount"), Proration: flag(l, "proration"),
			From: instantOf(num(l, "period.start")), To: instantOf(num(l, "period.end")),
		})
	}
	return in
}

// Subscriptions answers all subscriptions, the newest first.
func (s *Sim) Subscriptions() (out []Subscription) {
	s.live(func() {
		for _, o := range s.store.all("subscription", nil) {
			out = append(out, s.summary(o))
		}
	})
	return out
}

func (s *Sim) summary(o object) Subscription {
	price := s.store.byID[pricesOf(o)[0]]
	return Subscription{
		ID: str(o, "id"), Customer: str(o, "customer"), Email: str(s.store.byID[str(o, "customer")], "email"),
		Status: str(o, "status"), Product: str(s.store.byID[str(price, "product")], "name"), Price: str(price, "id"),
		Amount:   num(price, "unit_amount") * num(array(o, "items.data")[0].(object), "quantity"),
		Currency: str(price, "currency"), Interval: str(price, "recurring.interval"),
		PeriodEnd: time.Unix(num(o, "current_period_end"), 0).UTC(), CancelAtPeriodEnd: flag(o, "cancel_at_period_end"),
		CancelAt: instantOf(num(o, "cancel_at")), TrialEnd: instantOf(num(o, "trial_end")),
		PauseCollection: str(o, "pause_collection.behavior"), Coupon: str(o, "discount.coupon.id"),
		Metadata: texts(sub(o, "metadata")),
	}
}

// instantOf reads Unix seconds; none are the zero time.
func instantOf(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0).UTC()
}

func when(o object) time.Time { return time.Unix(num(o, "created"), 0).UTC() }

func texts(metadata object) map[string]string {
	out := map[string]string{}
	for k, v := range metadata {
		out[k], _ = v.(string)
	}
	return out
}

func counts(by object) map[string]int64 {
	out := map[string]int64{}
	for k, v := range by {
		out[k], _ = v.(int64)
	}
	return out
}
