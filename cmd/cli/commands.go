package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/cmd/service"
)

type serveCmd struct{}

// Run serves until the process is told to stop.
func (serveCmd) Run(s *streams) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	log, err := s.logger(cfg)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return &usageError{fmt.Errorf("cannot listen on %s (LISTEN): %w", cfg.Listen, err)}
	}
	svc, err := service.New(s.ctx, cfg, s.clocks, log)
	if err != nil {
		listener.Close()
		return err
	}
	log.InfoContext(s.ctx, "serving", "address", listener.Addr().String(), "public_url", cfg.PublicURL, "livemode", billing.Livemode(cfg.StripeSecretKey))
	return svc.Run(s.ctx, listener)
}

type migrateCmd struct{}

// Run migrates the database. Several at once are safe.
func (migrateCmd) Run(s *streams) error {
	cfg, err := s.configOf("DATABASE_URL")
	if err != nil {
		return err
	}
	if err := service.Migrate(s.ctx, cfg); err != nil {
		return err
	}
	fmt.Fprintln(s.stdout, "The database has this version's schema.")
	return nil
}

type catalogApplyCmd struct {
	File   string `arg:"" type:"existingfile" help:"The catalogue, such as catalog.yaml."`
	DryRun bool   `help:"Say what would change, and change nothing."`
}

// Run prints what will change, then changes it.
func (c catalogApplyCmd) Run(s *streams) error {
	catalog, err := readCatalog(c.File)
	if err != nil {
		return err
	}
	catalog.By = s.actor
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	return c.apply(s, bill, catalog)
}

func readCatalog(file string) (billing.Catalog, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return billing.Catalog{}, &usageError{err}
	}
	catalog, err := billing.ParseCatalog(text)
	if err != nil {
		return catalog, &usageError{fmt.Errorf("%s:\n%w", file, err)}
	}
	return catalog, nil
}

func (c catalogApplyCmd) apply(s *streams, bill *billing.Service, catalog billing.Catalog) error {
	steps, err := bill.PlanCatalog(s.ctx, catalog)
	if err != nil {
		return err
	}
	for _, step := range steps {
		fmt.Fprintln(s.stdout, step)
	}
	switch {
	case len(steps) == 0:
		fmt.Fprintln(s.stdout, "Nothing to do: Stripe and the database are as the catalogue says.")
		return nil
	case c.DryRun:
		fmt.Fprintf(s.stdout, "%d changes; nothing was changed (--dry-run).\n", len(steps))
		return nil
	}
	if err := bill.ApplyCatalog(s.ctx, catalog); err != nil {
		return fmt.Errorf("stopped before the end; run it again to do the rest: %w", err)
	}
	fmt.Fprintf(s.stdout, "%d changes made.\n", len(steps))
	return nil
}

type healthcheckCmd struct{}

// Run asks /livez of the service on this machine.
func (healthcheckCmd) Run(s *streams) error {
	cfg, err := readConfig(s.environ)
	if err != nil {
		return &usageError{err}
	}
	_, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return &usageError{fmt.Errorf("LISTEN: %w", err)}
	}
	ctx, cancel := context.WithTimeout(s.ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+port+"/livez", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the service does not answer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the service is not well: /livez answered %d", res.StatusCode)
	}
	return nil
}
