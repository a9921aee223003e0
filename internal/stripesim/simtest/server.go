// Package simtest runs the simulated Stripe in tests, and judges it: every
// request, answer and event of a test is held against Stripe's own OpenAPI
// description, and a difference fails the test. It also plays the reader: it
// fills in the hosted pages through their real forms.
//
// It is linked into tests only.
package simtest

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"newsroom.example/membership/internal/stripesim"
)

// Key is a secret key that the simulator takes.
const Key = "sk_test_simtest"

// Server is a simulated Stripe behind a real listener.
type Server struct {
	URL string
	Sim *stripesim.Sim

	judge *judge
}

// Compared answers the kinds of objects whose shapes have been compared with
// stripe-mock's so far.
func (s *Server) Compared() []string {
	s.judge.mu.Lock()
	defer s.judge.mu.Unlock()
	return slices.Sorted(maps.Keys(s.judge.kinds))
}

// Start runs a simulator on the clock until the test ends.
func Start(t testing.TB, clock func() time.Time) *Server {
	t.Helper()
	return StartWith(t, stripesim.Config{Clock: clock})
}

// StartWith runs a simulator made from cfg until the test ends.
func StartWith(t testing.TB, cfg stripesim.Config) *Server {
	t.Helper()
	c, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	sim, err := stripesim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{t: t, contract: c, next: sim, kinds: map[string]bool{}}
	srv := httptest.NewServer(j)
	t.Cleanup(func() {
		srv.Close()
		j.events(sim)
		if err := sim.Close(); err != nil {
			t.Errorf("close simulator: %v", err)
		}
	})
	return &Server{URL: srv.URL, Sim: sim, judge: j}
}

// Client answers a real Stripe client of the server. It does not retry, so
// that a test sees what the server said.
func (s *Server) Client() *client.API {
	none := int64(0)
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: stripe.String(s.URL), MaxNetworkRetries: &none, LeveledLogger: &stripe.LeveledLogger{},
		HTTPClient: &http.Client{Timeout: 10 * time.Second},
	})
	return client.New(Key, &stripe.Backends{API: backend, Connect: backend, Uploads: backend})
}

// Quiet waits until every delivery has ended, and fails the test after 20
// seconds.
func (s *Server) Quiet(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Sim.WaitQuiet(ctx); err != nil {
		t.Fatal(err)
	}
}
