package billing_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// The webhooks and their workers, the buyer on /thanks in several tabs, a second
// purchase, and a gift that is stopped while it begins: all at once, and the books
// are right in the end.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	monthly, yearly := n.price("member", models.Monthly, "eur").ID, n.price("member", models.Yearly, "eur").ID
	page, err := n.checkout(buyer(&reader), monthly)
	if err != nil {
		t.Fatal(err)
	}
	given := n.give(gift(&reader, "5", models.Monthly))
	ctx, stop := context.WithCancel(t.Context())
	var workers, all sync.WaitGroup
	workers.Go(func() { _ = n.Run(ctx) })
	paid, gave := n.stripe.Pay(t, page, simtest.Pays).Location, n.stripe.Pay(t, given, simtest.Pays).Location
	for range 4 {
		all.Go(func() { n.purchase(paid) })
		all.Go(func() {
			if page, err := n.checkout(buyer(&reader), yearly); code(err) != "already_member" {
				t.Errorf("a second purchase: %s, %v", page, err)
			}
		})
		all.Go(func() { n.stopGift(reader, gave) })
	}
	all.Wait()
	n.settle()
	stop()
	workers.Wait()
	n.settle()
	n.reads(reader, true)
	account, err := n.Account(t.Context(), reader)
	if err != nil || len(account.Memberships) != 1 || len(account.Gifts) != 1 || account.Gifts[0].Live || len(account.Payments) != 2 {
		t.Errorf("%+v, %v", account, err)
	}
	var changes []models.GrantChange
	if err := n.db.Model(&models.GrantEvent{}).Pluck("change", &changes).Error; err != nil || len(changes) != 1 {
		t.Errorf("%v, %v", changes, err)
	}
}

// stopGift stops the gift that a page was paid for, as its donor would.
func (n *newsroom) stopGift(donor uuid.UUID, location string) {
	n.purchase(location)
	account, err := n.Account(n.t.Context(), donor)
	if err != nil || len(account.Gifts) != 1 {
		n.t.Errorf("gifts: %+v, %v", account.Gifts, err)
		return
	}
	if err := n.StopGift(n.t.Context(), donor, account.Gifts[0].DonationID); err != nil {
		n.t.Error(err)
	}
}

// Tabs of one reader with different wishes: each gets a page for its own wish or is
// told to start over, and one page is open in the end.
func TestTabsWithDifferentWishes(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	wishes := []string{n.price("member", models.Monthly, "eur").ID, n.price("member", models.Yearly, "eur").ID, n.price("patron", models.Monthly, "eur").ID}
	var all sync.WaitGroup
	for i := range 9 {
		wish := wishes[i%len(wishes)]
		all.Go(func() {
			page, err := n.checkout(buyer(&reader), wish)
			if code(err) == "form_used" {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			var intent models.CheckoutIntent
			if err := n.db.Where("session_url = ?", page).Take(&intent).Error; err != nil || *intent.PriceID != wish {
				t.Errorf("a page for %v, wished for %s, %v", intent.PriceID, wish, err)
			}
		})
	}
	all.Wait()
	var open []models.CheckoutIntent
	if err := n.db.Where("status = ?", models.IntentOpen).Find(&open).Error; err != nil || len(open) != 1 {
		t.Errorf("%d open intents, %v", len(open), err)
	}
	if got := n.openSessions(); len(got) != 1 || got[0] != *open[0].SessionID {
		t.Errorf("open at Stripe: %v", got)
	}
}

// An intent that got its page after it was read is not closed behind that page's
// back.
func TestAnIntentThatGotItsPageIsNotClosed(t *testing.T) {
	t.Parallel()
	n := open(t)
	if _, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID); err != nil {
		t.Fatal(err)
	}
	var read models.CheckoutIntent
	if err := n.db.Take(&read).Error; err != nil {
		t.Fatal(err)
	}
	stale := read
	stale.SessionURL = ""
	closing := func(as models.CheckoutIntent) error {
		return n.db.Write(t.Context(), func(tx *gorm.DB) error { return billing.CloseIntent(tx, as) })
	}
	if err := closing(stale); !errors.Is(err, billing.ErrMetAnother) {
		t.Errorf("as it was before: %v", err)
	}
	for range 2 {
		if err := closing(read); err != nil {
			t.Errorf("as it is: %v", err)
		}
	}
}

func (n *newsroom) openSessions() []string {
	n.t.Helper()
	var ids []string
	list := n.api.CheckoutSessions.List(&stripe.CheckoutSessionListParams{})
	for list.Next() {
		if session := list.CheckoutSession(); session.Status == stripe.CheckoutSessionStatusOpen {
			ids = append(ids, session.ID)
		}
	}
	if err := list.Err(); err != nil {
		n.t.Fatal(err)
	}
	return ids
}

// The first page was paid and the sync fails: nothing else can be bought until the
// books show it.
func TestNothingIsSoldWhileAPaidPageIsNotInTheBooks(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.stripe.Sim.StopDelivering()
	reader := n.member("reader@example.org")
	page, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.Pay(t, page, simtest.Pays)
	limping := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.URL.Path == "/v1/subscriptions" {
			refuse(w, 429, "rate_limit", "slow down")
			return
		}
		stripe.ServeHTTP(w, r)
	})
	wish := billing.Checkout{Buyer: buyer(&reader), PriceID: n.price("patron", models.Monthly, "eur").ID}
	if page, err := limping.StartCheckout(t.Context(), wish); code(err) != "stripe_unavailable" {
		t.Errorf("a second page: %s, %v", page, err)
	}
	if _, err := n.StartCheckout(t.Context(), wish); code(err) != "already_member" {
		t.Errorf("once Stripe answers: %v", err)
	}
}

// A page that was completed and came to nothing (the first debit failed days later)
// does not keep its reader from buying.
func TestACompletedPageThatCameToNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.stripe.Sim.StopDelivering()
	reader := n.member("reader@example.org")
	page, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.Pay(t, page, simtest.Pays)
	failed := n.edited(edits{
		"/v1/subscriptions": func(answer object) { listed(answer)[0]["status"] = "incomplete_expired" },
		"/v1/invoices":      func(answer object) { listed(answer)[0]["status"] = "void" },
	})
	wish := billing.Checkout{Buyer: buyer(&reader), PriceID: n.price("patron", models.Monthly, "eur").ID}
	if _, err := failed.StartCheckout(t.Context(), wish); err != nil {
		t.Error(err)
	}
}

// Two customers that paid for one intent (a page that was opened twice) have one
// member between them.
func TestTwoCustomersOfOneIntentAreOneMember(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.stripe.Sim.StopDelivering()
	page, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	var intent models.CheckoutIntent
	if err := n.db.Take(&intent).Error; err != nil {
		t.Fatal(err)
	}
	twin, err := n.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("https://members.example.news"),
		LineItems:        []*stripe.CheckoutSessionLineItemParams{{Price: intent.PriceID, Quantity: stripe.Int64(1)}},
		SubscriptionData: &stripe.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"intent_id": intent.ID.String()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.PayAs(t, page, simtest.Pays, "guest@example.org")
	n.stripe.PayAs(t, twin.URL, simtest.Pays, "guest@example.org")
	var all sync.WaitGroup
	for _, sub := range n.stripe.Sim.Subscriptions() {
		mark(n, sub.Customer)
		subject := claim(n, sub.Customer)
		all.Go(func() {
			if err := n.SyncOnce(t.Context(), subject); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var owners []string
	if err := n.db.Model(&models.Customer{}).Pluck("member_id", &owners).Error; err != nil || len(owners) != 2 || owners[0] != owners[1] {
		t.Errorf("owners %v, %v", owners, err)
	}
	var members int64
	if err := n.db.Model(&models.Member{}).Count(&members).Error; err != nil || members != 1 {
		t.Errorf("%d members, %v", members, err)
	}
}
