package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/paywall"
)

const siteName = "The Harbour Lantern"

// plenty is how many sign-ins and payment pages an hour are no attack here: all readers
// of a sandbox are on this machine, and its tests sign in and buy all day.
const plenty = 1_000_000

// options is how a sandbox differs from another.
type options struct {
	port      int    // 0: three free ones
	dir       string // the data directory
	reset     bool
	temporary bool // nothing outlives the run
	catalog   string
	database  string    // "" for a private Postgres
	log       io.Writer // nil for a file in the data directory
}

// sandbox is all the parts, running but for the service.
type sandbox struct {
	options options
	doors   doors
	home    *home
	log     *slog.Logger
	clock   *clock

	postgres  string            // where a private server keeps its data; "" for another's
	transport http.RoundTripper // to *.localhost
	mails     *mailcatch.Catcher
	sim       *stripesim.Sim
	service   *service.Service
	settings  service.Config
	other     paywall.Client // the newspaper on a domain of its own
	papers    []*paywall.Verifier

	ends []func() error // what is to be ended, in the order of its beginning
}

// open starts everything that the service needs, and builds the service. What has
// been started ends with close, or with a failure.
func open(ctx context.Context, o options) (*sandbox, error) {
	s := &sandbox{options: o, transport: loopback()}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *sandbox) open(ctx context.Context) error {
	catalog, err := readCatalog(s.options.catalog)
	if err != nil {
		return err
	}
	if err := s.openGround(ctx); err != nil {
		return err
	}
	database, err := s.openDatabase(ctx)
	if err != nil {
		return err
	}
	if s.mails, err = mailcatch.Start("127.0.0.1:0"); err != nil {
		return err
	}
	s.atEnd(s.mails.Close)
	if err := s.openStripe(); err != nil {
		return err
	}
	secret, err := s.connect()
	if err != nil {
		return err
	}
	if err := s.openService(ctx, database, secret); err != nil {
		return err
	}
	if err := s.service.Billing.ApplyCatalog(ctx, catalog); err != nil {
		return fmt.Errorf("apply the catalogue: %w", err)
	}
	if err := s.openNews(); err != nil {
		return err
	}
	return s.keepSettings()
}

// openGround takes the ports and the data directory, in this order: a reset must
// not have happened where the ports turn out to be taken.
func (s *sandbox) openGround(ctx context.Context) (err error) {
	if s.doors, err = openDoors(s.options.port); err != nil {
		return err
	}
	s.atEnd(func() error { s.doors.close(); return nil })
	if s.home, err = openHome(ctx, s.options.dir, s.options.reset); err != nil {
		return err
	}
	s.atEnd(func() error { s.home.close(); return nil })
	s.clock = &clock{ahead: s.home.kept.Ahead, keep: func(ahead time.Duration) error {
		return s.home.keep(func(k *kept) { k.Ahead = ahead })
	}}
	return s.openLog()
}

func (s *sandbox) openLog() error {
	out := s.options.log
	if out == nil {
		file, err := os.OpenFile(s.home.path(logFile), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("open the log: %w", err)
		}
		s.atEnd(file.Close)
		out = file
	}
	s.log = slog.New(slog.NewJSONHandler(out, nil))
	slog.SetDefault(s.log) // GORM reports slow statements there
	return nil
}

func (s *sandbox) openService(ctx context.Context, database, webhookSecret string) error {
	config := service.Config{
		Listen: s.doors.members.Addr().String(), PublicURL: s.doors.membersURL(), SiteName: siteName,
		ArticleOrigins: []string{s.doors.newsURL()}, CookieDomain: cookieDomain,
		DatabaseURL: database, DatabaseConns: 16,
		StripeSecretKey: stripeKey, StripeWebhookSecrets: []string{webhookSecret}, StripeAPIBase: s.doors.stripeURL(),
		SignInPerAddress: plenty, SignInPerNetwork: plenty,
		CheckoutPerMember: plenty, CheckoutPerNetwork: plenty, CheckoutOfStrangers: plenty,
		SMTPURL: fmt.Sprintf("smtp+plain://%s", s.mails.Addr()), MailFrom: siteName + " <members@" + cookieDomain + ">",
		Pepper: s.home.kept.Pepper, SealingKeys: []string{s.home.kept.SealingKey}, TokenAlgorithm: "ES256", LogLevel: "info",
	}
	s.settings = config
	if faults := config.Faults(); len(faults) > 0 {
		return fmt.Errorf("the sandbox's own configuration: %s", faults[0])
	}
	if err := service.Migrate(ctx, config); err != nil {
		return err
	}
	var err error
	if s.other, err = s.client(ctx); err != nil { // before the service starts: it knows the client at once
		return fmt.Errorf("make the other newspaper a client: %w", err)
	}
	s.service, err = service.New(ctx, config, service.Clocks{Newsroom: s.clock.now, Real: time.Now}, s.log)
	if err != nil {
		return err
	}
	s.atEnd(func() error { s.service.Close(); return nil })
	return nil
}

// serve answers on a door until the end. It ends at once: whoever still waits for
// a page here has been told that the sandbox stops.
func (s *sandbox) serve(handler http.Handler, door net.Listener) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)}
	go func() { _ = server.Serve(door) }()
	s.atEnd(server.Close)
}

func (s *sandbox) atEnd(end func() error) { s.ends = append(s.ends, end) }

// run runs the service, and calls ready once it and the newspaper answer. It
// returns when ctx has ended and the service has stopped in order.
func (s *sandbox) run(ctx context.Context, ready func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.service.Run(ctx, s.doors.members) })
	group.Go(func() error { s.sim.Run(ctx); return nil })
	group.Go(func() error {
		for _, paper := range s.papers {
			if err := paper.Ready(ctx); err != nil {
				return err
			}
		}
		return ready(ctx)
	})
	return group.Wait()
}

// close ends everything, the last first, after run has returned.
func (s *sandbox) close() error {
	var errs []error
	for _, end := range slices.Backward(s.ends) {
		if err := end(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.ends = nil
	return errors.Join(errs...)
}
