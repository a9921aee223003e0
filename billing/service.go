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
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"
	"newsroom.example/membership/models"
)

// Config is what billing must be told.
type Config struct {
	PublicURL string // this service's own base URL, where Stripe sends readers back
	Livemode  bool   // whether the Stripe key moves real money
}

// Service answers every question about money and access.
type Service struct {
	db     *models.DB
	stripe *client.API
	cfg    Config
	clock  func() time.Time // the newsroom's time
	real   func() time.Time // leases and back-off
	log    *slog.Logger
	wake   chan struct{}
}

// New makes the service. Nothing runs until Run is called.
func New(db *models.DB, api *client.API, cfg Config, clock, real func() time.Time, log *slog.Logger) *Service {
	return &Service{db: db, stripe: api, cfg: cfg, clock: clock, real: real, log: log, wake: make(chan struct{}, 1)}
}

// stripeTimeout bounds each request; stripe-go's own default is 80 s, longer than
// any reader waits.
const stripeTimeout = 10 * time.Second

// Stripe is the real stripe-go client, pointed at base ("" is api.stripe.com).
func Stripe(key, base string) *client.API {
	config := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Timeout: stripeTimeout},
		MaxNetworkRetries: stripe.Int64(1), // two tries fit into the time that a page may take
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		EnableTelemetry:   stripe.Bool(false),
	}
	if base != "" {
		config.URL = stripe.String(base)
	}
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, config)
	return client.New(key, &stripe.Backends{API: backend, Connect: backend, Uploads: backend})
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
