package faults

import (
	"slices"
	"time"
)

// What Stripe says, in the words of its API. Only what the oracle needs.
// https://docs.stripe.com/api at 2023-10-16
type (
	subscription struct {
		ID, Customer, Status string
		CancelAtPeriodEnd    bool              `json:"cancel_at_period_end"`
		CurrentPeriodEnd     int64             `json:"current_period_end"`
		CancelAt             *int64            `json:"cancel_at"`
		EndedAt              *int64            `json:"ended_at"`
		TrialStart           *int64            `json:"trial_start"`
		TrialEnd             *int64            `json:"trial_end"`
		PauseCollection      *struct{}         `json:"pause_collection"`
		Metadata             map[string]string `json:"metadata"`
		Items                struct {
			Data []struct{ Price struct{ ID string } }
		}
	}
	invoice struct {
		ID, Subscription, Status string
		PaymentIntent            *string `json:"payment_intent"`
		Lines                    struct{ Data []invoiceLine }
		StatusTransitions        struct {
			FinalizedAt *int64 `json:"finalized_at"`
		} `json:"status_transitions"`
	}
	invoiceLine struct {
		Amount    int64
		Proration bool
		Period    struct{ Start, End int64 }
		Price     struct{ ID string }
	}
	charge struct {
		ID, Status, Currency string
		Customer, Invoice    *string
		PaymentIntent        string `json:"payment_intent"`
		Amount               int64
		AmountRefunded       int64 `json:"amount_refunded"`
		Created              int64
		Metadata             map[string]string
		BalanceTransaction   *struct {
			Fee      int64
			Currency string
		} `json:"balance_transaction"`
		Refunds struct{ Data []refund }
	}
	refund struct {
		ID, Status, Charge string
		Amount, Created    int64
	}
	dispute struct {
		ID, Charge, Status string
		Created            int64
	}
	paymentIntent struct {
		ID, Status   string
		Customer     *string
		LatestCharge *string `json:"latest_charge"`
		Metadata     map[string]string
	}
)

func (s subscription) id() string  { return s.ID }
func (i invoice) id() string       { return i.ID }
func (c charge) id() string        { return c.ID }
func (r refund) id() string        { return r.ID }
func (d dispute) id() string       { return d.ID }
func (p paymentIntent) id() string { return p.ID }

// truth is Stripe's present state of a whole account.
type truth struct {
	subscriptions []subscription
	invoices      []invoice
	charges       map[string]charge // by payment intent, the latest
	intents       map[string]paymentIntent
	disputes      map[string]dispute // by charge, the newest
}

const day = 24 * time.Hour

// span is what one price of one subscription opens: from an instant until another.
type span struct {
	features    []string
	from, until time.Time
}

// spans is E, who may read what by Stripe's present state, for one subscription. It
// is written from Stripe's documentation and the newsroom's default policy, and
// shares nothing with billing: what both get wrong, the golden timelines find.
//
//	https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
//	https://docs.stripe.com/billing/invoices/subscription#subscription-renewal
//
// Changes of plan are not in it.
func (t truth) spans(s subscription, prices map[string]price) []span {
	var all []span
	for _, p := range prices {
		from, paid := t.paidThrough(s, p.id)
		if paid.IsZero() {
			continue
		}
		until := later(paid, t.slack(s, p, paid))
		if s.EndedAt != nil {
			until = earlier(paid, time.Unix(*s.EndedAt, 0))
		}
		all = append(all, span{p.features, from, until})
	}
	return all
}

// paidThrough is the stretch that money which stayed has paid for: not the current
// period, which Stripe moves an hour before it tries the card.
func (t truth) paidThrough(s subscription, price string) (from, until time.Time) {
	if s.Status == "trialing" && s.TrialEnd != nil && s.Items.Data[0].Price.ID == price {
		from, until = time.Unix(*s.TrialStart, 0), time.Unix(*s.TrialEnd, 0)
	}
	for _, line := range t.linesThatStayed(s, price) {
		until = later(until, time.Unix(line.Period.End, 0))
		if begin := time.Unix(line.Period.Start, 0); from.IsZero() || begin.Before(from) {
			from = begin
		}
	}
	return from, until
}

// linesThatStayed are the lines for a price on invoices whose money was paid and
// stayed.
func (t truth) linesThatStayed(s subscription, price string) []invoiceLine {
	var all []invoiceLine
	for _, i := range t.invoices {
		if i.Subscription != s.ID || i.Status != "paid" || t.lost(i) {
			continue
		}
		for _, line := range i.Lines.Data {
			if line.Price.ID == price && line.Amount >= 0 {
				all = append(all, line)
			}
		}
	}
	return all
}

// lost says that the money of a paid invoice did not stay: wholly refunded, by
// refunds that succeeded, or taken back by a dispute. A warning is no dispute yet.
// https://docs.stripe.com/disputes/how-disputes-work
func (t truth) lost(i invoice) bool {
	if i.PaymentIntent == nil {
		return false
	}
	c, paid := t.charges[*i.PaymentIntent]
	if !paid {
		return false
	}
	var back int64
	for _, r := range c.Refunds.Data {
		if r.Status == "succeeded" {
			back += r.Amount
		}
	}
	took := []string{"needs_response", "under_review", "lost"}
	return back > 0 && back >= c.Amount || slices.Contains(took, t.disputes[c.ID].Status)
}

// slack is until when access goes on beyond what is paid; zero: it does not.
func (t truth) slack(s subscription, p price, paid time.Time) time.Time {
	ends := s.CancelAt
	if ends == nil && s.CancelAtPeriodEnd {
		ends = &s.CurrentPeriodEnd
	}
	switch {
	case s.PauseCollection != nil, ends != nil && !time.Unix(*ends, 0).After(paid), t.renewalLost(s, paid):
		return time.Time{}
	case s.Status == "past_due":
		failed := later(paid, t.firstFailure(s))
		return earlier(failed.Add(time.Duration(p.graceDays)*day), paid.Add(28*day))
	case s.Status != "active":
		return time.Time{}
	case t.renewalProcessing(s):
		return paid.Add(21 * day)
	}
	return paid.Add(3 * day)
}

// renewalLost says that a later stretch was paid and its money went back.
func (t truth) renewalLost(s subscription, paid time.Time) bool {
	return slices.ContainsFunc(t.invoices, func(i invoice) bool {
		return i.Subscription == s.ID && i.Status == "paid" && t.lost(i) && slices.ContainsFunc(i.Lines.Data, func(l invoiceLine) bool {
			return time.Unix(l.Period.End, 0).After(paid)
		})
	})
}

func (t truth) firstFailure(s subscription) (first time.Time) {
	for _, i := range t.invoices {
		if i.Subscription != s.ID || i.Status != "open" || i.StatusTransitions.FinalizedAt == nil {
			continue
		}
		if tried := time.Unix(*i.StatusTransitions.FinalizedAt, 0); first.IsZero() || tried.Before(first) {
			first = tried
		}
	}
	return first
}

func (t truth) renewalProcessing(s subscription) bool {
	return slices.ContainsFunc(t.invoices, func(i invoice) bool {
		return i.Subscription == s.ID && i.Status == "open" && i.PaymentIntent != nil && t.intents[*i.PaymentIntent].Status == "processing"
	})
}

// held is what is open at one instant, and until when, each feature as long as any
// span opens it.
func held(all []span, at time.Time) map[string]time.Time {
	open := map[string]time.Time{}
	for _, s := range all {
		if at.Before(s.from) || !at.Before(s.until) {
			continue
		}
		for _, feature := range s.features {
			open[feature] = later(open[feature], s.until)
		}
	}
	return open
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
