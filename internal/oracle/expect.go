package oracle

import (
	"slices"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Price is what one price of ours costs and opens.
type Price struct {
	ID, Plan, Interval, Currency string
	Amount                       int64
	GraceDays                    int
	Features                     []string
}

// Span is what one price of one subscription opens: from an instant until another.
type Span struct {
	Features    []string
	From, Until time.Time
}

// Spans is E, who may read what by Stripe's present state, for one subscription. It
// is written from Stripe's documentation and the newsroom's default policy, and
// shares nothing with billing: what both get wrong, the golden timelines find.
//
//	https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
//	https://docs.stripe.com/billing/invoices/subscription#subscription-renewal
//	https://docs.stripe.com/billing/subscriptions/prorations
func (t Truth) Spans(s Subscription, prices map[string]Price) []Span {
	var all []Span
	for _, p := range prices {
		from, paid := t.paidThrough(s, p.ID)
		if paid.IsZero() {
			continue
		}
		until := later(paid, t.slack(s, p, paid))
		if s.EndedAt != nil {
			until = earlier(paid, time.Unix(*s.EndedAt, 0))
		}
		all = append(all, Span{p.Features, from, until})
	}
	return all
}

// paidThrough is the stretch that money which stayed has paid for: not the current
// period, which Stripe moves an hour before it tries the card.
func (t Truth) paidThrough(s Subscription, price string) (from, until time.Time) {
	if s.Status == "trialing" && s.TrialEnd != nil && s.Items.Data[0].Price.ID == price {
		from, until = time.Unix(*s.TrialStart, 0), time.Unix(*s.TrialEnd, 0)
	}
	for _, line := range t.linesThatStayed(s, price) {
		until = later(until, t.givenBack(s, line))
		if begin := time.Unix(line.Period.Start, 0); from.IsZero() || begin.Before(from) {
			from = begin
		}
	}
	return from, until
}

// linesThatStayed are the lines for a price on invoices whose money was paid and
// stayed.
func (t Truth) linesThatStayed(s Subscription, price string) []Line {
	return slices.DeleteFunc(t.linesOf(s, t.stayed), func(line Line) bool {
		return line.Price.ID != price || line.Amount < 0
	})
}

// linesOf are the lines of a subscription's invoices that are so.
func (t Truth) linesOf(s Subscription, so func(Invoice) bool) []Line {
	var all []Line
	for _, i := range t.Invoices {
		if i.Subscription == s.ID && so(i) {
			all = append(all, i.Lines.Data...)
		}
	}
	return all
}

func (t Truth) stayed(i Invoice) bool { return i.Status == "paid" && !t.lost(i) }

func (t Truth) wentBack(i Invoice) bool { return i.Status == "paid" && t.lost(i) }

// givenBack is when a line that was paid ends: at its own end, or where another plan
// took its place and its rest was credited.
func (t Truth) givenBack(s Subscription, line Line) time.Time {
	end := line.Period.End
	for _, other := range t.linesOf(s, t.stayed) {
		if credited := other.ProrationDetails.CreditedItems; other.Amount < 0 && credited != nil && slices.Contains(credited.Lines, line.ID) {
			end = min(end, other.Period.Start)
		}
	}
	return time.Unix(end, 0)
}

// lost says that the money of a paid invoice did not stay: wholly refunded, by
// refunds that succeeded, or taken back by a dispute. A warning is no dispute yet.
// https://docs.stripe.com/disputes/how-disputes-work
func (t Truth) lost(i Invoice) bool {
	if i.PaymentIntent == nil {
		return false
	}
	c, paid := t.Charges[*i.PaymentIntent]
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
	return back > 0 && back >= c.Amount || slices.Contains(took, t.Disputes[c.ID].Status)
}

// slack is until when access goes on beyond what is paid, at most to the end that
// somebody wished for; zero: it does not.
func (t Truth) slack(s Subscription, p Price, paid time.Time) time.Time {
	more := t.bridge(s, p, paid)
	ends := s.CancelAt
	if ends == nil && s.CancelAtPeriodEnd {
		ends = &s.CurrentPeriodEnd
	}
	if ends == nil {
		return more
	}
	return earlier(more, time.Unix(*ends, 0))
}

func (t Truth) bridge(s Subscription, p Price, paid time.Time) time.Time {
	switch {
	case s.PauseCollection != nil, t.replaced(s, p, paid):
		return time.Time{}
	case s.Status == "past_due":
		failed := later(paid, t.firstFailure(s))
		return earlier(failed.Add(time.Duration(p.GraceDays)*day), paid.Add(28*day))
	case s.Status != "active", goesOn(t.linesOf(s, t.wentBack), paid): // a later stretch was paid, and its money went back
		return time.Time{}
	case goesOn(t.linesOf(s, t.processing), paid):
		return paid.Add(21 * day)
	}
	return paid.Add(3 * day)
}

// replaced says that another price was paid for from where this one ends.
func (t Truth) replaced(s Subscription, p Price, paid time.Time) bool {
	return slices.ContainsFunc(t.linesOf(s, t.stayed), func(line Line) bool {
		return line.Amount >= 0 && line.Price.ID != p.ID && !time.Unix(line.Period.Start, 0).Before(paid)
	})
}

// goesOn says that one of these lines gives time beyond an instant.
func goesOn(lines []Line, paid time.Time) bool {
	return slices.ContainsFunc(lines, func(line Line) bool {
		return line.Amount >= 0 && time.Unix(line.Period.End, 0).After(paid)
	})
}

func (t Truth) firstFailure(s Subscription) (first time.Time) {
	for _, i := range t.Invoices {
		if i.Subscription != s.ID || i.Status != "open" || i.StatusTransitions.FinalizedAt == nil {
			continue
		}
		if tried := t.refused(i); first.IsZero() || tried.Before(first) {
			first = tried
		}
	}
	return first
}

// refused is when an invoice could not be paid: when it was finalized and tried; by a
// debit days later, which only an event tells.
// https://docs.stripe.com/payments/sepa-debit
func (t Truth) refused(i Invoice) time.Time {
	if i.PaymentIntent != nil && strings.HasSuffix(t.Charges[*i.PaymentIntent].Method.Type, "_debit") {
		if at, told := t.Refusals[i.ID]; told {
			return at
		}
	}
	return time.Unix(*i.StatusTransitions.FinalizedAt, 0)
}

func (t Truth) processing(i Invoice) bool {
	return i.Status == "open" && i.PaymentIntent != nil && t.Intents[*i.PaymentIntent].Status == "processing"
}

// Held is what is open at one instant, and until when, each feature as long as any
// span opens it.
func Held(all []Span, at time.Time) map[string]time.Time {
	open := map[string]time.Time{}
	for _, s := range all {
		if at.Before(s.From) || !at.Before(s.Until) {
			continue
		}
		for _, feature := range s.Features {
			open[feature] = later(open[feature], s.Until)
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
