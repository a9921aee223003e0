package stripesim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

func TestRefundsInPartsSumToTheWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pi := w.donate(donation(1000, "eur"), simtest.Pays).PaymentIntent
	part := &stripe.RefundParams{PaymentIntent: &pi.ID, Amount: stripe.Int64(300), Reason: stripe.String("requested_by_customer")}
	part.AddExpand("balance_transaction")
	first, err := w.api.Refunds.New(part)
	must(t, err)
	if b := first.BalanceTransaction; b.Amount != -300 || b.Fee != 0 || b.Net != -300 {
		t.Errorf("booked %d less %d", b.Amount, b.Fee)
	}
	if first.Status != "succeeded" || first.Amount != 300 || first.Charge.ID != pi.LatestCharge.ID || first.PaymentIntent.ID != pi.ID {
		t.Errorf("refund %+v", first)
	}
	_, err = w.api.Refunds.New(&stripe.RefundParams{Charge: &pi.LatestCharge.ID, Amount: stripe.Int64(701)})
	if got := stripeError(t, err); got.HTTPStatusCode != 400 || got.Param != "amount" {
		t.Errorf("too much: %+v", got)
	}
	must(t, w.Sim.Refund(pi.ID, 0))
	_, err = w.api.Refunds.New(&stripe.RefundParams{Charge: &pi.LatestCharge.ID})
	if got := stripeError(t, err); got.Code != stripe.ErrorCodeChargeAlreadyRefunded {
		t.Errorf("nothing left: %+v", got)
	}
	params := &stripe.ChargeParams{}
	params.AddExpand("refunds")
	charge, err := w.api.Charges.Get(pi.LatestCharge.ID, params)
	must(t, err)
	var amounts []int64
	for _, r := range charge.Refunds.Data {
		amounts = append(amounts, r.Amount)
	}
	if diff := cmp.Diff([]int64{700, 300}, amounts); diff != "" || !charge.Refunded || charge.AmountRefunded != 1000 {
		t.Errorf("charge refunded %v, %d (-want +got):\n%s", charge.Refunded, charge.AmountRefunded, diff)
	}
	if got := w.Sim.Totals()["eur"]; got != (stripesim.Total{Count: 1, Amount: 1000, Refunded: 1000, Fee: 40}) {
		t.Errorf("totals %+v", got)
	}
	if p := w.Sim.Payments()[0]; p.Net() != -40 || p.Metadata["donation"] != "d1" || p.Intent != pi.ID {
		t.Errorf("payment %+v", p)
	}
}

func TestAFailedPaymentCannotBeRefunded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.donate(donation(1000, "eur"), simtest.Declined)
	if s.PaymentIntent.Status != "requires_payment_method" || s.PaymentIntent.LastPaymentError.Code != "card_declined" {
		t.Fatalf("payment %s, %+v", s.PaymentIntent.Status, s.PaymentIntent.LastPaymentError)
	}
	for _, id := range []string{s.PaymentIntent.ID, s.PaymentIntent.LatestCharge.ID, "ch_none"} {
		if err := w.Sim.Refund(id, 0); err == nil {
			t.Errorf("%s was refunded", id)
		}
	}
	_, err := w.api.Refunds.New(&stripe.RefundParams{})
	if got := stripeError(t, err); got.Code != "parameter_missing" {
		t.Errorf("a refund of nothing: %+v", got)
	}
}

func (w *world) refund(pi *stripe.PaymentIntent, amount int64) *stripe.Refund {
	w.t.Helper()
	r, err := w.api.Refunds.New(&stripe.RefundParams{PaymentIntent: &pi.ID, Amount: &amount})
	must(w.t, err)
	return r
}

func (w *world) refunded(charge string) (amount int64, whole bool) {
	w.t.Helper()
	c, err := w.api.Charges.Get(charge, nil)
	must(w.t, err)
	return c.AmountRefunded, c.Refunded
}

func TestARefundThatTakesDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pi := w.donate(donation(1000, "eur"), simtest.RefundsLate).PaymentIntent
	r := w.refund(pi, 1000)
	if amount, whole := w.refunded(pi.LatestCharge.ID); r.Status != "pending" || amount != 1000 || !whole {
		t.Errorf("%s, charge refunded by %d", r.Status, amount)
	}
	w.to(start.AddDate(0, 0, 3))
	if got, err := w.api.Refunds.Get(r.ID, nil); err != nil || got.Status != "succeeded" {
		t.Errorf("after three days %v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"charge.refund.updated", "refund.updated"}, w.types(start.Add(time.Hour))); diff != "" || w.previous(0)["status"] != "pending" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestAFailedRefundGivesTheMoneyBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pi := w.donate(donation(1000, "eur"), simtest.RefundsFail).PaymentIntent
	r := w.refund(pi, 1000)
	if r.Status != "succeeded" {
		t.Errorf("at first %s", r.Status)
	}
	w.to(start.AddDate(0, 0, 3))
	params := &stripe.RefundParams{}
	params.AddExpand("failure_balance_transaction")
	got, err := w.api.Refunds.Get(r.ID, params)
	must(t, err)
	if got.Status != "failed" || got.FailureReason != "expired_or_canceled_card" || got.FailureBalanceTransaction.Amount != 1000 || got.FailureBalanceTransaction.Type != "refund_failure" {
		t.Errorf("after three days %s for %q", got.Status, got.FailureReason)
	}
	if amount, whole := w.refunded(pi.LatestCharge.ID); amount != 0 || whole {
		t.Errorf("charge still refunded by %d", amount)
	}
	if p := w.Sim.Payments()[0]; p.Refunded != 0 || p.Net() != 960 || len(p.Refunds) != 1 || p.Refunds[0] != (stripesim.Refund{ID: r.ID, Amount: 1000, Status: "failed", Created: start}) {
		t.Errorf("payment %+v", p)
	}
	must(t, w.Sim.Refund(pi.ID, 200))
}

func TestRefundsTurnAsTheirStatusAllows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pi := w.donate(donation(1000, "eur"), simtest.RefundsLate).PaymentIntent
	r := w.refund(pi, 300)
	if _, err := w.api.Refunds.Cancel(r.ID, nil); err == nil {
		t.Error("a pending refund was canceled")
	}
	must(t, w.Sim.TurnRefund(r.ID, "requires_action"))
	got, err := w.api.Refunds.Cancel(r.ID, nil)
	must(t, err)
	if amount, _ := w.refunded(pi.LatestCharge.ID); got.Status != "canceled" || amount != 0 {
		t.Errorf("%s, charge refunded by %d", got.Status, amount)
	}
	if err := w.Sim.TurnRefund(r.ID, "succeeded"); err == nil {
		t.Error("a canceled refund succeeded")
	}
	other := w.refund(pi, 1000)
	updated, err := w.api.Refunds.Update(other.ID, &stripe.RefundParams{Metadata: map[string]string{"why": "withdrawal"}})
	must(t, err)
	if updated.Metadata["why"] != "withdrawal" {
		t.Errorf("metadata %v", updated.Metadata)
	}
}
