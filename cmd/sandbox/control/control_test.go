package control

import (
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// bench is the page on a simulator, a mail server and a clock of its own.
type bench struct {
	t      *testing.T
	stripe *simtest.Server
	page   http.Handler

	mu    sync.Mutex
	now   time.Time
	stuck error // why the clock cannot be moved
}

func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)}
	b.stripe = simtest.Start(t, b.clock)
	mails, err := mailcatch.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mails.Close() })
	b.page, err = New(Config{
		Sim: b.stripe.Sim, Mails: mails, Clock: b.clock, Advance: b.advance,
		MembersURL: "http://members.news.localhost:8080", NewsURL: "http://www.news.localhost:8081", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) advance(by time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stuck == nil {
		b.now = b.now.Add(by)
	}
	return b.stuck
}

// press posts a form as a browser does that comes from that site.
func (b *bench) press(site, path string, form ...string) *httptest.ResponseRecorder {
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", site)
	w := httptest.NewRecorder()
	b.page.ServeHTTP(w, r)
	return w
}

// done presses a button of the page itself, and answers the page that follows.
func (b *bench) done(path string, form ...string) string {
	b.t.Helper()
	w := b.press("same-origin", path, form...)
	if w.Code != http.StatusSeeOther {
		b.t.Fatalf("%s: %d, %s", path, w.Code, w.Body)
	}
	to, _, _ := strings.Cut(w.Header().Get("Location"), "#")
	return b.get(to)
}

func (b *bench) get(path string) string {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		b.t.Fatalf("%s: %d, %v", path, w.Code, err)
	}
	return html.UnescapeString(string(body))
}

func (b *bench) want(page string, words ...string) {
	b.t.Helper()
	for _, w := range words {
		if !strings.Contains(page, w) {
			b.t.Errorf("%q is not on the page:\n%s", w, page)
		}
	}
}

// member is somebody who pays every month.
func (b *bench) member() {
	b.t.Helper()
	api := b.stripe.Client()
	session, err := api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("https://example.org/"),
		LineItems: []*stripe.CheckoutSessionLineItemParams{{
			Quantity: stripe.Int64(1),
			PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
				Currency: stripe.String("eur"), UnitAmount: stripe.Int64(800),
				Recurring:   &stripe.CheckoutSessionLineItemPriceDataRecurringParams{Interval: stripe.String("month")},
				ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String("Member")},
			},
		}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.stripe.PayAs(b.t, session.URL, simtest.Pays, "ada@example.org")
}

func TestAnEmptyPageSaysWhatToDo(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.want(b.get("/"), "Sandbox: no money moves", "31 Jan 2027, 09:00:00 UTC", "http://www.news.localhost:8081", "None yet.", "15 minutes", "a month")
}

func TestAMonthPassesForStripeToo(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.member()
	b.want(b.get("/"), "ada@example.org", "8.00 EUR a month", "28 Feb 2027")
	b.want(b.done("/clock", "by", "month"), "3 Mar 2027, 09:00:00 UTC", "The clock has moved", "31 Mar 2027")
	if paid := b.stripe.Sim.Totals()["eur"]; paid.Count != 2 {
		t.Errorf("%d payments after the renewal", paid.Count)
	}
}

func TestARenewalIsDeclined(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.member()
	id := b.stripe.Sim.Subscriptions()[0].ID
	b.want(b.done("/subscriptions/"+id+"/decline"), "The next renewal will be declined")
	b.want(b.done("/clock", "by", "month"), "<td>past_due</td>")
}

func TestAPaymentGoesBack(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.member()
	path := "/payments/" + b.stripe.Sim.Payments()[0].Charge + "/refund"
	b.want(b.done(path), "The payment has gone back", "<td>8.00 EUR</td><td>8.00 EUR</td>")
	if again := b.press("same-origin", path); again.Code != http.StatusUnprocessableEntity {
		t.Errorf("a second refund: %d", again.Code)
	}
}

func TestWebhooksGetLostAndAreSentOnceMore(t *testing.T) {
	t.Parallel()
	b := open(t)
	heard := make(chan string, 100)
	ears := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heard <- r.URL.Path }))
	defer ears.Close()
	_, err := b.stripe.Client().WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: stripe.String(ears.URL), EnabledEvents: stripe.StringSlice([]string{"checkout.session.completed"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.want(b.done("/webhooks/lose", "count", "1"), "The next webhooks will get lost")
	b.member()
	b.stripe.Quiet(t)
	b.want(b.get("/"), "lost on the way, as asked")
	for _, e := range b.stripe.Sim.Events() {
		if e.Type == "checkout.session.completed" {
			b.want(b.done("/events/"+e.ID+"/resend"), "The event was sent once more", "<td>200</td><td>2</td>")
		}
	}
	if len(heard) != 1 {
		t.Errorf("%d webhooks arrived", len(heard))
	}
}

func TestWhatCannotBeDoneIsSaidInWords(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.stuck = errors.New("the disk is full")
	for path, form := range map[string][]string{
		"/clock":                       {"by", "century"},
		"/clock?":                      {"by", "day"},
		"/subscriptions/sub_x/decline": nil,
		"/payments/ch_x/refund":        nil,
		"/webhooks/lose":               {"count", "-1"},
		"/webhooks/lose?":              {"count", "some"},
		"/events/evt_x/resend":         nil,
	} {
		w := b.press("same-origin", path, form...)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `role="alert"`) {
			t.Errorf("%s %v: %d", path, form, w.Code)
		}
	}
	if !b.clock().Equal(time.Date(2027, 1, 31, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("the clock shows %s", b.clock())
	}
}

func TestOtherSitesPressNothing(t *testing.T) {
	t.Parallel()
	b := open(t)
	before := b.clock()
	for _, site := range []string{"cross-site", "same-site"} {
		if w := b.press(site, "/clock", "by", "day"); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", site, w.Code)
		}
	}
	if !b.clock().Equal(before) {
		t.Error("the clock has moved")
	}
}

func TestThePageLoadsNothingFromElsewhereAndRunsNoScript(t *testing.T) {
	t.Parallel()
	b := open(t)
	w := httptest.NewRecorder()
	b.page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'self';") {
		t.Errorf("policy %q", policy)
	}
	b.want(b.get("/control.css"), ".sandbox")
}
