package service_test

import "github.com/stripe/stripe-go/v76"

// bank is the reader's. What it does, it does to the latest payment.
type bank struct{ *life }

// disputes takes the money back until the dispute is decided.
func (b bank) disputes() *life {
	b.t.Helper()
	_, err := b.stripe.Sim.Dispute(b.stripe.Sim.Payments()[0].Intent, "")
	return b.done(err)
}

// inquires asks, and takes nothing yet.
func (b bank) inquires() *life {
	b.t.Helper()
	_, err := b.stripe.Sim.Inquire(b.stripe.Sim.Payments()[0].Intent, "")
	return b.done(err)
}

// decides gives the dispute Stripe's word for its end; an inquiry that "needs_response"
// is a dispute from then on.
func (b bank) decides(status string) *life {
	b.t.Helper()
	return b.done(b.stripe.Sim.ResolveDispute(b.dispute(), status))
}

func (b bank) dispute() string {
	b.t.Helper()
	list := b.publisher.api.Disputes.List(&stripe.DisputeListParams{})
	if !list.Next() {
		b.t.Fatalf("nothing is disputed: %v", list.Err())
	}
	return list.Dispute().ID
}

// refusesTheRenewal declines the next renewal, its retries too.
func (b bank) refusesTheRenewal() *life {
	b.t.Helper()
	return b.done(b.stripe.Sim.DeclineNextRenewal(b.publisher.latest()))
}
