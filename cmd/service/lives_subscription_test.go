package service_test

import (
	"testing"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// https://stripe.com/docs/billing/subscriptions/overview: Stripe renews at the end
// of the period: it moves the period, makes a draft invoice, and tries the card
// about an hour later.
func TestLifeOfAMembershipThatRenews(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-01-31 09:00")
	l.reads(nothing).ledger()
	l.buys("member", "month", simtest.Pays)
	l.reads(member).ledger("membership succeeded 800 eur")
	l.at("2026-02-28 09:30").readsByGrace(member, "renewal_due")
	l.at("2026-02-28 12:00").reads(member).ledger("membership succeeded 800 eur", "membership succeeded 800 eur")
	l.at("2026-03-31 12:00").reads(member).until("2026-05-03 09:00")
}
