package service_test

import (
	"testing"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// failed is the ledger's row for a month as a member that nobody has paid yet.
const failed = "membership failed 800 eur"

// Ada's card is declined when her membership renews. Stripe calls it past due and tries
// again in three days; she reads on, for the seven days that her plan allows. She types
// another card on Stripe's page, and the next try is paid with that.
//
// https://docs.stripe.com/billing/revenue-recovery/smart-retries
// https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
func TestLifeOfARenewalThatFailsAndIsRetried(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.DeclinesLater).reads(member).ledger(paid)
	l.at("2026-04-10 09:30").readsByGrace(member, "renewal_due").ledger(paid)
	l.at("2026-04-10 10:00").standsAs("past_due").readsByGrace(member, "past_due").until("2026-04-17 10:00").ledger(paid, failed)
	l.at("2026-04-12 09:00").changesCardInPortal(simtest.Pays).readsByGrace(member, "past_due").ledger(paid, failed)
	l.at("2026-04-13 10:00").standsAs("active").reads(member).until("2026-05-13 09:00").ledger(paid, paid)
	l.at("2026-05-10 12:00").reads(member).until("2026-06-13 09:00").ledger(paid, paid, paid)
}

// Ada's card is declined, and she finds Stripe's mail only after her grace is over. She
// pays the open invoice on its page with another card, and what it was for is hers.
//
// https://docs.stripe.com/invoicing/hosted-invoice-page
func TestLifeOfARenewalThatFailsAndIsPaidByHand(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.DeclinesLater)
	l.at("2026-04-17 09:59").readsByGrace(member, "past_due")
	l.at("2026-04-17 10:00").standsAs("past_due").reads(nothing).ledger(paid, failed)
	l.at("2026-04-20 09:00").paysTheInvoice(simtest.Pays).standsAs("active").reads(member).until("2026-05-13 09:00").ledger(paid, paid)
}

// Ada's card is declined at each try. A retry does not begin her grace anew. After the
// last one Stripe cancels, as the publisher has set it, and never tries again. A month
// later she joins anew.
//
// https://docs.stripe.com/billing/revenue-recovery/smart-retries
func TestLifeOfARenewalThatFailsForGood(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.DeclinesLater)
	l.at("2026-04-13 12:00").readsByGrace(member, "past_due").until("2026-04-17 10:00")
	l.at("2026-04-18 12:00").standsAs("past_due").reads(nothing)
	l.at("2026-04-25 12:00").standsAs("canceled").reads(nothing).ledger(paid, failed)
	l.at("2026-05-20 09:00").reads(nothing).ledger(paid, failed)
	l.buys("member", "month", simtest.Pays).reads(member).until("2026-06-23 09:00").ledger(paid, failed, paid)
}

// Ada's card is declined, and she cancels: to the end of the month that nobody has paid
// for, and which Stripe goes on trying to collect. Her grace is hers until then.
//
// https://docs.stripe.com/billing/subscriptions/cancel
// https://docs.stripe.com/billing/revenue-recovery/smart-retries
func TestLifeOfARenewalThatFailsAndIsCancelled(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.DeclinesLater)
	l.at("2026-04-12 12:00").readsByGrace(member, "past_due").until("2026-04-17 10:00")
	l.cancelsInPortal().standsAs("past_due").readsByGrace(member, "past_due").until("2026-04-17 10:00")
	l.at("2026-04-17 10:00").standsAs("past_due").reads(nothing).ledger(paid, failed)
	l.at("2026-04-18 12:00").paysTheInvoice(simtest.Pays).reads(member).until("2026-05-10 09:00").ledger(paid, paid)
	l.at("2026-05-10 09:00").standsAs("canceled").reads(nothing).ledger(paid, paid)
}

// The publisher has set that Stripe keeps a subscription as unpaid when all tries have
// failed. That opens nothing. Ada pays the open invoice later, and Stripe calls the
// subscription active again.
//
// https://docs.stripe.com/billing/subscriptions/overview#unpaid
func TestLifeOfARenewalThatStaysUnpaid(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", func(c *stripesim.Config) { c.AfterRetries = "unpaid" })
	l.buys("member", "month", simtest.DeclinesLater)
	l.at("2026-04-25 12:00").standsAs("unpaid").reads(nothing).ledger(paid, failed)
	l.at("2026-05-02 09:00").paysTheInvoice(simtest.Pays).standsAs("active").reads(member).until("2026-05-13 09:00").ledger(paid, paid)
}

// Nobody pays what is unpaid. Stripe goes on making invoices, which stay drafts.
//
// https://docs.stripe.com/billing/subscriptions/overview#unpaid
func TestLifeOfAMembershipUnpaidForMonths(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", func(c *stripesim.Config) { c.AfterRetries = "unpaid" })
	l.buys("member", "month", simtest.DeclinesLater)
	l.at("2026-05-10 09:30").standsAs("unpaid").reads(nothing)
	l.at("2026-07-11 12:00").standsAs("unpaid").reads(nothing).ledger(paid, failed)
}

// The publisher has set that Stripe leaves a subscription past due when all tries have
// failed. It goes on making invoices, and each may fail; her grace was that of the first
// failure, and is over.
//
// https://docs.stripe.com/billing/revenue-recovery/smart-retries
func TestLifeOfARenewalThatIsLeftPastDue(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", func(c *stripesim.Config) { c.AfterRetries = "past_due" })
	l.buys("patron", "month", simtest.DeclinesLater).reads(patron)
	l.at("2026-04-10 12:00").readsByGrace(patron, "past_due").until("2026-04-24 10:00")
	l.at("2026-04-25 12:00").standsAs("past_due").reads(nothing)
	l.at("2026-05-10 12:00").standsAs("past_due").reads(nothing).ledger(paidAsPatron, "membership failed 2000 eur", "membership failed 2000 eur")
}

// Ada's bank wants her to prove who she is at each payment. At the renewal she is not
// there: the subscription is past due, and waits. She follows Stripe's mail and proves
// it.
//
// https://docs.stripe.com/billing/subscriptions/overview#requires-action
// https://docs.stripe.com/billing/migration/strong-customer-authentication
func TestLifeOfARenewalThatMustBeProved(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.ProvesAlways).reads(member).ledger(paid)
	l.at("2026-04-10 10:00").standsAs("past_due").readsByGrace(member, "past_due").until("2026-04-17 10:00")
	l.at("2026-04-12 09:00").provesTheInvoice().standsAs("active").reads(member).until("2026-05-13 09:00").ledger(paid, paid)
}

// Ada never proves it. Her grace ends, and later the subscription.
//
// https://docs.stripe.com/billing/subscriptions/overview#requires-action
func TestLifeOfARenewalThatIsNeverProved(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.ProvesAlways)
	l.at("2026-04-17 09:59").readsByGrace(member, "past_due")
	l.at("2026-04-17 10:00").standsAs("past_due").reads(nothing)
	l.at("2026-05-15 12:00").standsAs("canceled").reads(nothing)
}

// The publisher makes Ada a subscription, but her card is declined at the first payment.
// The subscription is incomplete and opens nothing, no grace either: nothing was ever
// paid. Within 23 hours she could still pay; then Stripe gives it up, and she buys one.
//
// https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
func TestLifeOfAFirstPaymentThatFails(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").leavesThePage()
	l.publisher.subscribes(l.price("member", "month"), "pm_card_chargeCustomerFail", plain).standsAs("incomplete").reads(nothing).ledger(failed)
	l.at("2026-03-11 07:59").standsAs("incomplete").reads(nothing)
	l.at("2026-03-11 08:01").standsAs("incomplete_expired").reads(nothing).ledger(failed)
	l.buys("member", "month", simtest.Pays).reads(member).until("2026-04-14 08:01").ledger(failed, paid)
}

// The same, but Ada pays the invoice on its page in time.
//
// https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
func TestLifeOfAFirstPaymentThatIsMadeLater(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").leavesThePage()
	l.publisher.subscribes(l.price("member", "month"), "pm_card_chargeCustomerFail", plain).reads(nothing)
	l.at("2026-03-10 21:00").paysTheInvoice(simtest.Pays).standsAs("active").reads(member).until("2026-04-13 09:00").ledger(paid)
}
