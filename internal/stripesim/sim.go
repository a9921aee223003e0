// Package stripesim is Stripe, simulated over HTTP: the calls, objects, events,
// signed deliveries and hosted pages that a newsroom's memberships need, at API
// version 2023-10-16, kept in memory and, if wished, in a file.
//
// It takes test keys only, moves no money, and is for sandboxes and tests; the
// service never links it. It imports nothing of ours, so that it cannot share
// a misunderstanding with the code it is there to try. What it does not
// simulate it refuses, as Stripe refuses an unknown parameter or address.
// docs/stripe-behaviour.md gives the source of every behaviour.
package stripesim

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"
)

// APIVersion is the only version that the simulator speaks.
const APIVersion = "2023-10-16"

// Config is what a simulator is made of. Only Clock is required.
type Config struct {
	// Clock is the present time. It may jump forward by any span; everything
	// that was due on the way then happens in order, each at its own instant.
	Clock func() time.Time
	// Log receives one line for each request and failed delivery, without
	// parameters; nil drops them.
	Log *slog.Logger
	// PublicURL is where browsers reach the hosted pages, without a path. Empty
	// takes the host that the API call was sent to.
	PublicURL string
	// StatePath names a file that keeps everything between runs. It is written
	// whole, beside and then over the old one, before a change is answered.
	// Empty keeps nothing.
	StatePath string
	// Retries are the waits before each further attempt at an unpaid renewal,
	// counted from the attempt before. Nil means 3, 5 and 7 days.
	Retries []time.Duration
	// AfterRetries is the status of a subscription when the last retry has
	// failed: "canceled" (also when empty), "unpaid" or "past_due".
	AfterRetries string
	// DebitTime is how long a direct debit is under way; 0 is five days. Stripe's
	// test accounts settle within minutes, real ones in about that time.
	DebitTime time.Duration
	// Methods are the direct debits that are switched on in the Dashboard,
	// "sepa_debit" and "bacs_debit": a Checkout session that names no
	// payment_method_types offers those that its currency has, beside cards.
	Methods []string
	// Settlement is the currency of the account's balance, and Rates what one
	// unit of another is worth in it. Empty settles each currency in itself.
	Settlement string
	Rates      map[string]float64
	// Transport carries the webhook deliveries; nil is a plain http.Transport
	// that takes no proxy from the environment.
	Transport http.RoundTripper
	// Couriers is how many deliveries may be under way at once; 0 is 16, and 1
	// delivers strictly one after the other.
	Couriers int
	// OnDelivery, if set, hears of every attempt to deliver an event, in order.
	// It must be quick and must not call the simulator.
	OnDelivery func(Delivery)
}

// Sim is one simulated Stripe account in test mode. It is an http.Handler that
// serves the API under /v1/ and the hosted pages under /checkout/, /invoice/ and /portal/.
// Its methods may be called from any goroutine.
type Sim struct {
	cfg     Config
	mux     *http.ServeMux
	pages   *template.Template
	answers *answers // these three guard themselves
	faults  *faultPlan
	traffic *traffic
	courier courier // guarded by mu, its requests run outside

	mu      sync.Mutex
	store   *store
	due     queue
	planned int64
	doings  map[string]func(*Sim, string)
	now     time.Time // the instant being lived through
	base    string    // where the last call reached us, for addresses of hosted pages
	cause   cause     // what the next event will name as its request
	changed bool      // since the last save

	frozen    string            // the test clock whose time now is; empty for the simulator's own
	wall      time.Time         // the simulator's own time, while frozen
	frozenDue map[string]*queue // what is planned in the time of each test clock
}

// cause is the API request that an event names; empty for Stripe's own doing.
type cause struct{ request, key string }

// New makes a simulator, or takes up the one that StatePath holds. It fails if
// that file cannot be read, or without a clock.
func New(cfg Config) (*Sim, error) {
	if cfg.Clock == nil {
		return nil, errors.New("stripesim: a Config needs a Clock")
	}
	st, err := newStore()
	if err != nil {
		return nil, err
	}
	pages, err := parsePages()
	if err != nil {
		return nil, err
	}
	s := &Sim{cfg: withDefaults(cfg), store: st, pages: pages, doings: doings(), answers: newAnswers(), faults: newFaultPlan(), traffic: newTraffic(), frozenDue: map[string]*queue{}}
	s.courier = newCourier(s.cfg.Transport, s.cfg.Couriers)
	s.now = s.cfg.Clock().UTC()
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("load state: %w", err)
	}
	s.openAccount()
	s.mux = s.routes()
	return s, nil
}

func withDefaults(cfg Config) Config {
	const day = 24 * time.Hour
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Retries == nil {
		cfg.Retries = []time.Duration{3 * day, 5 * day, 7 * day}
	}
	if cfg.DebitTime == 0 {
		cfg.DebitTime = 5 * day
	}
	if cfg.Couriers == 0 {
		cfg.Couriers = couriers
	}
	if cfg.AfterRetries == "" {
		cfg.AfterRetries = "canceled"
	}
	return cfg
}

// ServeHTTP answers API calls and shows the hosted pages.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// RunDue carries out everything that is due by the clock. Every request does
// the same first; call RunDue after moving the clock, or let Run call it.
func (s *Sim) RunDue() { s.live(func() {}) }

// Run calls RunDue several times a second until the context ends, so that
// renewals, expiries and repeated deliveries happen while nobody asks.
func (s *Sim) Run(ctx context.Context) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.RunDue()
		}
	}
}

// Close ends the deliveries under way and writes the state. Requests must have
// ended before.
func (s *Sim) Close() error {
	s.courier.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save()
}

// live runs f with the world locked and brought up to the clock, then keeps
// what changed and sends what is to be sent.
func (s *Sim) live(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	f()
	s.cause = cause{}
	if err := s.save(); err != nil {
		s.cfg.Log.Error("stripesim: state not saved", "error", err)
	}
	s.dispatch()
}

func (s *Sim) unix() int64 { return s.now.Unix() }

// add makes an object of a kind, created now, and stores it.
func (s *Sim) add(kind string, with object) object {
	o := s.store.shape(kind, s.unix(), with)
	s.store.put(o)
	s.changed = true
	return o
}

// change lays new values over an object's own keys and, if anything differs,
// emits the event with what it was before. An empty event type tells nobody.
func (s *Sim) change(o object, event string, with object) {
	before := cloned(o)
	maps.Copy(o, with)
	s.told(o, event, before)
}

// told keeps an object that was changed by hand and emits the event, as change
// does.
func (s *Sim) told(o object, event string, before object) {
	s.store.put(o)
	s.changed = true
	if was := difference(before, o); len(was) > 0 && event != "" {
		s.emit(event, o, was)
	}
}
