package billing

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// A payment counts when its charge succeeded. A debit that is still on its way, or
// came back, is a row with no day on which it was paid, and none of the sums has it.
// https://stripe.com/docs/api/charges/object#charge_object-status
func TestOnlyASucceededChargeIsPaid(t *testing.T) {
	t.Parallel()
	for charge, want := range map[stripe.ChargeStatus]models.PaymentStatus{
		stripe.ChargeStatusSucceeded: models.PaymentSucceeded,
		stripe.ChargeStatusPending:   models.PaymentPending,
		stripe.ChargeStatusFailed:    models.PaymentFailed,
		"something_new":              models.PaymentFailed,
	} {
		var row models.Payment
		fillAmounts(&row, &stripe.Charge{ID: "py_1", Status: charge, Amount: 1000, AmountRefunded: 300, Currency: "eur", Created: sec(1)})
		if row.Status != want || (row.PaidAt != nil) != (want == models.PaymentSucceeded) {
			t.Errorf("a charge that is %s: %s, paid at %v", charge, row.Status, row.PaidAt)
		}
		if row.Amount != 1000 || row.Refunded != 300 || row.Currency != "eur" || row.Fee != nil {
			t.Errorf("a charge that is %s: %+v", charge, row)
		}
	}
}
