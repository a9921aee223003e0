package service_test

import (
	"testing"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// given is the ledger's row for a gift of €25.
const given = "donation succeeded 2500 eur"

// Ada gives once. It is in the books when it is paid, and opens no article.
//
// https://docs.stripe.com/payments/checkout/fulfill-orders
func TestLifeOfAGift(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").reads(nothing).ledger()
	l.gives("25", "once", simtest.Pays).reads(nothing).ledger(given)
	l.at("2026-05-10 12:00").reads(nothing).ledger(given)
}

// Somebody gives who has no account. Stripe makes no customer for them; the gift is in
// the books all the same, and so is what is given back of it.
//
// https://docs.stripe.com/payments/checkout/guest-customers
func TestLifeOfAGuestsGift(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").somebodyElse("25", simtest.Pays).reads(nothing).ledger(given)
	l.at("2026-03-12 09:00")
	l.publisher.refunds(500).ledger("donation succeeded 2500 eur, refunded 500")
	l.publisher.refunds(2000).ledger("donation succeeded 2500 eur, refunded 2500")
}

// Ada gives each month. Each month's gift is a row of its own; no number of them opens
// an article.
//
// https://docs.stripe.com/billing/invoices/subscription
func TestLifeOfAMonthlyGift(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-01-31 09:00").gives("25", "month", simtest.Pays).standsAs("active").reads(nothing).ledger(given)
	l.at("2026-02-28 09:30").reads(nothing).ledger(given)
	l.at("2026-02-28 12:00").reads(nothing).ledger(given, given)
	l.at("2026-03-31 12:00").reads(nothing).ledger(given, given, given)
}

// Ada's card is declined for the second month, and paid at the retry by another card.
// The month is one row, whatever became of it on the way.
//
// https://docs.stripe.com/billing/revenue-recovery/smart-retries
func TestLifeOfAMonthlyGiftThatFailsAndIsRetried(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").gives("25", "month", simtest.DeclinesLater).ledger(given)
	l.at("2026-04-10 12:00").standsAs("past_due").reads(nothing).ledger(given, "donation failed 2500 eur")
	l.at("2026-04-12 09:00").changesCardInPortal(simtest.Pays)
	l.at("2026-04-13 12:00").standsAs("active").reads(nothing).ledger(given, given)
	l.at("2026-05-10 12:00").ledger(given, given, given)
}

// The same, and every retry fails: Stripe gives up, and the month stays unpaid.
//
// https://docs.stripe.com/billing/revenue-recovery/smart-retries
func TestLifeOfAMonthlyGiftThatFailsForGood(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").gives("25", "month", simtest.DeclinesLater)
	l.at("2026-05-11 12:00").standsAs("canceled").reads(nothing).ledger(given, "donation failed 2500 eur")
}

// Ada stops her monthly gift on our page. Nothing more is charged; what she has given
// stays given.
//
// https://docs.stripe.com/billing/subscriptions/cancel
func TestLifeOfAMonthlyGiftThatIsStopped(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").gives("25", "month", simtest.Pays)
	l.at("2026-03-20 09:00").stopsTheGift().standsAs("canceled").reads(nothing).ledger(given)
	l.at("2026-05-10 12:00").reads(nothing).ledger(given)
}

// Ada is a member and gives each month besides. The gift fails, stops, and is given back;
// her membership does not notice.
//
// https://docs.stripe.com/billing/subscriptions/multiple-products#multiple-subscriptions-for-a-customer
func TestLifeOfAGiftBesideAMembership(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-12 09:00").gives("25", "month", simtest.Pays).reads(member).until("2026-04-13 09:00").ledger(paid, given)
	l.publisher.refunds(0).reads(member).ledger(paid, "donation succeeded 2500 eur, refunded 2500")
	l.stopsTheGift().reads(member).until("2026-04-13 09:00")
	l.at("2026-04-12 12:00").reads(member).ledger(paid, "donation succeeded 2500 eur, refunded 2500", paid)
}

// Ada gives from her bank account. The page is done at once and the money takes days:
// the gift counts when it has come. Hers has.
//
// https://docs.stripe.com/payments/checkout/fulfill-orders#delayed-notification
func TestLifeOfAGiftByDebit(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", debits).gives("25", "once", simtest.DebitPays).reads(nothing).ledger("donation pending 2500 eur")
	l.at("2026-03-15 12:00").reads(nothing).ledger(given)
}

// Hers comes back, because there is nothing on the account. It never was a gift.
//
// https://docs.stripe.com/payments/checkout/fulfill-orders#delayed-notification
func TestLifeOfAGiftByDebitThatBounces(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", debits).gives("25", "once", simtest.DebitFails).ledger("donation pending 2500 eur")
	l.at("2026-03-15 12:00").reads(nothing).ledger("donation failed 2500 eur")
}

// A guest's debit is paid, and then the bank takes it back.
//
// https://docs.stripe.com/payments/sepa-debit#disputed-payments
func TestLifeOfAGuestsDebitThatTheBankTakesBack(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", debits).somebodyElse("25", simtest.DebitDisputed).ledger("donation pending 2500 eur")
	l.at("2026-03-15 12:00").ledger("donation succeeded 2500 eur, disputed 2500")
}

// A part of Ada's gift is given back, and then the rest.
//
// https://docs.stripe.com/refunds
func TestLifeOfAGiftGivenBack(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").gives("25", "once", simtest.Pays)
	l.at("2026-03-12 09:00")
	l.publisher.refunds(1000).ledger("donation succeeded 2500 eur, refunded 1000")
	l.at("2026-03-14 09:00")
	l.publisher.refunds(0).reads(nothing).ledger("donation succeeded 2500 eur, refunded 2500")
}

// The whole gift is given back, and Ada's bank cannot take it: it is a gift again.
//
// https://docs.stripe.com/refunds#failed-refunds
func TestLifeOfAGiftWhoseRefundFails(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").gives("25", "once", simtest.RefundsFail)
	l.publisher.refunds(0).ledger("donation succeeded 2500 eur, refunded 2500")
	l.at("2026-03-20 09:00").reads(nothing).ledger(given)
}

// The bank questions Ada's gift. While it does, the money is gone; won, it is back.
//
// https://docs.stripe.com/disputes/how-disputes-work
func TestLifeOfAGiftWhoseDisputeIsWon(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").gives("25", "once", simtest.Disputed).ledger("donation succeeded 2500 eur, disputed 2500")
	l.publisher.answersTheDispute("winning_evidence").ledger("donation succeeded 2500 eur, disputed 2500")
	l.at("2026-03-10 12:00").reads(nothing).ledger(given)
}

// The bank questions a monthly gift, and the publisher loses. The money is gone, and
// nobody who disputes a gift is charged for the next.
//
// https://docs.stripe.com/disputes/how-disputes-work
func TestLifeOfAMonthlyGiftWhoseDisputeIsLost(t *testing.T) {
	t.Parallel()
	const taken = "donation succeeded 2500 eur, disputed 2500"
	l := begin(t, "2026-03-10 09:00").gives("25", "month", simtest.Pays)
	l.bank.disputes().ledger(taken)
	l.bank.decides("lost").standsAs("canceled").reads(nothing).ledger(taken)
	l.at("2026-04-10 12:00").ledger(taken)
}

// The publisher's account settles in dollars: the gift stays one of €25, and Stripe's
// fee is in dollars.
//
// https://docs.stripe.com/currencies/conversions
func TestLifeOfAGiftInAnotherCurrency(t *testing.T) {
	t.Parallel()
	dollars := func(c *stripesim.Config) { c.Settlement, c.Rates = "usd", map[string]float64{"eur": 1.1} }
	begin(t, "2026-03-10 09:00", dollars).gives("25", "once", simtest.Pays).ledger(given)
}
