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
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
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

// Issuer is a membership service's signing half. It is safe for concurrent
// use.
type Issuer struct {
	server *httptest.Server

	mu     sync.Mutex
	now    time.Time
	keys   []*ecdsa.PrivateKey // published; the last one signs
	fault  Fault
	tokens int
}

// NewIssuer starts an issuer with one ES256 key on a loopback port, until the
// test ends. Its clock shows the present second and stands still.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{now: time.Now().Truncate(time.Second)}
	i.Rotate(t)
	i.server = httptest.NewServer(http.HandlerFunc(i.serveKeys))
	t.Cleanup(i.server.Close)
	return i
}

// URL is the issuer's origin, the iss of its tokens.
func (i *Issuer) URL() string { return i.server.URL }

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

// Rotate publishes a new key beside the old ones and signs with it from now
// on.
func (i *Issuer) Rotate(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("generate key: %v", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, key)
}

// Fault is a way in which an issuer's published keys can be wrong.
type Fault int

// The faults. Healthy mends them all.
const (
	Healthy    Fault = iota
	EmptyJWKS        // a well-formed document without keys
	BrokenJWKS       // half a document
	Down             // 503
)

// Break makes the issuer publish its keys in a wrong way from now on.
func (i *Issuer) Break(f Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault = f
}

func (i *Issuer) serveKeys(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/.well-known/jwks.json" {
		http.NotFound(w, r)
		return
	}
	document := i.JWKS()
	i.mu.Lock()
	defer i.mu.Unlock()
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	switch i.fault {
	case EmptyJWKS:
		document = []byte(`{"keys":[]}`)
	case BrokenJWKS:
		document = document[:len(document)/2]
	case Down:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write(document)
}

// JWKS is the document that a healthy issuer publishes.
func (i *Issuer) JWKS() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	var set paywall.JWKS
	for _, key := range i.keys {
		set.Keys = append(set.Keys, must(paywall.NewJWK(&key.PublicKey)))
	}
	return must(json.Marshal(set))
}

// Verifier starts a verifier that trusts this issuer and lives by its clock,
// waits until it has the keys, and closes it when the test ends. The functions
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
