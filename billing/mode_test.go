package billing_test

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// Books that both modes were used on, such as those of a newsroom that has gone live:
// a service of the one mode lets what the other has begun alone, or Stripe would say
// that there is no such customer.
func TestWhatTheOtherModeBeganWaitsForIt(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	mark(n, sub.CustomerID)
	live := n.served(billing.Stripe(simtest.Key, n.stripe.URL), billing.Config{Livemode: true}, discard)
	if subject, err := live.ClaimDue(t.Context()); err != nil || subject != nil {
		t.Errorf("claimed %+v, %v", subject, err)
	}
	if subject, err := live.Claim(t.Context(), sub.CustomerID); err != nil || subject != nil {
		t.Errorf("claimed by its id: %+v, %v", subject, err)
	}
	if subject, err := n.ClaimDue(t.Context()); err != nil || subject == nil {
		t.Errorf("not claimed by its own: %+v, %v", subject, err)
	}
}

// A refund that is owed in the one mode is not asked for with the other one's key.
func TestAnErrandIsOfItsMode(t *testing.T) {
	t.Parallel()
	n, reader := boughtTwice(t)
	n.errand()
	live := n.served(billing.Stripe(simtest.Key, n.stripe.URL), billing.Config{Livemode: true}, discard)
	customer, err := n.api.Customers.New(&stripe.CustomerParams{Metadata: map[string]string{"member_id": reader.String()}})
	if err != nil {
		t.Fatal(err)
	}
	err = n.db.Write(t.Context(), func(tx *gorm.DB) error {
		_, err := models.MarkDirty(tx, models.SyncSubject{ID: customer.ID, Kind: models.SubjectCustomer, Livemode: true}, n.real.now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := live.Claim(t.Context(), customer.ID)
	if err != nil || subject == nil {
		t.Fatal(subject, err)
	}
	if err := live.SyncOnce(t.Context(), *subject); err != nil {
		t.Fatal(err)
	}
	var owed int64
	if err := n.db.Model(&models.Errand{}).Where("livemode").Count(&owed).Error; err != nil || owed != 0 {
		t.Errorf("%d errands of the other mode, %v", owed, err)
	}
	n.heal()
	n.oneLeft(reader, 2)
}
