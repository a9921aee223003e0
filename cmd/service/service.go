// Package service builds the membership service from a Config and its clocks: what
// runs in the process, and in which order it stops. Both binaries call it.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/billing"
	"newsroom.example/membership/handlers"
	"newsroom.example/membership/limits"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/notify"
	"newsroom.example/membership/webhooks"
)

// Clocks are the two times that the service lives by.
type Clocks struct {
	Newsroom func() time.Time // what readers, grants and signatures are dated by
	Real     func() time.Time // leases, back-off and deadlines
}

// RealClocks are the ones of production: there is no way to move them.
func RealClocks() Clocks { return Clocks{Newsroom: time.Now, Real: time.Now} }

// Service is the whole of it, ready to run.
type Service struct {
	Billing *billing.Service

	db       *models.DB
	auth     *auth.Service
	jobs     *notify.Jobs
	server   *http.Server
	log      *slog.Logger
	silent   strangers
	draining atomic.Bool
}

const (
	// Deadlines against slow senders; a page takes milliseconds.
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute

	// maxHeader is several times what browsers send with all our cookies.
	maxHeader = 32 << 10

	// stopTimeout bounds a graceful stop, jobs included.
	stopTimeout = 4 * time.Second
)

// New opens the database and builds every room. It refuses a database whose
// schema is behind. Close it, or Run it.
func New(ctx context.Context, cfg Config, clocks Clocks, log *slog.Logger) (*Service, error) {
	if faults := cfg.Faults(); len(faults) > 0 {
		return nil, fmt.Errorf("the configuration has %d faults: see `membership config check`", len(faults))
	}
	db, err := models.Open(ctx, cfg.DatabaseURL, cfg.DatabaseConns)
	if err != nil {
		return nil, err
	}
	s := &Service{db: db, log: log}
	if err := s.build(ctx, cfg, clocks); err != nil {
		db.Close()
		return nil, err
	}
	return s, nil
}

func (s *Service) build(ctx context.Context, cfg Config, clocks Clocks) error {
	if err := s.db.SchemaCurrent(ctx); err != nil {
		return err
	}
	words, err := locale.New()
	if err != nil {
		return err
	}
	s.Billing = newBilling(s.db, cfg, clocks, s.log)
	if err := s.buildAuth(ctx, cfg, clocks, words); err != nil {
		return err
	}
	intake, err := webhooks.New(s.db, webhooks.Config{
		Secrets: cfg.StripeWebhookSecrets, Livemode: billing.Livemode(cfg.StripeSecretKey),
	}, clocks.Newsroom, clocks.Real, s.Billing.Wake, s.log)
	if err != nil {
		return err
	}
	web, err := handlersConfig(cfg)
	if err != nil {
		return err
	}
	pages, err := handlers.New(web, handlers.Rooms{
		Billing: s.Billing, Auth: s.auth, Words: words, Ready: s.ready, Clock: clocks.Newsroom, Log: s.log,
	})
	if err != nil {
		return err
	}
	pages.POST("/webhooks/stripe", intake.Receive)
	s.server = &http.Server{
		Handler:           pages,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelWarn), ConnState: s.silent.note,
	}
	return nil
}

func (s *Service) buildAuth(ctx context.Context, cfg Config, clocks Clocks, words *locale.Catalogue) error {
	smtp, err := cfg.smtp()
	if err != nil {
		return err
	}
	mailer, err := notify.NewMailer(smtp)
	if err != nil {
		return err
	}
	var options []notify.JobsOption
	if cfg.JobsPollOnly {
		options = append(options, notify.PollOnly())
	}
	s.jobs = notify.NewJobs(s.db, s.log, options...)
	s.Billing.WriteBy(billing.Post{Jobs: s.jobs, Mailer: mailer, Words: words, SiteName: cfg.SiteName})
	pepper, err := decodeKey(cfg.Pepper)
	if err != nil {
		return err
	}
	s.Billing.CountBy(till(cfg, limits.New(pepper, clocks.Newsroom)))
	sealing, err := cfg.sealingKeys()
	if err != nil {
		return err
	}
	s.auth, err = auth.New(s.db, s.jobs, mailer, words, auth.Config{
		Issuer: cfg.PublicURL, SiteName: cfg.SiteName, Audiences: cfg.ArticleOrigins, ClientID: "membership",
		Algorithm: cfg.TokenAlgorithm, Pepper: pepper, SealingKeys: sealing,
		PerAddress: cfg.SignInPerAddress, PerNetwork: cfg.SignInPerNetwork,
	}, clocks.Newsroom, s.log)
	if err != nil {
		return err
	}
	s.auth.OnAddress(s.Billing.FollowAddress)
	return errors.Join(s.auth.Keys.Prepare(ctx), s.auth.Clients.Reload(ctx))
}

func newBilling(db *models.DB, cfg Config, clocks Clocks, log *slog.Logger) *billing.Service {
	line := billing.Stripe(cfg.StripeSecretKey, cfg.StripeAPIBase).Within(cfg.stripeLimits())
	return billing.New(db, line, billing.Config{
		PublicURL: cfg.PublicURL, Livemode: billing.Livemode(cfg.StripeSecretKey), Lease: cfg.SyncLease, Workers: cfg.SyncWorkers,
	}, clocks.Newsroom, clocks.Real, log)
}

func till(cfg Config, by *limits.Limiter) billing.Till {
	return billing.Till{Limits: by, PerMember: cfg.CheckoutPerMember, PerNetwork: cfg.CheckoutPerNetwork, OfStrangers: cfg.CheckoutOfStrangers}
}

func handlersConfig(cfg Config) (handlers.Config, error) {
	proxies, err := cfg.proxies()
	domain := cfg.CookieDomain
	if domain == noCookieDomain {
		domain = ""
	}
	checkout := handlers.StripeOrigins()
	if cfg.StripeAPIBase != "" {
		checkout = append(checkout, cfg.StripeAPIBase)
	}
	return handlers.Config{
		PublicURL: cfg.PublicURL, SiteName: cfg.SiteName, ArticleOrigins: cfg.ArticleOrigins,
		CookieDomain: domain, CheckoutOrigins: checkout, TrustedProxies: proxies,
	}, err
}

var errDraining = errors.New("shutting down")

// ready says why this process should get no requests now. It never asks Stripe:
// an outage there is no reason to take the pages down.
func (s *Service) ready(ctx context.Context) error {
	if s.draining.Load() {
		return errDraining
	}
	if err := s.auth.Keys.Ready(ctx); err != nil {
		return err
	}
	return s.db.SchemaCurrent(ctx)
}

// Handler is the service's HTTP side, for tests that bring their own listener.
func (s *Service) Handler() http.Handler { return s.server.Handler }

// Close gives back the database and the connections to Stripe, for a Service that is
// not Run.
func (s *Service) Close() {
	s.Billing.Close()
	s.db.Close()
}

// Run serves on listener until ctx ends, then stops in order: not ready, requests
// drain, the sync lane and jobs finish what they hold, the pool closes.
func (s *Service) Run(ctx context.Context, listener net.Listener) error {
	defer s.Close()
	if err := s.jobs.Start(ctx); err != nil {
		listener.Close()
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Billing.Run(ctx) })
	group.Go(func() error { return s.auth.Keys.Run(ctx) })
	group.Go(func() error { return s.auth.Clients.Run(ctx) })
	group.Go(func() error { return s.auth.Run(ctx) })
	group.Go(func() error {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return s.stop(context.WithoutCancel(ctx))
	})
	return group.Wait()
}

func (s *Service) stop(ctx context.Context) error {
	s.draining.Store(true)
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	s.silent.turnOut()
	err := s.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	return errors.Join(err, s.jobs.Stop(ctx))
}

// Migrate brings the database to this program's schema.
func Migrate(ctx context.Context, cfg Config) error { return models.Migrate(ctx, cfg.DatabaseURL) }

// OpenBilling opens only what the command line's billing commands need. Of jobs it adds
// some and works none.
func OpenBilling(ctx context.Context, cfg Config, clocks Clocks, log *slog.Logger) (*billing.Service, func(), error) {
	db, err := openCurrent(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	bill := newBilling(db, cfg, clocks, log)
	bill.WriteBy(billing.Post{Jobs: notify.NewJobs(db, log)})
	return bill, db.Close, nil
}

// OpenKeys opens only what the command line's keys commands need: of cfg the
// database, SEALING_KEYS and TOKEN_ALGORITHM.
func OpenKeys(ctx context.Context, cfg Config, clocks Clocks, log *slog.Logger) (*auth.Keyring, func(), error) {
	sealing, err := cfg.sealingKeys()
	if err != nil {
		return nil, nil, err
	}
	db, err := openCurrent(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	keys, err := auth.NewKeyring(db, auth.KeyConfig{Algorithm: cfg.TokenAlgorithm, SealingKeys: sealing}, clocks.Newsroom, log)
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	return keys, db.Close, nil
}

// OpenClients opens only what the command line's clients commands need: of cfg the
// database and PUBLIC_URL.
func OpenClients(ctx context.Context, cfg Config, clocks Clocks, log *slog.Logger) (*auth.Clients, func(), error) {
	db, err := openCurrent(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	return auth.NewClients(db, cfg.PublicURL, clocks.Newsroom, log), db.Close, nil
}

// openCurrent opens a database with this program's schema.
func openCurrent(ctx context.Context, cfg Config) (*models.DB, error) {
	db, err := models.Open(ctx, cfg.DatabaseURL, cfg.DatabaseConns)
	if err != nil {
		return nil, err
	}
	if err := db.SchemaCurrent(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}
