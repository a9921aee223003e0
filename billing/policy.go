package billing

import (
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// The reasons of a grace. Only GracePastDue asks anything of the reader.
const (
	GraceRenewalDue = "renewal_due"        // Stripe is about to charge
	GraceProcessing = "renewal_processing" // the bank is about to pay
	GracePastDue    = "past_due"           // the charge failed
)

const (
	renewalSlack    = 3 * 24 * time.Hour  // Stripe needs an hour or so, an outage a weekend
	processingSlack = 21 * 24 * time.Hour // SEPA and Bacs debits take days to settle
	longestGrace    = 28 * 24 * time.Hour // whatever the plan says
)

// span is how long one price of one subscription gives access.
type span struct {
	from, until time.Time
	grace       *Grace
	revoked     string // why nothing is given any more: "", "refunded", "disputed"
	revokedAt   time.Time
}

// spanOf is the policy of what a subscription's present state gives for one of the
// prices that its stretches, all of them, are of:
//
//	active                    until paid through; 3 days' slack where a renewal is due
//	  renewal processing      21 days' slack
//	  collection paused       no slack
//	  ends with what is paid  no slack
//	trialing                  until the trial's end
//	past_due                  the plan's grace from the first failure, at most 28 days
//	unpaid, paused,
//	incomplete(_expired)      no slack
//	canceled                  no slack, and not beyond its end
//	refunded whole, disputed  that stretch counts for nothing; nothing left: revoked
func (st state) spanOf(sub *stripe.Subscription, all []stretch, price string, graceDays int) span {
	kept := slices.DeleteFunc(slices.Clone(all), func(each stretch) bool { return each.lost != "" })
	ofPrice := only(kept, price)
	if len(ofPrice) == 0 {
		return revokedSpan(only(all, price))
	}
	sp := covering(ofPrice)
	if !superseded(kept, price, sp.until) {
		sp.grace = st.graceOf(sub, all, sp.until, graceDays)
	}
	if ended := instant(sub.EndedAt); ended != nil && sub.Status == stripe.SubscriptionStatusCanceled {
		sp.until = later(earlier(sp.until, *ended), sp.from)
	}
	return sp
}

func only(all []stretch, price string) []stretch {
	return slices.DeleteFunc(slices.Clone(all), func(each stretch) bool { return each.price != price })
}

// covering joins stretches: from the first's start to the last's end.
func covering(all []stretch) span {
	sp := span{from: all[0].from, until: all[0].until}
	for _, each := range all[1:] {
		sp.from, sp.until = earlier(sp.from, each.from), later(sp.until, each.until)
	}
	sp.until = later(sp.until, sp.from)
	return sp
}

func revokedSpan(lost []stretch) span {
	sp := covering(lost)
	last := lost[len(lost)-1]
	sp.revoked, sp.revokedAt = last.lost, last.lostAt
	return sp
}

// superseded says that another price was paid for from the moment on that price
// was paid until: an upgrade or a downgrade that went through. The other one is
// renewed then.
func superseded(kept []stretch, price string, until time.Time) bool {
	return slices.ContainsFunc(kept, func(each stretch) bool {
		return each.price != price && !each.from.Before(until)
	})
}

// graceOf is the slack beyond what was paid; nil for none. A subscription that is
// to end later than that is renewed once more at least, and has its slack.
func (st state) graceOf(sub *stripe.Subscription, all []stretch, paid time.Time, graceDays int) *Grace {
	end := endsAt(sub)
	if sub.PauseCollection != nil || (end != nil && !end.After(paid)) {
		return nil
	}
	grace := st.slack(sub, all, paid, graceDays)
	if grace != nil && end != nil {
		grace.Until = earlier(grace.Until, *end)
	}
	return grace
}

func (st state) slack(sub *stripe.Subscription, all []stretch, paid time.Time, graceDays int) *Grace {
	switch {
	case sub.Status == stripe.SubscriptionStatusPastDue:
		until := later(paid, st.failedAt(sub, paid)).Add(time.Duration(graceDays) * 24 * time.Hour)
		return &Grace{earlier(until, paid.Add(longestGrace)), GracePastDue}
	case sub.Status != stripe.SubscriptionStatusActive, renewalLost(all, paid):
		return nil
	case st.renewalProcessing(sub):
		return &Grace{paid.Add(processingSlack), GraceProcessing}
	}
	return &Grace{paid.Add(renewalSlack), GraceRenewalDue}
}

// endsAt is when a subscription is to end by somebody's wish; nil: it goes on.
func endsAt(sub *stripe.Subscription) *time.Time {
	if sub.CancelAt == 0 && sub.CancelAtPeriodEnd {
		return instant(sub.CurrentPeriodEnd)
	}
	return instant(sub.CancelAt)
}

// renewalLost says that the stretch after what is paid was settled and its money
// went back: no renewal is due, so there is nothing to bridge.
func renewalLost(all []stretch, paid time.Time) bool {
	return slices.ContainsFunc(all, func(each stretch) bool { return each.lost != "" && each.until.After(paid) })
}

func (st state) renewalProcessing(sub *stripe.Subscription) bool {
	return slices.ContainsFunc(st.invoicesWith(sub, stripe.InvoiceStatusOpen), func(open *stripe.Invoice) bool {
		if open.PaymentIntent == nil {
			return false
		}
		payment := st.payment(open.PaymentIntent.ID)
		return payment != nil && payment.Status == stripe.PaymentIntentStatusProcessing
	})
}

// failedAt is when the oldest open invoice was first tried: Stripe charges as it
// finalizes. Without one, the day that was paid for last.
func (st state) failedAt(sub *stripe.Subscription, paid time.Time) time.Time {
	owed := st.invoicesWith(sub, stripe.InvoiceStatusOpen)
	if len(owed) == 0 {
		return paid
	}
	oldest := slices.MinFunc(owed, func(a, b *stripe.Invoice) int { return int(a.Created - b.Created) })
	if oldest.StatusTransitions == nil || oldest.StatusTransitions.FinalizedAt == 0 {
		return paid
	}
	return unix(oldest.StatusTransitions.FinalizedAt)
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
