// Package paywalltest lets an article service be tested without a membership
// service: an issuer in memory that signs any token a test asks for, publishes
// its keys over HTTP, breaks on demand, and keeps its own clock. RunHostile
// tries tokens on a verifier, this module's or any other, that it must refuse.
//
//	issuer := paywalltest.NewIssuer(t)
//	v := issuer.Verifier(t)
//	member := issuer.Token(paywalltest.Entitlements("articles:full"))
//
// It has no sessions, no plans and no renewal.
package paywalltest

import (
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"newsroom.example/membership/paywall"
)

// Audience is the article service that tokens are for unless an option says
// otherwise.
const Audience = "https://www.example.news"

// Lifetime is how long tokens live unless an option says otherwise.
const Lifetime = 10 * time.Minute

// Issuer is a membership service's signing half: an http.Handler with its keys
// and its revocation feed. It is safe for concurrent use.
type Issuer struct {
	url string

	mu     sync.Mutex
	now    time.Time
	keys   []key // published; the last one signs
	fault  Fault
	tokens int

	version  int64 // the ev of the next token
	sequence int64
	subjects map[string]int64
	sessions []string
}

// NewIssuer starts an issuer with one ES256 key on a loopback port, until the
// test ends. Its clock shows the present second and stands still.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := newIssuer(time.Now())
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

func newIssuer(now time.Time) *Issuer {
	i := &Issuer{now: now.Truncate(time.Second), version: 1, subjects: map[string]int64{}}
	i.Rotate()
	return i
}

// URL is the issuer's origin, the iss of its tokens.
func (i *Issuer) URL() string { return i.url }

// Now is the issuer's clock, for paywall.Config.Clock.
func (i *Issuer) Now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// Advance moves the clock.
func (i *Issuer) Advance(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(d)
}

// Verifier starts a verifier that trusts this issuer and lives by its clock,
// waits until it has keys and revocations, and closes it when the test ends. The functions
// change its configuration first.
func (i *Issuer) Verifier(t testing.TB, change ...func(*paywall.Config)) *paywall.Verifier {
	t.Helper()
	config := paywall.Config{
		Issuer:   i.URL(),
		Audience: Audience,
		Clock:    i.Now,
		Logger:   slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&config)
	}
	v, err := paywall.New(config)
	if err != nil {
		t.Fatalf("start verifier: %v", err)
	}
	t.Cleanup(v.Close)
	if err := v.Ready(t.Context()); err != nil {
		t.Fatalf("wait for keys: %v", err)
	}
	return v
}
