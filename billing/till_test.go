package billing_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// A customer that was deleted at Stripe is not brought back by an idempotency key:
// the reader buys under a new one, within the same day.
func TestADeletedCustomerBuysAgain(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	for range 3 {
		customer := n.join(reader, simtest.Pays).CustomerID
		n.reads(reader, true)
		if _, err := n.api.Customers.Del(customer, nil); err != nil {
			t.Fatal(err)
		}
		n.pass(time.Minute)
		n.reads(reader, false)
	}
	var customers int64
	if err := n.db.Model(&models.Customer{}).Where("member_id = ?", reader).Count(&customers).Error; err != nil || customers != 3 {
		t.Errorf("%d customers, %v", customers, err)
	}
}

// A customer that was deleted with no event told costs one try.
func TestADeletionThatNobodyToldIsFoundOut(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	n.stripe.Sim.StopDelivering()
	if _, err := n.api.Customers.Del(customer, nil); err != nil {
		t.Fatal(err)
	}
	g := gift(&reader, "5", models.Once)
	if _, err := n.StartDonation(t.Context(), g); code(err) != "stripe_unavailable" {
		t.Errorf("the first try: %v", err)
	}
	n.settle()
	n.reads(reader, false)
	n.give(g)
}

// A 500 that Stripe keeps under a key for a day keeps the reader from buying once
// and not for the day, whichever request it met.
func TestAKeptErrorIsLeftBehind(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/customers", "/v1/checkout/sessions"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			kept := map[string]bool{}
			stuck := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
				key := r.Header.Get("Idempotency-Key")
				if r.Method == http.MethodPost && r.URL.Path == path && (kept[key] || len(kept) == 0) {
					kept[key] = true
					refuse(w, 500, "", "An error occurred.")
					return
				}
				stripe.ServeHTTP(w, r)
			})
			reader := n.member("reader@example.org")
			wish := billing.Checkout{Buyer: buyer(&reader), PriceID: n.price("member", models.Monthly, "eur").ID}
			if _, err := stuck.StartCheckout(t.Context(), wish); code(err) != "stripe_unavailable" {
				t.Fatalf("the 500 was not told: %v", err)
			}
			if _, err := stuck.StartCheckout(t.Context(), wish); err != nil {
				t.Errorf("the same form again: %v", err)
			}
			g := gift(&reader, "5", models.Once)
			if _, err := stuck.StartDonation(t.Context(), g); err != nil {
				if _, err = stuck.StartDonation(t.Context(), g); err != nil {
					t.Errorf("a gift of the same reader, tried twice: %v", err)
				}
			}
		})
	}
}

// An answer that was lost is asked for again under the same key: the page that was
// opened is found, and not a second one opened beside it.
func TestALostAnswerOpensNoSecondPage(t *testing.T) {
	t.Parallel()
	n := open(t)
	lost := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.URL.Path == "/v1/checkout/sessions" {
			stripe.ServeHTTP(nowhere{}, r)
			hangUp(n.t, w)
			return
		}
		stripe.ServeHTTP(w, r)
	})
	wish := billing.Checkout{Buyer: buyer(nil), PriceID: n.price("member", models.Monthly, "eur").ID}
	if _, err := lost.StartCheckout(t.Context(), wish); code(err) != "stripe_unavailable" {
		t.Fatalf("%v", err)
	}
	n.busy(t, wish)
	if _, err := n.StartCheckout(t.Context(), wish); err != nil {
		t.Fatal(err)
	}
	if got := n.openSessions(); len(got) != 1 {
		t.Errorf("%d pages are open", len(got))
	}
}

// busy is Stripe saying that the first request under this key still runs, or that
// there are too many.
func (n *newsroom) busy(t *testing.T, wish billing.Checkout) {
	t.Helper()
	for _, status := range []int{http.StatusConflict, http.StatusTooManyRequests} {
		busy := n.through(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { refuse(w, status, "", "not now") })
		if _, err := busy.StartCheckout(t.Context(), wish); code(err) != "stripe_unavailable" {
			t.Fatalf("%d: %v", status, err)
		}
	}
}

// nowhere is where an answer gets lost.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

// A form that is tried again after a long outage gets a page with a whole life:
// Stripe refuses one that would close within half an hour.
func TestAnOldFormGetsAPageThatLasts(t *testing.T) {
	t.Parallel()
	n := open(t)
	down := n.through(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { refuse(w, 500, "", "down") })
	wish := billing.Checkout{Buyer: buyer(nil), PriceID: n.price("member", models.Monthly, "eur").ID}
	for range 2 {
		if _, err := down.StartCheckout(t.Context(), wish); code(err) != "stripe_unavailable" {
			t.Fatalf("%v", err)
		}
		n.clock.advance(20 * time.Minute)
	}
	if _, err := n.StartCheckout(t.Context(), wish); err != nil {
		t.Error(err)
	}
}

// The same form, shown before somebody signed in or out, never leads to the page of
// whoever was there before.
func TestAFormServesWhoeverIsSignedInNow(t *testing.T) {
	t.Parallel()
	n := open(t)
	first, second := n.member("first@example.org"), n.member("second@example.org")
	b, price := buyer(nil), n.price("member", models.Monthly, "eur").ID
	pages := map[string]bool{}
	for range 2 {
		for _, b.MemberID = range []*uuid.UUID{nil, &first, &second} {
			page, err := n.checkout(b, price)
			if err != nil {
				t.Fatal(err)
			}
			pages[page] = true
		}
	}
	if len(pages) != 3 {
		t.Errorf("%d pages for two members and a guest", len(pages))
	}
}

// The open page of a session that Stripe does not know (the key went from test to
// live, an account was emptied) does not keep a reader from buying for ever.
func TestAPageThatStripeForgotIsClosed(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	if _, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID); err != nil {
		t.Fatal(err)
	}
	if err := n.db.Model(&models.CheckoutIntent{}).Where("true").Update("session_id", "cs_test_forgotten").Error; err != nil {
		t.Fatal(err)
	}
	if _, err := n.checkout(buyer(&reader), n.price("patron", models.Monthly, "eur").ID); err != nil {
		t.Error(err)
	}
}

// What was bought in test mode is nothing in live mode: it opens nothing, is not
// shown, and keeps nobody from buying. The newsletter was confirmed all the same.
func TestTheOtherModesMoneyCountsForNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.stripe.Pay(t, n.give(gift(&reader, "5", models.Monthly)), simtest.Pays)
	n.settle()
	if err := n.GrantNewsletter(t.Context(), reader); err != nil {
		t.Fatal(err)
	}
	live := billing.New(n.db, billing.Stripe(simtest.Key, n.stripe.URL), billing.Config{PublicURL: "https://members.example.news", Livemode: true}, n.clock.now, n.real.now, discard)
	e, err := live.Entitlements(t.Context(), reader)
	if err != nil || strings.Join(e.Names(), " ") != "sources:links" || e.Tier != "Newsletter" {
		t.Errorf("%+v, %v", e, err)
	}
	account, err := live.Account(t.Context(), reader)
	if err != nil || len(account.Memberships)+len(account.Gifts)+len(account.Payments) != 0 || account.Portal {
		t.Errorf("%+v, %v", account, err)
	}
	if totals, err := live.Totals(t.Context(), noon.Add(-day), noon.Add(day)); err != nil || len(totals) != 0 {
		t.Errorf("%+v, %v", totals, err)
	}
	err = n.db.Model(&models.Price{}).Where("true").Update("livemode", true).Error
	if err != nil {
		t.Fatal(err)
	}
	wish := billing.Checkout{Buyer: buyer(&reader), PriceID: n.price("member", models.Monthly, "eur").ID}
	if _, err := live.StartCheckout(t.Context(), wish); err != nil {
		t.Errorf("cannot buy: %v", err)
	}
}
