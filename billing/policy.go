package billing

import (
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
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

// spanOf is the policy of what a subscription's present state gives for the part
// of it that price paid:
//
//	active                    until paid through; 3 days' slack where a renewal is due
//	  renewal processing      21 days' slack
//	  collection paused       no slack
//	  cancel at period end    no slack
//	trialing                  until the trial's end
//	past_due                  the plan's grace from the first failure, at most 28 days
//	unpaid, paused,
//	incomplete(_expired)      no slack
//	canceled                  no slack, and not beyond its end
//	refunded whole, disputed  that stretch counts for nothing; nothing left: revoked
//
// ok is false where nothing was ever paid for.
func (st state) spanOf(sub *stripe.Subscription, price string, graceDays int) (sp span, ok bool) {
	var kept, lost []stretch
	for _, each := range st.stretches(sub.ID) {
		switch {
		case each.price != price:
		case each.lost != "":
			lost = append(lost, each)
		default:
			kept = append(kept, each)
		}
	}
	if len(kept) == 0 && len(lost) == 0 {
		return span{}, false
	}
	if len(kept) == 0 {
		return revokedSpan(lost), true
	}
	sp = covering(kept)
	if sub.TrialEnd > 0 && sub.Status == stripe.SubscriptionStatusTrialing {
		sp.until = later(sp.until, unix(sub.TrialEnd))
	}
	if ended := instant(sub.EndedAt); ended != nil && sub.Status == stripe.SubscriptionStatusCanceled {
		sp.until = later(earlier(sp.until, *ended), sp.from)
	}
	if st.covers(sub, price) {
		sp.grace = st.graceOf(sub, sp.until, graceDays)
	}
	return sp, true
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

// covers says whether price paid for the last stretch: only that one is renewed.
func (st state) covers(sub *stripe.Subscription, price string) bool {
	all := slices.DeleteFunc(st.stretches(sub.ID), func(each stretch) bool { return each.lost != "" })
	return len(all) > 0 && all[len(all)-1].price == price
}

// graceOf is the slack beyond what was paid; nil for none.
func (st state) graceOf(sub *stripe.Subscription, paid time.Time, graceDays int) *Grace {
	if sub.CancelAtPeriodEnd || sub.CancelAt != 0 || sub.PauseCollection != nil {
		return nil
	}
	switch sub.Status {
	case stripe.SubscriptionStatusActive:
		if st.renewalLost(sub, paid) {
			return nil
		}
		if st.renewalProcessing(sub) {
			return &Grace{paid.Add(processingSlack), GraceProcessing}
		}
		return &Grace{paid.Add(renewalSlack), GraceRenewalDue}
	case stripe.SubscriptionStatusPastDue:
		until := later(paid, st.failedAt(sub, paid)).Add(time.Duration(graceDays) * 24 * time.Hour)
		return &Grace{earlier(until, paid.Add(longestGrace)), GracePastDue}
	}
	return nil
}

// renewalLost says that the stretch after what is paid was settled and its money
// went back: no renewal is due, so there is nothing to bridge.
func (st state) renewalLost(sub *stripe.Subscription, paid time.Time) bool {
	return slices.ContainsFunc(st.stretches(sub.ID), func(each stretch) bool {
		return each.lost != "" && each.until.After(paid)
	})
}

func (st state) renewalProcessing(sub *stripe.Subscription) bool {
	open := st.openInvoice(sub)
	if open == nil || open.PaymentIntent == nil {
		return false
	}
	payment := st.payment(open.PaymentIntent.ID)
	return payment != nil && payment.Status == stripe.PaymentIntentStatusProcessing
}

// failedAt is when the open invoice was first tried: Stripe charges as it
// finalizes. Without one, the day that was paid for last.
func (st state) failedAt(sub *stripe.Subscription, paid time.Time) time.Time {
	open := st.openInvoice(sub)
	if open == nil || open.StatusTransitions == nil || open.StatusTransitions.FinalizedAt == 0 {
		return paid
	}
	return unix(open.StatusTransitions.FinalizedAt)
}

// openInvoice is the oldest that is still owed.
func (st state) openInvoice(sub *stripe.Subscription) *stripe.Invoice {
	var oldest *stripe.Invoice
	for _, invoice := range st.invoices {
		if invoice.Subscription == nil || invoice.Subscription.ID != sub.ID || invoice.Status != stripe.InvoiceStatusOpen {
			continue
		}
		if oldest == nil || invoice.Created < oldest.Created {
			oldest = invoice
		}
	}
	return oldest
}

// subscriptionKind tells a membership (a price that our catalogue sells or once
// sold), a gift (our metadata) and what is not ours.
func subscriptionKind(sub *stripe.Subscription, prices map[string]models.Price, gift bool) models.SubscriptionKind {
	if _, ours := prices[priceOf(sub)]; ours {
		return models.SubscriptionMembership
	}
	if gift {
		return models.SubscriptionDonation
	}
	return models.SubscriptionForeign
}

// priceOf is the price of a subscription's first item; ours have one.
func priceOf(sub *stripe.Subscription) string {
	if sub.Items == nil || len(sub.Items.Data) == 0 || sub.Items.Data[0].Price == nil {
		return ""
	}
	return sub.Items.Data[0].Price.ID
}
