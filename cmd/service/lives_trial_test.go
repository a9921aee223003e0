package service_test

import (
	"testing"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// The publisher lets Ada try two weeks, and asks for no card. At the end there is none:
// the subscription is canceled, as the publisher has set it. Nothing was ever paid.
//
// https://docs.stripe.com/billing/subscriptions/trials#create-free-trials-without-payment
func TestLifeOfATrialThatEndsWithoutACard(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").leavesThePage()
	l.publisher.triesOut("", "cancel").standsAs("trialing").reads(member).until("2026-03-24 09:00").ledger()
	l.at("2026-03-24 08:59").reads(member)
	l.at("2026-03-24 09:00").standsAs("canceled").reads(nothing)
	l.at("2026-04-24 12:00").reads(nothing).ledger()
}

// The same, but the publisher has set that the subscription pauses. A week later Ada
// types her card on Stripe's page, and the publisher resumes it: a new month begins and
// is paid at once.
//
// https://docs.stripe.com/billing/subscriptions/trials#create-free-trials-without-payment
// https://docs.stripe.com/api/subscriptions/resume
func TestLifeOfATrialThatPausesAndGoesOn(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").leavesThePage()
	l.publisher.triesOut("", "pause").reads(member).until("2026-03-24 09:00")
	l.at("2026-03-24 09:00").standsAs("paused").reads(nothing).ledger()
	l.at("2026-04-01 09:00").changesCardInPortal(simtest.Pays).standsAs("paused").reads(nothing)
	l.publisher.resumes().standsAs("active").reads(member).until("2026-05-04 09:00").ledger(paid)
}

// Ada tries two weeks with a card. When they end Stripe drafts an invoice, and about an
// hour later charges it.
//
// https://docs.stripe.com/billing/subscriptions/trials
func TestLifeOfATrialWithACard(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").leavesThePage()
	l.publisher.triesOut("pm_card_visa", "cancel").standsAs("trialing").reads(member).until("2026-03-24 09:00").ledger()
	l.at("2026-03-24 12:00").standsAs("active").reads(member).until("2026-04-27 09:00").ledger(paid)
	l.at("2026-04-24 12:00").reads(member).until("2026-05-27 09:00").ledger(paid, paid)
}

// Ada cancels while she tries. She reads to the trial's end, and is charged nothing.
//
// https://docs.stripe.com/billing/subscriptions/trials
func TestLifeOfATrialThatIsCancelled(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").leavesThePage()
	l.publisher.triesOut("pm_card_visa", "cancel")
	l.at("2026-03-15 09:00").cancelsInPortal().reads(member).until("2026-03-24 09:00")
	l.at("2026-03-24 09:00").standsAs("canceled").reads(nothing).ledger()
}

// Ada tries two weeks, and her card is declined at their end. The first payment after a
// trial is a renewal like others: past due, and seven days' grace.
//
// https://docs.stripe.com/billing/subscriptions/trials
// https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
func TestLifeOfATrialWhoseCardIsDeclined(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").leavesThePage()
	l.publisher.triesOut("pm_card_chargeCustomerFail", "cancel").reads(member)
	l.at("2026-03-24 10:00").standsAs("past_due").readsByGrace(member, "past_due").until("2026-03-31 10:00").ledger(failed)
	l.at("2026-03-31 10:00").reads(nothing).ledger(failed)
}

// The publisher pauses collecting and has the invoices voided: Ada pays nothing and,
// beyond what she has paid for, reads nothing. Stripe still calls the subscription
// active. Collecting again does not bring the voided month back; the next one is paid.
//
// https://docs.stripe.com/billing/subscriptions/pause-payment
func TestLifeOfAPauseThatVoidsItsInvoices(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-20 09:00")
	l.publisher.pauses("void", "").standsAs("active").reads(member).until("2026-04-10 09:00")
	l.at("2026-04-10 09:00").standsAs("active").reads(nothing)
	l.at("2026-04-20 09:00").reads(nothing).ledger(paid)
	l.publisher.collectsAgain().standsAs("active").reads(nothing)
	l.at("2026-05-10 12:00").reads(member).until("2026-06-13 09:00").ledger(paid, paid)
}

// The same, but the invoices are written off, and the pause ends by itself. What is
// written off was not paid.
//
// https://docs.stripe.com/billing/subscriptions/pause-payment
func TestLifeOfAPauseThatWritesItsInvoicesOff(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-20 09:00")
	l.publisher.pauses("mark_uncollectible", "2026-05-01 09:00").reads(member).until("2026-04-10 09:00")
	l.at("2026-04-10 12:00").standsAs("active").reads(nothing).ledger(paid)
	l.at("2026-05-01 12:00").reads(nothing)
	l.at("2026-05-10 12:00").reads(member).until("2026-06-13 09:00").ledger(paid, paid)
}

// The same, but the invoices are kept as drafts, to be collected later. They are no
// payment; when the publisher collects one, its month is Ada's.
//
// https://docs.stripe.com/billing/subscriptions/pause-payment#collect-payment-later
func TestLifeOfAPauseThatKeepsDrafts(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-20 09:00")
	l.publisher.pauses("keep_as_draft", "").reads(member).until("2026-04-10 09:00")
	l.at("2026-04-10 12:00").standsAs("active").reads(nothing)
	l.at("2026-04-20 09:00")
	l.publisher.collectsAgain().reads(nothing).ledger(paid)
	l.publisher.collectsTheDraft().reads(member).until("2026-05-13 09:00").ledger(paid, paid)
}

// A pause that ends before the period does changes nothing.
//
// https://docs.stripe.com/billing/subscriptions/pause-payment
func TestLifeOfAPauseWithinAPeriod(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-15 09:00")
	l.publisher.pauses("void", "2026-04-01 09:00").reads(member).until("2026-04-10 09:00")
	l.at("2026-04-02 09:00").reads(member).until("2026-04-13 09:00")
	l.at("2026-04-10 12:00").reads(member).until("2026-05-13 09:00").ledger(paid, paid)
}

// The publisher's link takes everything off the first month. Stripe calls the page's
// payment "no_payment_required" and the invoice paid; it opens as if it had been. The
// second month costs the whole price.
//
// https://docs.stripe.com/billing/subscriptions/coupons
// https://docs.stripe.com/payments/checkout/no-cost-orders
func TestLifeOfAFreeFirstMonth(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").leavesThePage()
	l.pays(l.publisher.invites("once"), simtest.Pays).standsAs("active").reads(member).until("2026-04-13 09:00").ledger()
	l.at("2026-04-10 12:00").reads(member).until("2026-05-13 09:00").ledger(paid)
}

// The publisher's link takes everything off for ever. Each month renews without any
// payment, and there is nothing for the books.
//
// https://docs.stripe.com/billing/subscriptions/coupons
func TestLifeOfAMembershipThatIsAlwaysFree(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").leavesThePage()
	l.pays(l.publisher.invites("forever"), simtest.Pays).reads(member).until("2026-04-13 09:00").ledger()
	l.at("2026-04-10 12:00").reads(member).until("2026-05-13 09:00").ledger()
	l.at("2026-05-10 12:00").reads(member).until("2026-06-13 09:00").ledger()
}
