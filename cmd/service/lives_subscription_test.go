package service_test

import (
	"testing"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// paid is the ledger's row for a month as a member.
const paid = "membership succeeded 800 eur"

// Ada joins on the last day of January. Stripe renews at the end of each month,
// however short it is: it moves the period, makes a draft invoice, and tries the card
// about an hour later. Until then she reads on.
//
// https://docs.stripe.com/billing/subscriptions/billing-cycle
// https://docs.stripe.com/billing/invoices/subscription
func TestLifeOfAMembershipThatRenews(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-01-31 09:00").reads(nothing).ledger()
	l.buys("member", "month", simtest.Pays).reads(member).until("2026-03-03 09:00").ledger(paid)
	l.at("2026-02-28 08:59").reads(member).ledger(paid)
	l.at("2026-02-28 09:30").readsByGrace(member, "renewal_due").ledger(paid)
	l.at("2026-02-28 12:00").reads(member).until("2026-04-03 09:00").ledger(paid, paid)
	l.at("2026-03-31 12:00").reads(member).until("2026-05-03 09:00").ledger(paid, paid, paid)
}

// Ada becomes a patron for a year on the 29th of February. In years without that day
// Stripe renews on the 28th, and in the next leap year on the 29th again.
//
// https://docs.stripe.com/billing/subscriptions/billing-cycle
func TestLifeOfAYearThatBeginsOnALeapDay(t *testing.T) {
	t.Parallel()
	const year = "membership succeeded 20000 eur"
	l := begin(t, "2028-02-29 12:00")
	l.buys("patron", "year", simtest.Pays).reads(patron).until("2029-03-03 12:00").ledger(year)
	l.at("2029-02-28 11:59").ledger(year)
	l.at("2029-02-28 14:00").reads(patron).ledger(year, year)
	l.at("2032-02-29 11:59").reads(patron).ledger(year, year, year, year)
	l.at("2032-02-29 14:00").reads(patron).until("2033-03-03 12:00").ledger(year, year, year, year, year)
}

// Ada cancels on Stripe's page, and keeps what she has paid for. Before it is over she
// changes her mind, and the membership renews as if nothing had been.
//
// https://docs.stripe.com/billing/subscriptions/cancel#reactivating-canceled-subscriptions
func TestLifeOfAMembershipCancelledAndKept(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-20 09:00").cancelsInPortal().reads(member).until("2026-04-10 09:00").ledger(paid)
	l.at("2026-04-09 09:00").keepsInPortal().reads(member).until("2026-04-13 09:00")
	l.at("2026-04-10 12:00").reads(member).until("2026-05-13 09:00").ledger(paid, paid)
}

// Ada cancels on Stripe's page and means it. She reads to the end of what she has paid
// for, to the minute, and is charged no more. In summer she joins again.
//
// https://docs.stripe.com/billing/subscriptions/cancel
func TestLifeOfAMembershipCancelledForGood(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-20 09:00").cancelsInPortal().reads(member).until("2026-04-10 09:00")
	l.at("2026-04-10 08:59").reads(member)
	l.at("2026-04-10 09:00").reads(nothing).standsAs("canceled")
	l.at("2026-05-10 12:00").reads(nothing).ledger(paid)
	l.at("2026-07-01 09:00").buys("member", "month", simtest.Pays).reads(member).until("2026-08-04 09:00").ledger(paid, paid)
}

// The publisher ends Ada's membership at once. Stripe gives nothing back by itself and
// bills nothing more; her access ends with the subscription.
//
// https://docs.stripe.com/api/subscriptions/cancel
func TestLifeOfAMembershipEndedNow(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-20 09:00").reads(member)
	l.publisher.endsNow(l.publisher.latest()).reads(nothing).standsAs("canceled").ledger(paid)
	l.at("2026-04-10 12:00").reads(nothing).ledger(paid)
}

// The publisher raises the price. Stripe's prices never change: there is a new one,
// and Ada goes on paying, and reading, by hers.
//
// https://docs.stripe.com/products-prices/manage-prices
func TestLifeOfAMembershipWhosePriceIsSoldNoMore(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.publisher.sellsMembershipsFor("9")
	l.settle().reads(member).until("2026-04-13 09:00")
	l.at("2026-04-10 12:00").reads(member).until("2026-05-13 09:00").ledger(paid, paid)
}

// Ada has a membership, and the publisher makes her another and then ends the first.
// The end of the old one takes nothing from the new one.
//
// https://docs.stripe.com/billing/subscriptions/multiple-products#multiple-subscriptions-for-a-customer
func TestLifeOfASecondMembershipThatReplacesTheFirst(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	first := l.publisher.latest()
	l.at("2026-03-20 09:00")
	l.publisher.subscribes(l.price("member", "month"), "pm_card_visa", plain).reads(member).until("2026-04-23 09:00")
	l.publisher.endsNow(first).reads(member).until("2026-04-23 09:00").ledger(paid, paid)
	l.at("2026-04-20 12:00").reads(member).until("2026-05-23 09:00").ledger(paid, paid, paid)
}

// The publisher also sells coffee by the month, in the same account at Stripe, and Ada
// drinks it. That opens no article, and is not in the newsroom's books.
//
// https://docs.stripe.com/products-prices/how-products-and-prices-work
func TestLifeOfSomethingElseInTheSameAccount(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").leavesThePage()
	l.publisher.subscribes(l.publisher.shopPrice(), "pm_card_visa", plain).standsAs("active").reads(nothing).ledger()
	l.at("2026-04-10 12:00").reads(nothing).ledger()
	l.buys("member", "month", simtest.Pays).reads(member).ledger(paid)
}

// The publisher deletes Ada in Stripe's Dashboard. That ends her subscriptions at once
// and for good; what she has paid stays in the books. She can join again.
//
// https://docs.stripe.com/api/customers/delete
func TestLifeOfACustomerDeletedAtStripe(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-20 09:00").reads(member)
	l.publisher.forgets().standsAs("canceled").reads(nothing).ledger(paid)
	l.at("2026-04-10 12:00").reads(nothing).ledger(paid)
	l.buys("member", "month", simtest.Pays).reads(member).until("2026-05-13 12:00").ledger(paid, paid)
}

// The publisher tries the service out in Stripe's test mode. After ninety days Stripe
// cancels a test subscription, which nobody tells us here, and thirty days later deletes
// it with its invoices. With the next that we hear of Ada it has ended in our books; what
// was paid stays there. She can join again.
//
// https://support.stripe.com/questions/test-mode-subscription-data-retention
func TestLifeOfATestSubscriptionThatStripeDeletes(t *testing.T) {
	t.Parallel()
	const paidYear = "membership succeeded 8000 eur"
	l := begin(t, "2026-03-10 09:00").buys("member", "year", simtest.Pays)
	l.at("2026-06-08 09:00").reads(member)
	l.stripe.Sim.LoseNextWebhooks(1)
	l.publisher.endsNow(l.publisher.latest())
	l.done(l.stripe.Sim.Forget(l.publisher.latest()))
	l.at("2026-07-08 09:00")
	l.publisher.notes("Tried it out").reads(nothing).ledger(paidYear)
	l.buys("member", "month", simtest.Pays).reads(member).until("2026-08-11 09:00").ledger(paidYear, paid)
}
