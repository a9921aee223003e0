package billing_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

const back = "https://members.example.news/account"

// mends asserts why the reader's membership is stuck, that another is refused for it, and
// returns where the way on leads.
func (n *newsroom) mends(reader uuid.UUID, why string) string {
	n.t.Helper()
	if got, err := n.StuckMembership(n.t.Context(), reader); err != nil || got != why {
		n.t.Errorf("stuck %q, want %q, %v", got, why, err)
	}
	if why != "" {
		if _, err := n.checkout(buyer(&reader), n.price("member", models.Yearly, "eur").ID); code(err) != why {
			n.t.Errorf("another membership: %v", err)
		}
	}
	at, err := n.MendURL(n.t.Context(), reader, back)
	if err != nil {
		n.t.Fatal(err)
	}
	return at
}

// oneMembership asserts that there is one subscription at Stripe, which goes on and
// lets its reader read.
func (n *newsroom) oneMembership(reader uuid.UUID) {
	n.t.Helper()
	n.settle()
	if subs := n.stripe.Sim.Subscriptions(); len(subs) != 1 || subs[0].Status != "active" {
		n.t.Errorf("%+v", subs)
	}
	n.reads(reader, true)
	if at := n.mends(reader, ""); at != back {
		n.t.Errorf("nothing is to be mended: %s", at)
	}
}

// Whose renewal failed pays the open invoice, and has their one membership again: while
// Stripe tries, and when it has given up.
func TestAnUnpaidMembershipIsPaidAndGoesOn(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]models.SubscriptionStatus{"past due": models.PastDue, "unpaid": models.Unpaid} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t, func(c *stripesim.Config) { c.AfterRetries = string(status) })
			reader := n.member("reader@example.org")
			n.join(reader, simtest.DeclinesLater)
			if at := n.mends(reader, ""); at != back {
				t.Errorf("it goes on: %s", at)
			}
			n.pass(47 * day) // all tries failed
			n.reads(reader, false)
			if got := n.subscription(reader).Status; got != status {
				t.Fatalf("it is %s", got)
			}
			at := n.mends(reader, "membership_unpaid")
			if !strings.HasPrefix(at, n.stripe.URL+"/invoice/") {
				t.Fatalf("leads to %s", at)
			}
			n.stripe.PayInvoice(t, at, simtest.Pays)
			n.oneMembership(reader)
		})
	}
}

// A trial without a card that rests when it ends: Stripe's portal takes a card, and the
// same button sets it going, once.
func TestAPausedMembershipGoesOnWithACard(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	pause := "pause"
	customer, err := n.api.Customers.New(&stripe.CustomerParams{Metadata: map[string]string{"member_id": reader.String()}})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := n.api.Subscriptions.New(&stripe.SubscriptionParams{
		Customer: &customer.ID, TrialPeriodDays: stripe.Int64(14),
		Items:         []*stripe.SubscriptionItemsParams{{Price: stripe.String(n.price("member", models.Monthly, "eur").ID)}},
		TrialSettings: &stripe.SubscriptionTrialSettingsParams{EndBehavior: &stripe.SubscriptionTrialSettingsEndBehaviorParams{MissingPaymentMethod: &pause}},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.settle()
	n.reads(reader, true)
	n.pass(15 * day)
	n.reads(reader, false)
	account, err := n.Account(t.Context(), reader)
	if err != nil || len(account.Memberships) != 1 || !account.Portal || account.Stuck != "membership_paused" {
		t.Errorf("%+v, %v", account, err)
	}
	if at := n.mends(reader, "membership_paused"); !strings.HasPrefix(at, n.stripe.URL+"/") || strings.Contains(at, "/invoice/") {
		t.Errorf("without a card: %s", at)
	}
	method, err := n.api.PaymentMethods.Attach("pm_card_visa", &stripe.PaymentMethodAttachParams{Customer: &customer.ID})
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.api.Customers.Update(customer.ID, &stripe.CustomerParams{InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: &method.ID}})
	if err != nil {
		t.Fatal(err)
	}
	if at := n.mends(reader, "membership_paused"); at != back {
		t.Errorf("with a card: %s", at)
	}
	n.oneMembership(reader)
	if ledger := n.ledger(); len(ledger) != 1 || *ledger[0].SubscriptionID != sub.ID || ledger[0].Amount != 800 {
		t.Errorf("%+v", ledger)
	}
}
