package handlers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/billing"
	"newsroom.example/membership/handlers"
	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
)

const (
	membersURL = "https://members.example.news"
	articleURL = "https://www.example.news"
	anArticle  = articleURL + "/a/harbour"
)

// newsroom is the service as it runs, on a database, a mail server and a Stripe of
// its own, and a clock that the test moves.
type newsroom struct {
	t      *testing.T
	db     *models.DB
	bills  *billing.Service
	who    *auth.Service
	stripe *simtest.Server
	mails  *mailcatch.Catcher
	read   map[string]bool // mails that mailTo returned
	site   *echo.Echo
	log    *syncBuffer
	ready  error
	down   atomic.Bool // Stripe says that it is
	silent atomic.Bool // Stripe does not answer at all
	debits atomic.Bool // the newsroom lets its readers pay by direct debit, as its dashboard at Stripe says

	mu    sync.Mutex
	now   time.Time
	given []string // the values of all cookies
}

func open(t *testing.T, changes ...func(*handlers.Config)) *newsroom {
	t.Helper()
	n := &newsroom{t: t, db: pgtest.Open(t), log: &syncBuffer{}, read: map[string]bool{}, now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	n.stripe = simtest.Start(t, n.clock)
	n.mails = must(mailcatch.Start("127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = n.mails.Close() })
	log := slog.New(slog.NewJSONHandler(n.log, nil))
	words := must(locale.New())(t)
	jobs := notify.NewJobs(n.db, log)
	mailer := must(notify.NewMailer(notify.SMTP{Host: "127.0.0.1", Port: n.mails.Addr().Port, From: "desk@example.news", TLS: notify.Plain}))(t)
	who := must(auth.New(n.db, jobs, mailer, words, authConfig(), n.clock, log))(t)
	n.who = who
	n.bills = billing.New(n.db, billing.Stripe(simtest.Key, n.gate()), billing.Config{PublicURL: membersURL}, n.clock, time.Now, log)
	n.bills.WriteBy(billing.Post{Jobs: jobs, Mailer: mailer, Words: words, SiteName: "The Harbour Lantern"})
	n.limit(billing.Till{})
	who.OnAddress(n.bills.FollowAddress)
	catalog := must(billing.ParseCatalog(must(os.ReadFile("testdata/catalog.yaml"))(t)))(t)
	n.check(n.bills.ApplyCatalog(t.Context(), catalog))
	n.check(who.Keys.Prepare(t.Context()))
	n.check(jobs.Start(t.Context()))
	t.Cleanup(func() { _ = jobs.Stop(context.Background()) })
	cfg := handlers.Config{
		PublicURL: membersURL, SiteName: "The Harbour Lantern", ArticleOrigins: []string{articleURL},
		CookieDomain: "example.news", CheckoutOrigins: []string{n.stripe.URL},
	}
	for _, change := range changes {
		change(&cfg)
	}
	n.site = must(handlers.New(cfg, handlers.Rooms{
		Billing: n.bills, Auth: who, Words: words, Clock: n.clock, Log: log,
		Ready: func(context.Context) error { return n.ready },
	}))(t)
	return n
}

// gate is Stripe's address, with a door that the test can close.
func (n *newsroom) gate() string {
	to := must(url.Parse(n.stripe.URL))(n.t)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.silent.Load() {
			_, _ = io.Copy(io.Discard, r.Body) // only then is the caller's going noticed
			<-r.Context().Done()
			return
		}
		if n.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if n.debits.Load() && r.Method == http.MethodPost && r.URL.Path == "/v1/checkout/sessions" {
			offerDebits(r)
		}
		proxy.ServeHTTP(w, r)
	}))
	n.t.Cleanup(gate.Close)
	return gate.URL
}

// offerDebits does for one request what the dashboard does for all: the simulated
// Stripe has none.
func offerDebits(r *http.Request) {
	more := "&payment_method_types[0]=card&payment_method_types[1]=sepa_debit"
	r.Body = io.NopCloser(io.MultiReader(r.Body, strings.NewReader(more)))
	r.ContentLength += int64(len(more))
}

func authConfig() auth.Config {
	return auth.Config{
		Issuer: membersURL, SiteName: "The Harbour Lantern", Audiences: []string{articleURL}, ClientID: "membership",
		Pepper: bytes.Repeat([]byte("p"), 32), SealingKeys: [][]byte{bytes.Repeat([]byte("s"), 32)},
	}
}

func (n *newsroom) clock() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

func (n *newsroom) advance(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = n.now.Add(d)
}

func (n *newsroom) check(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// count is how many rows a table has.
func (n *newsroom) count(table string) int {
	n.t.Helper()
	var rows int
	n.check(n.db.Raw("SELECT count(*) FROM " + table).Scan(&rows).Error)
	return rows
}

// syncPurchase brings the only purchase into our books before its buyer is back, as
// a webhook does.
func (n *newsroom) syncPurchase() {
	n.t.Helper()
	var intent models.CheckoutIntent
	n.check(n.db.Take(&intent).Error)
	bought, err := n.bills.Purchase(n.t.Context(), *intent.SessionID, intent.BrowserHash)
	n.check(err)
	wantEqual(n.t, "the purchase", bought.State, billing.PurchaseSucceeded)
}

// mailTo waits for a mail to that address that was not read yet, and returns the
// path of its link and its code.
func (n *newsroom) mailTo(address string) (link, code string) {
	n.t.Helper()
	mail := n.letterTo(address)
	return mailLink.FindStringSubmatch(mail.Text)[1], mailCode.FindStringSubmatch(mail.Text)[1]
}

// letterTo waits for a mail to that address that was not read yet.
func (n *newsroom) letterTo(address string) mailcatch.Mail {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 20*time.Second)
	defer cancel()
	mail, err := n.mails.Wait(ctx, func(m mailcatch.Mail) bool {
		return strings.Contains(m.To, address) && !n.read[m.Raw]
	})
	if err != nil {
		n.t.Fatalf("no mail to %s: %v", address, err)
	}
	n.read[mail.Raw] = true
	return mail
}

var (
	mailLink = regexp.MustCompile(regexp.QuoteMeta(membersURL) + `(/\S+)`)
	mailCode = regexp.MustCompile(`(?m)^\s*(\w{4} \w{4})\s*$`)
)

// must fails the test on an error, so that a fixture reads as one line a part.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

var errDraining = errors.New("draining")
