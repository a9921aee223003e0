package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sync/errgroup"

	"newsroom.example/membership/cmd/sandbox/faults"
	"newsroom.example/membership/cmd/service"
)

// nodeFlags are one replica of the service, for the fault harness to kill.
type nodeFlags struct {
	Database string        `required:"" help:"postgres:// address of a migrated database."`
	Stripe   string        `required:"" help:"Where the simulated Stripe is."`
	Clock    string        `required:"" help:"A file that says how far the newsroom's clock is ahead: eight bytes, nanoseconds, little endian."`
	Members  string        `required:"" help:"The service's own address, as browsers see it."`
	News     string        `required:"" help:"The newspaper's address, as browsers see it."`
	SMTP     string        `required:"" name:"smtp" help:"Where mails go: host:port."`
	Secret   []string      `required:"" help:"Signing secret of the webhook endpoint; several while one is rolled."`
	Listen   string        `default:"127.0.0.1:0" help:"Where to listen."`
	Conns    int32         `default:"8" help:"Connections to the database; also fewer than the configuration takes."`
	Lease    time.Duration `default:"30s" help:"How long a worker may hold a subject."`

	Rate         float64 `default:"100" help:"Requests a second that Stripe takes."`
	EndpointRate float64 `default:"25" help:"The same for each endpoint."`

	Proxies     []string `help:"Whose X-Forwarded-For is believed."`
	PerMember   int      `default:"1000000" help:"Payment pages an hour that a member may open."`
	PerNetwork  int      `default:"1000000" help:"The same for a network."`
	OfStrangers int      `default:"1000000" help:"The same for all strangers together."`
}

const nodeDescription = `One replica of the service, run as a process of its own so that it can be killed.

It prints one line when it is ready and one when it has stopped, logs to stderr, and ends with its
standard input. Only make faults starts it.`

// node runs one replica until it is told to stop or its parent has gone.
func node(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var f nodeFlags
	help := false
	parser, err := kong.New(&f, kong.Name("sandbox node"), kong.Description(nodeDescription),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { help = true }))
	if err != nil {
		return err
	}
	if _, err := parser.Parse(args); help {
		return nil
	} else if err != nil {
		return &usageError{err}
	}
	return f.run(withParent(ctx, stdin), stdout, stderr)
}

// withParent ends with its parent: a harness that is killed leaves no process behind.
func withParent(ctx context.Context, stdin io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	return ctx
}

func (f nodeFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	before := runtime.NumGoroutine()
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	slog.SetDefault(log)
	clock, err := faults.OpenClock(f.Clock)
	if err != nil {
		return &usageError{err}
	}
	defer func() { _ = clock.Close() }()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.Listen)
	if err != nil {
		return &usageError{fmt.Errorf("--listen: %w", err)}
	}
	s, err := service.New(ctx, f.config().Cramped(), service.Clocks{Newsroom: clock.Now, Real: time.Now}, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	say := json.NewEncoder(stdout)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Run(ctx, listener) })
	group.Go(func() error {
		if !answers(ctx, listener.Addr().String()) {
			return nil // Run says why
		}
		return say.Encode(faults.Ready{Address: listener.Addr().String(), PID: os.Getpid()})
	})
	if err := group.Wait(); err != nil {
		return err
	}
	left := leftOver(before)
	if left > 0 {
		_ = pprof.Lookup("goroutine").WriteTo(stderr, 1)
	}
	return say.Encode(faults.Stopped{Left: left})
}

// answers waits until the service says that it is ready; false if it ends before.
func answers(ctx context.Context, address string) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			return false
		}
		if answer, err := http.DefaultTransport.RoundTrip(req); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

func (f nodeFlags) config() service.Config {
	return service.Config{
		Listen: f.Listen, PublicURL: f.Members, SiteName: siteName,
		ArticleOrigins: []string{f.News}, CookieDomain: cookieDomain,
		DatabaseURL: f.Database, DatabaseConns: f.Conns,
		StripeSecretKey: stripeKey, StripeWebhookSecrets: f.Secret, StripeAPIBase: f.Stripe,
		StripeRate: f.Rate, StripeEndpointRate: f.EndpointRate, SyncLease: f.Lease,
		SignInPerAddress: plenty, SignInPerNetwork: plenty, TrustedProxies: f.Proxies,
		CheckoutPerMember: f.PerMember, CheckoutPerNetwork: f.PerNetwork, CheckoutOfStrangers: f.OfStrangers,
		SMTPURL: "smtp+plain://" + f.SMTP, MailFrom: siteName + " <members@" + cookieDomain + ">",
		Pepper: faults.Pepper, SealingKeys: []string{faults.SealingKey}, TokenAlgorithm: "ES256", LogLevel: "info",
	}
}

// leftOver is how many goroutines the service left behind. Those of connections
// that were idle need a moment to notice that they were closed.
func leftOver(before int) int {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	left := runtime.NumGoroutine() - before
	for range 100 {
		if left <= 0 {
			return 0
		}
		<-tick.C
		left = runtime.NumGoroutine() - before
	}
	return left
}
