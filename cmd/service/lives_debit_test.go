package service_test

import (
	"testing"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// debits switches SEPA on in the Dashboard: the pages then offer it in euros.
// https://docs.stripe.com/payments/payment-methods/dynamic-payment-methods
func debits(c *stripesim.Config) { c.Methods = []string{"sepa_debit"} }

// onItsWay is the ledger's row for a month as a member whose debit is on its way.
const onItsWay = "membership pending 800 eur"

// Ada pays from her bank account. Stripe calls the subscription active at once, but the
// money takes days. Until it has come nothing opens. The renewal's debit takes days too;
// Ada, who has paid before, reads on meanwhile.
//
// https://docs.stripe.com/billing/subscriptions/sepa-debit
func TestLifeOfAMembershipByDebit(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", debits).buys("member", "month", simtest.DebitPays)
	l.standsAs("active").reads(nothing).ledger(onItsWay)
	l.at("2026-03-15 08:59").reads(nothing).ledger(onItsWay)
	l.at("2026-03-15 09:00").reads(member).until("2026-04-13 09:00").ledger(paid)
	l.at("2026-04-10 12:00").standsAs("active").readsByGrace(member, "renewal_processing").until("2026-05-01 09:00").ledger(paid, onItsWay)
	l.at("2026-04-14 12:00").readsByGrace(member, "renewal_processing").until("2026-05-01 09:00")
	l.at("2026-04-15 12:00").reads(member).until("2026-05-13 09:00").ledger(paid, paid)
}

// Ada's first debit comes back: there is nothing on her account. Nothing was ever paid,
// and nothing opens. Then she pays the invoice by card.
//
// https://docs.stripe.com/billing/subscriptions/sepa-debit
// https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-your-integration
func TestLifeOfAFirstDebitThatFails(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", debits).buys("member", "month", simtest.DebitFails).reads(nothing).ledger(onItsWay)
	l.at("2026-03-15 12:00").reads(nothing).ledger(failed)
	l.at("2026-03-16 09:00").paysTheInvoice(simtest.Pays).standsAs("active").reads(member).until("2026-04-13 09:00").ledger(paid)
}

// The renewal's debit bounces after five days. From then on it is a renewal that has
// failed: past due, with the plan's grace, and Ada pays by card.
//
// https://docs.stripe.com/billing/subscriptions/sepa-debit
// https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
func TestLifeOfARenewalByDebitThatBounces(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", debits).buys("member", "month", simtest.DebitPays)
	l.at("2026-04-09 09:00").reads(member)
	l.bank.refusesTheRenewal()
	l.at("2026-04-10 12:00").standsAs("active").readsByGrace(member, "renewal_processing").ledger(paid, onItsWay)
	l.at("2026-04-15 12:00").standsAs("past_due").readsByGrace(member, "past_due").until("2026-04-22 10:00").ledger(paid, failed)
	l.at("2026-04-16 09:00").paysTheInvoice(simtest.Pays).standsAs("active").reads(member).until("2026-05-13 09:00").ledger(paid, paid)
}

// The same, and Ada does nothing. A retry's debit is on its way for days again, but
// gives no new grace: a week after the bounce her articles are shut.
//
// https://docs.stripe.com/billing/revenue-recovery/smart-retries
func TestLifeOfARenewalByDebitThatBouncesForGood(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", debits).buys("member", "month", simtest.DebitPays)
	l.at("2026-04-09 09:00")
	l.bank.refusesTheRenewal()
	l.at("2026-04-15 12:00").standsAs("past_due").readsByGrace(member, "past_due").ledger(paid, failed)
	l.at("2026-04-22 09:00").readsByGrace(member, "past_due").until("2026-04-22 10:00")
	l.at("2026-04-22 10:00").standsAs("past_due").reads(nothing).ledger(paid, onItsWay)
	l.at("2026-04-23 12:00").standsAs("past_due").reads(nothing).ledger(paid, failed)
}

// A debit bounces, and Stripe makes no event of that. The week counts from when we
// learn of it, and looking again does not begin another.
//
// https://docs.stripe.com/webhooks#event-delivery-behaviors
func TestLifeOfABounceThatNoEventTells(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", debits).buys("member", "month", simtest.DebitPays)
	l.at("2026-04-09 09:00")
	l.bank.refusesTheRenewal()
	l.done(l.stripe.Sim.Inject(1, stripesim.Fault{Do: stripesim.EventUnmade, On: "invoice.payment_failed"}))
	l.at("2026-04-15 12:00").readsByGrace(member, "past_due").until("2026-04-22 12:00")
	l.at("2026-04-17 12:00").publisher.updates(&stripe.SubscriptionParams{Description: stripe.String("looked at again")}).until("2026-04-22 12:00")
}

// Ada's debit is paid, and then her bank takes it back. Against a debit's dispute there
// is no evidence: it is lost at once, and the subscription ends.
//
// https://docs.stripe.com/payments/sepa-debit#disputed-payments
func TestLifeOfADebitThatTheBankTakesBack(t *testing.T) {
	t.Parallel()
	const taken = "membership succeeded 800 eur, disputed 800"
	l := begin(t, "2026-03-10 09:00", debits).buys("member", "month", simtest.DebitDisputed).reads(nothing).ledger(onItsWay)
	l.at("2026-03-15 12:00").standsAs("canceled").reads(nothing).ledger(taken)
	l.at("2026-04-10 12:00").reads(nothing).ledger(taken)
}

// Ada cancels while her first debit is on its way. When it has come, what she paid for
// is hers, to its end.
//
// https://docs.stripe.com/billing/subscriptions/cancel
// https://docs.stripe.com/billing/subscriptions/sepa-debit
func TestLifeOfADebitCancelledOnItsWay(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00", debits).buys("member", "month", simtest.DebitPays)
	l.at("2026-03-11 09:00").cancelsInPortal().reads(nothing).ledger(onItsWay)
	l.at("2026-03-15 12:00").reads(member).until("2026-04-10 09:00").ledger(paid)
	l.at("2026-04-10 09:00").standsAs("canceled").reads(nothing).ledger(paid)
}
