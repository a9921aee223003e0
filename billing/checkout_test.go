package billing_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

func (n *newsroom) intents() int64 {
	n.t.Helper()
	var count int64
	if err := n.db.Model(&models.CheckoutIntent{}).Count(&count).Error; err != nil {
		n.t.Fatal(err)
	}
	return count
}

func (n *newsroom) purchase(location string) billing.Purchase {
	n.t.Helper()
	p, err := n.Purchase(n.t.Context(), sessionID(n.t, location), browser[:])
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

func TestAnUnknownPriceIsRefused(t *testing.T) {
	t.Parallel()
	n := open(t)
	for _, price := range []string{"", "price_unknown", "' OR 1=1"} {
		if _, err := n.checkout(buyer(nil), price); code(err) != "price_unknown" {
			t.Errorf("%q: %v", price, err)
		}
	}
	if n.intents() != 0 {
		t.Error("something was stored")
	}
}

// A double click, a reload of the form, twenty tabs: one form opens one page.
func TestOneFormOpensOnePage(t *testing.T) {
	t.Parallel()
	n := open(t)
	b, price := buyer(nil), n.price("member", models.Monthly, "eur").ID
	n.onePage(20, func() (string, error) { return n.checkout(b, price) })
	if n.intents() != 1 {
		t.Errorf("%d intents", n.intents())
	}
}

// A member's tabs, each with a form of its own, share one page too.
func TestAReaderHasOneOpenPage(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	price := n.price("member", models.Monthly, "eur").ID
	n.onePage(10, func() (string, error) { return n.checkout(buyer(&reader), price) })
}

// Choosing another plan closes the page of the first, so that both cannot be paid.
func TestAnotherWishClosesTheFirstPage(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	first, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	second, err := n.checkout(buyer(&reader), n.price("member", models.Yearly, "eur").ID)
	if err != nil || second == first {
		t.Fatalf("%s, %v", second, err)
	}
	if status := n.status(first); status != "expired" {
		t.Errorf("the first page is %s", status)
	}
	if shown := n.stripe.Pay(t, second, simtest.Pays); shown.Location == "" {
		t.Errorf("the second page does not pay: %s", shown.Problem)
	}
}

// The first page was paid while the reader chose another plan: the second purchase
// is refused, and the first one counts.
func TestAPaidPageIsNotClosed(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.stripe.Sim.StopDelivering()
	first, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.Pay(t, first, simtest.Pays)
	_, err = n.checkout(buyer(&reader), n.price("member", models.Yearly, "eur").ID)
	if code(err) != "already_member" {
		t.Errorf("the second purchase: %v", err)
	}
	n.reads(reader, true)
}

func TestAMemberCannotJoinTwice(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	if _, err := n.checkout(buyer(&reader), n.price("patron", models.Monthly, "eur").ID); code(err) != "already_member" {
		t.Errorf("%v", err)
	}
}

// The nonce of a form is good for the browser that was shown it.
func TestAFormOfAnotherBrowserIsRefused(t *testing.T) {
	t.Parallel()
	n := open(t)
	b, price := buyer(nil), n.price("member", models.Monthly, "eur").ID
	if _, err := n.checkout(b, price); err != nil {
		t.Fatal(err)
	}
	other := sha256.Sum256([]byte("another browser"))
	b.BrowserHash = other[:]
	if _, err := n.checkout(b, price); code(err) != "form_used" {
		t.Errorf("%v", err)
	}
}

func TestStripeDownIsSaid(t *testing.T) {
	t.Parallel()
	n := open(t)
	price := n.price("member", models.Monthly, "eur").ID
	down := billing.New(n.db, billing.Stripe(simtest.Key, "http://127.0.0.1:1"), billing.Config{}, n.clock.now, n.real.now, discard)
	b := buyer(nil)
	if _, err := down.StartCheckout(t.Context(), billing.Checkout{Buyer: b, PriceID: price}); code(err) != "stripe_unavailable" {
		t.Fatal(err)
	}
	if _, err := n.checkout(b, price); err != nil { // the same form, once Stripe is back
		t.Error(err)
	}
}

// A guest who pays becomes a member under the address typed at Stripe: unproven,
// and let in by this browser once.
func TestAGuestBecomesAMember(t *testing.T) {
	t.Parallel()
	n := open(t)
	page, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	paid := n.stripe.PayAs(t, page, simtest.Pays, "New.Reader@Example.org")
	p := n.purchase(paid.Location)
	if p.State != billing.PurchaseSucceeded || !p.Fresh || p.Member == nil || p.PlanName != "Member" || p.Amount.Minor != 800 {
		t.Fatalf("%+v", p)
	}
	if m := p.Member; m.Address() != "new.reader@example.org" || m.EmailVerifiedAt != nil || m.Provisional() {
		t.Errorf("%+v", m)
	}
	n.reads(p.Member.ID, true)
	for _, want := range []bool{true, false} {
		if first, err := n.Consume(t.Context(), p.IntentID); err != nil || first != want {
			t.Errorf("consume: %t, %v; want %t", first, err, want)
		}
	}
	if n.purchase(paid.Location).Fresh {
		t.Error("fresh after it was consumed")
	}
}

// Whoever pays with the address of an existing member gets nothing of that
// member's, and gives them nothing either: the purchase has a member of its own.
func TestPayingWithAMembersAddressTouchesNothingOfTheirs(t *testing.T) {
	t.Parallel()
	n := open(t)
	victim := n.member("victim@example.org")
	page, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	p := n.purchase(n.stripe.PayAs(t, page, simtest.Pays, "victim@example.org").Location)
	if p.Member == nil || p.Member.ID == victim || !p.Member.Provisional() || p.Member.Address() != "victim@example.org" {
		t.Fatalf("%+v", p.Member)
	}
	n.reads(p.Member.ID, true)
	n.reads(victim, false)
	if known, err := n.Account(t.Context(), victim); err != nil || len(known.Payments) != 0 || known.Portal {
		t.Errorf("the victim's books: %+v, %v", known, err)
	}
}

func TestAPurchaseIsShownToItsBrowserOnly(t *testing.T) {
	t.Parallel()
	n := open(t)
	page, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	session := sessionID(t, n.stripe.Pay(t, page, simtest.Pays).Location)
	other := sha256.Sum256([]byte("another browser"))
	for name, ask := range map[string]func() error{
		"foreign browser": func() error { _, err := n.Purchase(t.Context(), session, other[:]); return err },
		"no cookie":       func() error { _, err := n.Purchase(t.Context(), session, nil); return err },
		"unknown session": func() error { _, err := n.Purchase(t.Context(), "cs_test_unknown", browser[:]); return err },
		"not a session":   func() error { _, err := n.Purchase(t.Context(), "../secrets", browser[:]); return err },
	} {
		if err := ask(); code(err) != "purchase_not_found" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStatesOfAPurchase(t *testing.T) {
	t.Parallel()
	n := open(t)
	page, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	var intent models.CheckoutIntent
	if err := n.db.Take(&intent).Error; err != nil {
		t.Fatal(err)
	}
	see := func(want billing.PurchaseState) {
		t.Helper()
		p, err := n.Purchase(t.Context(), *intent.SessionID, browser[:])
		if err != nil || p.State != want || p.Fresh {
			t.Errorf("%s %v, %v; want %s", p.State, p.Fresh, err, want)
		}
	}
	see(billing.PurchaseFailed)
	if shown := n.stripe.Pay(t, page, simtest.Declined); shown.Problem == "" {
		t.Error("a declined card was taken")
	}
	see(billing.PurchaseFailed)
	n.pass(61 * time.Minute)
	see(billing.PurchaseExpired)
}

// Coming back an hour later is no way in any more.
func TestALateReturnLetsNobodyIn(t *testing.T) {
	t.Parallel()
	n := open(t)
	page, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	paid := n.stripe.Pay(t, page, simtest.Pays)
	n.pass(61 * time.Minute)
	if p := n.purchase(paid.Location); p.State != billing.PurchaseSucceeded || p.Fresh {
		t.Errorf("%+v", p)
	}
}
