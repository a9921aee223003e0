// Package billing is what a reader paid for: the catalogue, checkout, donations,
// the sync with Stripe and the entitlements that follow. It is the only caller of
// Stripe and the only opener of billing transactions. It knows nothing of HTTP
// pages, cookies or tokens.
package billing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"newsroom.example/membership/models"
)

// Config is what billing must be told.
type Config struct {
	PublicURL string // this service's own base URL, where Stripe sends readers back
	Livemode  bool   // whether the Stripe key moves real money

	Lease   time.Duration // how long a sync may take before another worker may do it; 0 is 30 s
	Workers int           // how many syncs run at once; 0 is 16
}

// Service answers every question about money and access.
type Service struct {
	db     *models.DB
	stripe *Line
	cfg    Config
	clock  func() time.Time // the newsroom's time
	real   func() time.Time // leases and back-off
	log    *slog.Logger

	wake    chan struct{}
	desk    chan struct{} // holds a token for each worker that uses the database
	breaker *breaker
	post    *Post // nil: nobody is written to
	till    *Till // nil: nobody is counted
}

// The lane's defaults. Sixteen workers keep the rate that Stripe allows even while
// each of its answers takes a quarter of a second.
const (
	defaultLease   = 30 * time.Second
	defaultWorkers = 16
)

// New makes the service. Nothing runs until Run is called.
func New(db *models.DB, line *Line, cfg Config, clock, real func() time.Time, log *slog.Logger) *Service {
	if cfg.Lease == 0 {
		cfg.Lease = defaultLease
	}
	if cfg.Workers == 0 {
		cfg.Workers = defaultWorkers
	}
	s := &Service{db: db, stripe: line, cfg: cfg, clock: clock, real: real, log: log, wake: make(chan struct{}, 1)}
	s.desk = make(chan struct{}, max(1, db.Pool.Config().MaxConns/2)) // the other half is the readers'
	s.breaker = s.newBreaker(breakerRest)
	return s
}

// Close lets go of the connections to Stripe that wait for a next request. It comes
// after Run and the last page.
func (s *Service) Close() {
	(&http.Client{Transport: s.stripe.transport.network}).CloseIdleConnections()
}

// Livemode says whether a secret or restricted key moves real money.
func Livemode(key string) bool { return strings.Contains(key, "_live_") }

// appName marks every object that we create at Stripe, because accounts are often
// shared with a shop.
const appName = "membership"

// The metadata keys that bind objects at Stripe to our rows.
const (
	metaApp      = "app"
	metaIntent   = "intent_id"
	metaDonation = "donation_id"
	metaMember   = "member_id"
	metaPlan     = "plan_id"
	metaKind     = "kind"
)

// storable is text that Postgres takes: without NUL, and UTF-8 throughout.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}

func (s *Service) member(ctx context.Context, id uuid.UUID) (models.Member, error) {
	var m models.Member
	if err := s.db.WithContext(ctx).Where("id = ?", id).Take(&m).Error; err != nil {
		return m, fmt.Errorf("load member %s: %w", id, err)
	}
	return m, nil
}
