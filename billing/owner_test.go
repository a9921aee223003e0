package billing_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// guest pays for a membership as a guest, with no webhook told, and returns the page
// they come back to.
func (n *newsroom) guest() string {
	n.t.Helper()
	n.stripe.Sim.StopDelivering()
	page, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		n.t.Fatal(err)
	}
	return n.stripe.Pay(n.t, page, simtest.Pays).Location
}

// Whoever paid reads on, whatever Stripe tells of them: no address, one that we
// cannot read, a name that Postgres does not take.
func TestWhoeverPaidReadsOn(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]object{
		"no address":          {"email": nil},
		"an unreadable one":   {"email": `"quoted one"@example.org`},
		"a name with a NUL":   {"email": "a@example.org", "name": "A\x00B"},
		"an address with NUL": {"email": "a\x00@example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			location := n.guest()
			n.Service = n.edited(edits{"/v1/subscriptions": func(answer object) {
				maps.Copy(listed(answer)[0]["customer"].(object), told)
			}})
			p := n.purchase(location)
			if p.State != billing.PurchaseSucceeded || p.Member == nil || !p.Fresh {
				t.Fatalf("%+v", p)
			}
			n.reads(p.Member.ID, true)
			if _, err := models.CanonicalEmail(p.Member.Address()); (err == nil) != (name == "a name with a NUL") {
				t.Errorf("mail would go to %q", p.Member.Address())
			}
			if got := n.ledger(); len(got) != 1 || *got[0].MemberID != p.Member.ID {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A guest's membership that was bought and ended before anything was synced is in
// the books: the money moved.
func TestAGuestsShortMembershipIsBooked(t *testing.T) {
	t.Parallel()
	n := open(t)
	location := n.guest()
	n.clock.advance(time.Minute)
	if _, err := n.api.Subscriptions.Cancel(n.stripe.Sim.Subscriptions()[0].ID, nil); err != nil {
		t.Fatal(err)
	}
	p := n.purchase(location)
	if p.State != billing.PurchaseSucceeded || p.Member == nil {
		t.Fatalf("%+v", p)
	}
	n.reads(p.Member.ID, false)
	if got := n.ledger(); len(got) != 1 || got[0].Status != models.PaymentSucceeded {
		t.Errorf("%+v", got)
	}
}

// A checkout that was begun and never paid makes nobody a member.
func TestAnUnpaidSubscriptionMakesNoMember(t *testing.T) {
	t.Parallel()
	n := open(t)
	page, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.PayAs(t, page, simtest.Declined, "guest@example.org")
	n.settle()
	n.pass(2 * day)
	var members int64
	if err := n.db.Model(&models.Member{}).Count(&members).Error; err != nil || members != 0 || len(n.ledger()) != 0 {
		t.Errorf("%d members, %v, ledger %+v", members, err, n.ledger())
	}
}

// A customer whose metadata names nobody of ours is nobody's; one that is bound
// stays bound, whatever its metadata says later.
func TestMetadataThatNamesNobody(t *testing.T) {
	t.Parallel()
	n := open(t)
	for _, member := range []string{models.NewID().String(), "me", ""} {
		customer, err := n.api.Customers.New(&stripe.CustomerParams{Email: stripe.String("x@example.org"), Metadata: map[string]string{"member_id": member}})
		if err != nil {
			t.Fatal(err)
		}
		n.settle()
		if err := n.db.Where("id = ?", customer.ID).Take(&models.Customer{}).Error; !models.NotFound(err) {
			t.Errorf("%q: kept, %v", member, err)
		}
	}
	reader, other := n.member("reader@example.org"), n.member("other@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	_, err := n.api.Customers.Update(customer, &stripe.CustomerParams{Metadata: map[string]string{"member_id": other.String()}})
	if err != nil {
		t.Fatal(err)
	}
	n.settle()
	n.reads(reader, true)
	n.reads(other, false)
}

// A gift that ended where we did not see it can still be stopped, and then our books
// know.
func TestStoppingAGiftThatEndedUnseen(t *testing.T) {
	t.Parallel()
	n := open(t)
	donor := n.member("donor@example.org")
	n.stripe.Pay(t, n.give(gift(&donor, "5", models.Monthly)), simtest.Pays)
	n.settle()
	n.stripe.Sim.StopDelivering()
	if _, err := n.api.Subscriptions.Cancel(n.stripe.Sim.Subscriptions()[0].ID, nil); err != nil {
		t.Fatal(err)
	}
	account, err := n.Account(t.Context(), donor)
	if err != nil || !account.Gifts[0].Live {
		t.Fatalf("%+v, %v", account.Gifts, err)
	}
	if err := n.StopGift(t.Context(), donor, account.Gifts[0].DonationID); err != nil {
		t.Fatal(err)
	}
	if account, err = n.Account(t.Context(), donor); err != nil || account.Gifts[0].Live {
		t.Errorf("%+v, %v", account.Gifts, err)
	}
}

// Metadata that was copied by hand: a second payment with the same gift's id is a
// payment of its own, and a subscription that names a single gift poisons nothing.
func TestCopiedGiftMetadata(t *testing.T) {
	t.Parallel()
	n := open(t)
	donor := n.member("donor@example.org")
	n.stripe.Pay(t, n.give(gift(&donor, "10", models.Once)), simtest.Pays)
	n.settle()
	var given models.Donation
	if err := n.db.Take(&given).Error; err != nil {
		t.Fatal(err)
	}
	if got := n.ledger(); len(got) != 1 || got[0].MemberID == nil || *got[0].MemberID != donor || got[0].CustomerID == nil {
		t.Fatalf("a member's gift: %+v", got)
	}
	metadata := map[string]string{"donation_id": given.ID.String()}
	n.stripe.PayAs(t, foreignPayment(n, metadata), simtest.Pays, "somebody@example.org")
	n.settle()
	if got := n.ledger(); len(got) != 2 || got[1].Amount != 1999 || *got[1].DonationID != given.ID || got[1].MemberID != nil {
		t.Errorf("%+v", got)
	}
	coffee, err := n.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), Customer: n.ledger()[0].CustomerID, SuccessURL: stripe.String("https://shop.example.org"),
		SubscriptionData: &stripe.CheckoutSessionSubscriptionDataParams{Metadata: metadata},
		LineItems: []*stripe.CheckoutSessionLineItemParams{{Quantity: stripe.Int64(1), PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
			Currency: stripe.String("eur"), UnitAmount: stripe.Int64(700),
			Recurring:   &stripe.CheckoutSessionLineItemPriceDataRecurringParams{Interval: stripe.String("month")},
			ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String("Coffee")},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.Pay(t, coffee.URL, simtest.Pays)
	n.settle()
	if sub := n.subscription(donor); sub.Kind != models.SubscriptionForeign {
		t.Errorf("a subscription that names a single gift is %s", sub.Kind)
	}
}

// A membership stays one, whatever gift its metadata names.
func TestAMembershipThatNamesAGift(t *testing.T) {
	t.Parallel()
	n := open(t)
	donor := n.member("donor@example.org")
	n.give(gift(&donor, "10", models.Once))
	var given models.Donation
	if err := n.db.Take(&given).Error; err != nil {
		t.Fatal(err)
	}
	n.stripe.Sim.StopDelivering()
	page, err := n.checkout(buyer(&donor), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.Pay(t, page, simtest.Pays)
	var customer models.Customer
	if err := n.db.Take(&customer).Error; err != nil {
		t.Fatal(err)
	}
	n.resync(n.edited(edits{"/v1/subscriptions": func(answer object) {
		for _, sub := range listed(answer) {
			sub["metadata"].(object)["donation_id"] = given.ID.String()
		}
	}}), customer.ID)
	n.reads(donor, true)
	if got := n.ledger(); len(got) != 1 || got[0].Kind != models.PaymentMembership {
		t.Errorf("%+v", got)
	}
}
