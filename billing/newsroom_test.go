package billing_test

import (
	"crypto/sha256"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
	"newsroom.example/membership/webhooks"
)

// newsroom is billing with everything real around it: Postgres, the webhook
// intake, and Stripe as the simulator has it, on one clock that the test moves.
type newsroom struct {
	*billing.Service
	t      *testing.T
	db     *models.DB
	stripe *simtest.Server
	api    *client.API
	clock  *clock
	real   *clock
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// open has Stripe set up as it comes, but for what change says.
func open(t *testing.T, change ...func(*stripesim.Config)) *newsroom {
	t.Helper()
	n := &newsroom{t: t, db: pgtest.Open(t), clock: &clock{at: noon}, real: &clock{at: noon}}
	cfg := stripesim.Config{Clock: n.clock.now}
	for _, each := range change {
		each(&cfg)
	}
	n.stripe = simtest.StartWith(t, cfg)
	n.api = n.stripe.Client()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	n.Service = billing.New(n.db, billing.Stripe(simtest.Key, n.stripe.URL),
		billing.Config{PublicURL: "https://members.example.news"}, n.clock.now, n.real.now, log)
	n.receive(log)
	n.apply(shipped(t))
	return n
}

// receive puts the webhook intake behind a listener and tells Stripe of it.
func (n *newsroom) receive(log *slog.Logger) {
	n.t.Helper()
	e := echo.New()
	server := httptest.NewServer(e)
	n.t.Cleanup(server.Close)
	endpoint, err := n.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: stripe.String(server.URL), EnabledEvents: stripe.StringSlice(billing.EventTypes), APIVersion: stripe.String(stripe.APIVersion),
	})
	if err != nil {
		n.t.Fatal(err)
	}
	intake, err := webhooks.New(n.db, webhooks.Config{Secrets: []string{endpoint.Secret}}, n.clock.now, n.real.now, n.Wake, log)
	if err != nil {
		n.t.Fatal(err)
	}
	e.POST("/", intake.Receive)
}

func shipped(t *testing.T) billing.Catalog {
	t.Helper()
	file, err := os.ReadFile("../catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(file))
}

func parse(t *testing.T, file string) billing.Catalog {
	t.Helper()
	c, err := billing.ParseCatalog([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (n *newsroom) apply(c billing.Catalog) {
	n.t.Helper()
	if err := n.ApplyCatalog(n.t.Context(), c); err != nil {
		n.t.Fatal(err)
	}
}

// settle waits for Stripe's deliveries and works off what they made dirty.
func (n *newsroom) settle() {
	n.t.Helper()
	n.stripe.Quiet(n.t)
	if _, err := n.Drain(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

// pass lets time go by for everybody.
func (n *newsroom) pass(d time.Duration) {
	n.t.Helper()
	n.clock.advance(d)
	n.real.advance(d)
	n.stripe.Sim.RunDue()
	n.settle()
}

// member makes a reader with a proven address.
func (n *newsroom) member(email string) uuid.UUID {
	n.t.Helper()
	now := n.clock.now()
	m := models.Member{ID: models.NewID(), Email: &email, EmailVerifiedAt: &now, Locale: "en", CreatedAt: now, UpdatedAt: now}
	if err := n.db.Create(&m).Error; err != nil {
		n.t.Fatal(err)
	}
	return m.ID
}

func (n *newsroom) price(plan string, interval models.Interval, currency string) models.Price {
	n.t.Helper()
	var p models.Price
	err := n.db.Where(`plan_id = ? AND "interval" = ? AND currency = ? AND retired_at IS NULL`, plan, interval, currency).Take(&p).Error
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

var browser = sha256.Sum256([]byte("the buying browser's cookie"))

func buyer(member *uuid.UUID) billing.Buyer {
	return billing.Buyer{MemberID: member, Nonce: models.NewID().String(), BrowserHash: browser[:], ReturnTo: "https://www.example.news/a/harbour", Locale: "en"}
}

// checkout opens a membership's page at Stripe.
func (n *newsroom) checkout(b billing.Buyer, price string) (string, error) {
	return n.StartCheckout(n.t.Context(), billing.Checkout{Buyer: b, PriceID: price})
}

// join buys a monthly membership and returns its subscription.
func (n *newsroom) join(member uuid.UUID, card string) models.Subscription {
	n.t.Helper()
	page, err := n.checkout(buyer(&member), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		n.t.Fatal(err)
	}
	if shown := n.stripe.Pay(n.t, page, card); shown.Location == "" {
		n.t.Fatalf("the card was not taken: %s", shown.Problem)
	}
	n.settle()
	return n.subscription(member)
}

func (n *newsroom) subscription(member uuid.UUID) models.Subscription {
	n.t.Helper()
	var sub models.Subscription
	err := n.db.Where("customer_id IN (SELECT id FROM customers WHERE member_id = ?)", member).Order("created_at DESC").Take(&sub).Error
	if err != nil {
		n.t.Fatal(err)
	}
	return sub
}

// may says what a member may read now.
func (n *newsroom) may(member uuid.UUID) billing.Entitlements {
	n.t.Helper()
	e, err := n.Entitlements(n.t.Context(), member)
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

// reads asserts whether the member may read articles now.
func (n *newsroom) reads(member uuid.UUID, want bool) {
	n.t.Helper()
	e := n.may(member)
	got := false
	for _, name := range e.Names() {
		got = got || name == "articles:full"
	}
	if got != want {
		n.t.Errorf("at %s may read articles: %t, want %t (%+v)", n.clock.now().Format(time.DateTime), got, want, e)
	}
}

func (n *newsroom) ledger() []models.Payment {
	n.t.Helper()
	var all []models.Payment
	if err := n.db.Order("created_at, id").Find(&all).Error; err != nil {
		n.t.Fatal(err)
	}
	return all
}

func sessionID(t *testing.T, location string) string {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("session_id")
}

var discard = slog.New(slog.DiscardHandler)

// foreignPayment opens a page that something else in the same account would open.
func foreignPayment(n *newsroom, metadata map[string]string) string {
	n.t.Helper()
	session, err := n.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("payment"), SuccessURL: stripe.String("https://shop.example.org"),
		PaymentIntentData: &stripe.CheckoutSessionPaymentIntentDataParams{Metadata: metadata},
		LineItems: []*stripe.CheckoutSessionLineItemParams{{Quantity: stripe.Int64(1), PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
			Currency: stripe.String("eur"), UnitAmount: stripe.Int64(1999),
			ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String("A mug")},
		}}},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return session.URL
}

// status is what Stripe says of the session behind a page.
func (n *newsroom) status(page string) string {
	n.t.Helper()
	var intent models.CheckoutIntent
	if err := n.db.Where("session_url = ?", page).Take(&intent).Error; err != nil {
		n.t.Fatal(err)
	}
	session, err := n.api.CheckoutSessions.Get(*intent.SessionID, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(session.Status)
}

// onePage opens pages at once and checks that all of them are the same one.
func (n *newsroom) onePage(times int, open func() (string, error)) string {
	n.t.Helper()
	pages := make([]string, times)
	var all sync.WaitGroup
	for i := range pages {
		all.Go(func() {
			page, err := open()
			if err != nil {
				n.t.Error(err)
			}
			pages[i] = page
		})
	}
	all.Wait()
	for _, page := range pages {
		if page != pages[0] {
			n.t.Errorf("two pages: %s and %s", page, pages[0])
		}
	}
	return pages[0]
}
