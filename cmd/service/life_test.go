package service_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

const (
	membersSite = "https://members.example.news"
	newsSite    = "https://www.example.news"
)

// life is what happens to one reader of one newsroom, told from outside: the whole
// service behind TLS, with a Stripe and a mail server of its own, and a calendar.
// What the reader may read is asked of the service over HTTP, in the reader's own
// session; what the books hold is read from the ledger's rows.
//
// The lives in lives_*_test.go are written from Stripe's documentation, which each
// of them names, and not from our code. They are what the policy, the simulator and
// the tests of both are held to.
type life struct {
	t       *testing.T
	stripe  *simtest.Server
	billing *billing.Service
	mails   *mailcatch.Catcher
	books   *pgx.Conn
	door    net.Listener // where the service is behind TLS
	reader  *http.Client
	email   string

	publisher publisher
	bank      bank

	mu  sync.Mutex
	now time.Time
}

// begin opens a newsroom at that moment, such as "2026-01-31 09:00" UTC, and signs a
// reader in.
func begin(t *testing.T, moment string, settings ...func(*stripesim.Config)) *life {
	t.Helper()
	l := &life{t: t, now: instantOf(t, moment), email: "ada@example.org"}
	l.door = must(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = l.door.Close() })
	config := stripesim.Config{Clock: l.clock, Transport: l.wire()}
	for _, set := range settings {
		set(&config)
	}
	l.stripe = simtest.StartWith(t, config)
	l.publisher, l.bank = publisher{l, l.stripe.Client()}, bank{l}
	l.mails = must(mailcatch.Start("127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = l.mails.Close() })
	l.open()
	l.reader = l.browser()
	l.signIn()
	return l
}

// browser is a new one, with no cookies; it shows where it is sent and does not go.
func (l *life) browser() *http.Client {
	l.t.Helper()
	return &http.Client{
		Transport: l.wire(), Jar: must(cookiejar.New(nil))(l.t), Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// open runs the service, as `membership serve` does, until the test ends.
func (l *life) open() {
	t := l.t
	t.Helper()
	url := pgtest.URL(t)
	l.books = must(pgx.Connect(t.Context(), url))(t)
	t.Cleanup(func() { _ = l.books.Close(context.Background()) })
	cfg := config(url)
	cfg.PublicURL, cfg.StripeAPIBase = membersSite, l.stripe.URL
	cfg.SMTPURL = "smtp+plain://" + l.mails.Addr().String()
	cfg.StripeWebhookSecrets = []string{must(l.stripe.Sim.Listen(membersSite + "/webhooks/stripe"))(t)}
	s := must(service.New(t.Context(), cfg, service.Clocks{Newsroom: l.clock, Real: time.Now}, slog.New(slog.DiscardHandler)))(t)
	l.billing = s.Billing
	l.publisher.sellsMembershipsFor("8")
	l.publisher.setsStripeUp()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, tls.NewListener(l.door, certificate())) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the service ended with: %v", err)
		}
	})
}

// certificate is the one that net/http/httptest comes with.
var certificate = sync.OnceValue(func() *tls.Config {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return &tls.Config{Certificates: server.TLS.Certificates}
})

// wire leads every request for the members' site to our door, and others nowhere.
func (l *life) wire() *http.Transport {
	return &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate is for example.com
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", l.door.Addr().String())
		},
	}
}

func (l *life) clock() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// at lets time pass until that moment, and everything that it brings happen.
func (l *life) at(moment string) *life {
	l.t.Helper()
	to := instantOf(l.t, moment)
	if to.Before(l.clock()) {
		l.t.Fatalf("%s has passed", moment)
	}
	l.mu.Lock()
	l.now = to
	l.mu.Unlock()
	return l.settle()
}

// settle waits until Stripe has delivered everything, and the service has taken it
// all in and done what it owes Stripe in return.
func (l *life) settle() *life {
	l.t.Helper()
	l.stripe.Quiet(l.t)
	var owed string
	defer func() {
		if owed != "" {
			l.t.Log("owed: ", owed)
		}
	}()
	until(l.t, "every subject is synced and every errand done", func() bool {
		if owed = l.owed(); owed != "" {
			return false
		}
		l.stripe.Quiet(l.t)
		owed = l.owed()
		return owed == ""
	})
	return l
}

// owed names what is not synced or done, and why; "" for nothing.
func (l *life) owed() (all string) {
	err := l.books.QueryRow(l.t.Context(), `SELECT coalesce(string_agg(what, '; '), '') FROM (
		SELECT id || ' try ' || attempts || ' ' || last_error FROM sync_subjects WHERE dirty > synced
		UNION ALL SELECT kind || ' ' || target || ' try ' || attempts || ' ' || last_error FROM errands WHERE status = 'owed') owed (what)`).Scan(&all)
	if err != nil {
		return err.Error()
	}
	return all
}

func instantOf(t *testing.T, moment string) time.Time {
	t.Helper()
	return must(time.Parse("2006-01-02 15:04", moment))(t)
}

func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
