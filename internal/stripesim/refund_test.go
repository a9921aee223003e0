package stripesim_test

import (
	"testing"

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
