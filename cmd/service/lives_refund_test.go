package service_test

import (
	"testing"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// The publisher gives Ada a part of her money back, and she reads on; then the rest, and
// the month is not hers any more. The subscription goes on, and the next month that she
// pays opens again.
//
// https://docs.stripe.com/refunds
func TestLifeOfRefundsThatComeToTheWhole(t *testing.T) {
	t.Parallel()
	const back = "membership succeeded 800 eur, refunded 800"
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-12 09:00")
	l.publisher.refunds(300).reads(member).until("2026-04-13 09:00").ledger("membership succeeded 800 eur, refunded 300")
	l.at("2026-03-14 09:00")
	l.publisher.refunds(500).standsAs("active").reads(nothing).ledger(back)
	l.at("2026-04-10 09:30").reads(nothing)
	l.at("2026-04-10 12:00").reads(member).until("2026-05-13 09:00").ledger(back, paid)
}

// The publisher gives the second month back. The first is over, and no renewal is due
// until the third: there is nothing to bridge.
//
// https://docs.stripe.com/refunds
func TestLifeOfARenewalGivenBack(t *testing.T) {
	t.Parallel()
	const back = "membership succeeded 800 eur, refunded 800"
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-04-11 09:00").reads(member).ledger(paid, paid)
	l.publisher.refunds(0).standsAs("active").reads(nothing).ledger(paid, back)
	l.at("2026-05-10 12:00").reads(member).until("2026-06-13 09:00").ledger(paid, back, paid)
}

// The publisher gives the whole back. Days later Ada's bank cannot take it: the refund
// fails, the money is the publisher's again, and the month Ada's.
//
// https://docs.stripe.com/refunds#failed-refunds
// https://docs.stripe.com/testing#refunds
func TestLifeOfARefundThatFails(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.RefundsFail)
	l.at("2026-03-12 09:00")
	l.publisher.refunds(0).reads(nothing).ledger("membership succeeded 800 eur, refunded 800")
	l.at("2026-03-20 09:00").reads(member).until("2026-04-13 09:00").ledger(paid)
}

// The publisher gives the whole back, and it is on its way for days. The money has left
// the publisher's balance, but only when the refund has succeeded is the month not Ada's
// any more.
//
// https://docs.stripe.com/refunds
// https://docs.stripe.com/testing#refunds
func TestLifeOfARefundThatTakesDays(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.RefundsLate)
	l.at("2026-03-12 09:00")
	l.publisher.refunds(0).reads(member).ledger("membership succeeded 800 eur, refunded 800")
	l.at("2026-03-20 09:00").reads(nothing).ledger("membership succeeded 800 eur, refunded 800")
}

// Ada's bank questions a payment: the money is taken from the publisher until it is
// decided, and her articles close. The publisher sends evidence and wins: the money
// comes back, and the articles open.
//
// https://docs.stripe.com/disputes/how-disputes-work
// https://docs.stripe.com/testing#disputes
func TestLifeOfADisputeThatIsWon(t *testing.T) {
	t.Parallel()
	const taken = "membership succeeded 800 eur, disputed 800"
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-15 09:00")
	l.bank.disputes().reads(nothing).ledger(taken)
	l.at("2026-03-16 09:00")
	l.publisher.answersTheDispute("winning_evidence").reads(nothing).ledger(taken)
	l.at("2026-03-16 12:00").reads(member).until("2026-04-13 09:00").ledger(paid)
	l.at("2026-04-10 12:00").standsAs("active").reads(member).until("2026-05-13 09:00").ledger(paid, paid)
}

// Ada pays with a card that is disputed at once, and the publisher loses. The money is
// gone. Stripe would bill her again next month by itself, so the service cancels the
// subscription.
//
// https://docs.stripe.com/disputes/how-disputes-work
func TestLifeOfADisputeThatIsLost(t *testing.T) {
	t.Parallel()
	const taken = "membership succeeded 800 eur, disputed 800"
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Disputed).standsAs("active").reads(nothing).ledger(taken)
	l.at("2026-03-16 09:00")
	l.publisher.answersTheDispute("losing_evidence")
	l.at("2026-03-16 12:00").standsAs("canceled").reads(nothing).ledger(taken)
	l.at("2026-04-10 12:00").reads(nothing).ledger(taken)
}

// The publisher lets whoever is cancelled at once read on to the end of what is paid. A
// lost dispute takes that all the same: nothing stayed paid.
//
// https://docs.stripe.com/disputes/how-disputes-work
func TestLifeOfALostDisputeWhereWhatIsPaidIsKept(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00")
	l.publisher.applies("canceled_at_once: end", "canceled_at_once: keep")
	l.buys("member", "month", simtest.Disputed).reads(nothing)
	l.at("2026-03-16 09:00")
	l.publisher.answersTheDispute("losing_evidence")
	l.at("2026-03-16 12:00").standsAs("canceled").reads(nothing)
	l.buys("member", "month", simtest.Pays).reads(member)
	l.publisher.endsNow(l.publisher.latest()).standsAs("canceled").reads(member).until("2026-04-16 12:00")
}

// Nobody answers the dispute in time. That is as lost.
//
// https://docs.stripe.com/disputes/responding
func TestLifeOfADisputeThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	const taken = "membership succeeded 800 eur, disputed 800"
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Disputed).reads(nothing)
	l.at("2026-04-09 09:00").standsAs("canceled").reads(nothing).ledger(taken)
	l.at("2026-04-10 12:00").reads(nothing).ledger(taken)
}

// Ada's bank only asks. No money moves, and she reads on; the question is closed.
//
// https://docs.stripe.com/disputes/how-disputes-work#inquiries
func TestLifeOfAnInquiryThatIsClosed(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Inquired).reads(member).ledger(paid)
	l.at("2026-03-20 09:00")
	l.bank.decides("warning_closed").reads(member).until("2026-04-13 09:00").ledger(paid)
	l.at("2026-04-10 12:00").standsAs("active").reads(member).ledger(paid, paid)
}

// The bank asks, and then makes a dispute of it.
//
// https://docs.stripe.com/disputes/how-disputes-work#inquiries
func TestLifeOfAnInquiryThatBecomesADispute(t *testing.T) {
	t.Parallel()
	const taken = "membership succeeded 800 eur, disputed 800"
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	l.at("2026-03-15 09:00")
	l.bank.inquires().reads(member).ledger(paid)
	l.bank.decides("needs_response").reads(nothing).ledger(taken)
	l.bank.decides("won").reads(member).ledger(paid)
}

// The bank questions the first month when the second is paid already. The second is
// Ada's all the same, until the dispute is lost.
//
// https://docs.stripe.com/disputes/how-disputes-work
func TestLifeOfADisputeOverAnEarlierMonth(t *testing.T) {
	t.Parallel()
	l := begin(t, "2026-03-10 09:00").buys("member", "month", simtest.Pays)
	first := l.stripe.Sim.Payments()[0].Intent
	l.at("2026-04-10 12:00").reads(member).ledger(paid, paid)
	dispute, err := l.stripe.Sim.Dispute(first, "")
	l.done(err).reads(member).until("2026-05-13 09:00").ledger("membership succeeded 800 eur, disputed 800", paid)
	l.done(l.stripe.Sim.ResolveDispute(dispute, "won")).reads(member).ledger(paid, paid)
}
