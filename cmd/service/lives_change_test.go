package service_test

import (
	"testing"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// paidAsPatron is the ledger's row for a month as a patron.
const paidAsPatron = "membership succeeded 2000 eur"

// In the middle of April Ada becomes a patron, and the difference is billed at once: €4
// come back for half a month as a member, €10 are due for half a month as a patron. The
// archive opens when that is paid.
//
// https://docs.stripe.com/billing/subscriptions/prorations
func TestLifeOfAnUpgrade(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-04-01 00:00").buys("member", "month", simtest.Pays).reads(member)
	l.at("2026-04-16 00:00")
	l.publisher.movesTo("patron", "month", "always_invoice").reads(patron).until("2026-05-04 00:00").ledger(paid, "membership succeeded 600 eur")
	l.at("2026-05-01 02:00").reads(patron).until("2026-06-04 00:00").ledger(paid, "membership succeeded 600 eur", paidAsPatron)
}

// The same, and then the publisher gives back what the upgrade cost. What Ada has paid
// as a member is still hers: the archive closes, the articles stay open. She goes on as
// a patron with the next month that she pays.
//
// https://docs.stripe.com/billing/subscriptions/prorations
// https://docs.stripe.com/refunds
func TestLifeOfAnUpgradeGivenBack(t *testing.T) {
	t.Parallel()
	const upgrade = "membership succeeded 600 eur, refunded 600"
	l := begin(t, "2026-04-01 00:00").buys("member", "month", simtest.Pays)
	l.at("2026-04-16 00:00")
	l.publisher.movesTo("patron", "month", "always_invoice").reads(patron)
	l.at("2026-04-20 09:00")
	l.publisher.refunds(0).reads(member).ledger(paid, upgrade)
	l.at("2026-04-30 23:59").reads(member)
	l.at("2026-05-01 02:00").reads(patron).ledger(paid, upgrade, paidAsPatron)
}

// Ada becomes a patron in the middle of April, and the difference waits for the next
// invoice. What is not yet paid opens nothing: until May she reads as a member.
//
// https://docs.stripe.com/billing/subscriptions/prorations
func TestLifeOfAnUpgradeThatIsBilledLater(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-04-01 00:00").buys("member", "month", simtest.Pays)
	l.at("2026-04-16 00:00")
	l.publisher.movesTo("patron", "month", "create_prorations").reads(member).ledger(paid)
	l.at("2026-04-30 23:59").reads(member).ledger(paid)
	l.at("2026-05-01 02:00").reads(patron).until("2026-06-04 00:00").ledger(paid, "membership succeeded 2600 eur")
}

// Ada becomes a patron in the middle of April, and her card is declined for the
// difference. Stripe calls the subscription past due; as a member Ada has paid to the
// end of April, and the archive stays shut until she pays on the invoice's page.
//
// https://docs.stripe.com/billing/subscriptions/prorations
// https://docs.stripe.com/billing/subscriptions/pending-updates
func TestLifeOfAnUpgradeWhoseCardIsDeclined(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-04-01 00:00").buys("member", "month", simtest.DeclinesLater)
	l.at("2026-04-16 00:00")
	l.publisher.movesTo("patron", "month", "always_invoice").standsAs("past_due").reads(member).ledger(paid, "membership failed 600 eur")
	l.at("2026-04-17 00:00").paysTheInvoice(simtest.Pays).standsAs("active").reads(patron).ledger(paid, "membership succeeded 600 eur")
}

// Ada is a patron, and in the middle of April a member again; the difference waits. She
// has paid for the archive until May, and keeps it until then. In May €10 come back, and
// €4 and €8 are due.
//
// https://docs.stripe.com/billing/subscriptions/prorations
func TestLifeOfADowngrade(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-04-01 00:00").buys("patron", "month", simtest.Pays).reads(patron)
	l.at("2026-04-16 00:00")
	l.publisher.movesTo("member", "month", "create_prorations").reads(patron).ledger(paidAsPatron)
	l.at("2026-04-30 23:59").reads(patron)
	l.at("2026-05-01 02:00").reads(member).until("2026-06-04 00:00").ledger(paidAsPatron, "membership succeeded 200 eur")
}

// The same, but the difference is billed at once. Stripe gives no money back by itself:
// €6 are now Ada's credit, and the invoice over less than nothing is paid. So the
// archive is given back now, and May costs €2.
//
// https://docs.stripe.com/billing/subscriptions/prorations
// https://docs.stripe.com/billing/customer/balance
func TestLifeOfADowngradeThatIsBilledNow(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-04-01 00:00").buys("patron", "month", simtest.Pays)
	l.at("2026-04-16 00:00")
	l.publisher.movesTo("member", "month", "always_invoice").reads(member).until("2026-05-04 00:00").ledger(paidAsPatron)
	l.at("2026-05-01 02:00").reads(member).until("2026-06-04 00:00").ledger(paidAsPatron, "membership succeeded 200 eur")
}

// Ada changes to a cheaper plan, and nothing is prorated: she keeps the archive to the
// month's end, and then pays and reads as a member.
//
// https://docs.stripe.com/billing/subscriptions/prorations#disable-prorations
func TestLifeOfADowngradeWithoutProration(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-04-01 00:00").buys("patron", "month", simtest.Pays)
	l.at("2026-04-16 00:00")
	l.publisher.movesTo("member", "month", "none").reads(patron).ledger(paidAsPatron)
	l.at("2026-05-01 02:00").reads(member).until("2026-06-04 00:00").ledger(paidAsPatron, paid)
}

// Ada, a member by the month, pays by the year from the middle of April on. That begins
// a new billing cycle: €4 come back and the whole year is due, both now.
//
// https://docs.stripe.com/billing/subscriptions/billing-cycle#changing
func TestLifeOfAMonthThatBecomesAYear(t *testing.T) {
	t.Parallel()
	const difference, year = "membership succeeded 7600 eur", "membership succeeded 8000 eur"
	l := begin(t, "2026-04-01 00:00").buys("member", "month", simtest.Pays)
	l.at("2026-04-16 00:00")
	l.publisher.movesTo("member", "year", "create_prorations").reads(member).until("2027-04-19 00:00").ledger(paid, difference)
	l.at("2026-05-01 02:00").reads(member).ledger(paid, difference)
	l.at("2027-04-16 02:00").reads(member).until("2028-04-19 00:00").ledger(paid, difference, year)
}
