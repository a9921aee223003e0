package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/cmd/sandbox/control"
	"newsroom.example/membership/internal/stripesim"
)

// stripeKey opens the simulator, which takes any test key.
const stripeKey = "sk_test_sandbox"

// openStripe serves the simulator, with the control page beside it.
func (s *sandbox) openStripe() error {
	config := stripesim.Config{Clock: s.clock.now, Log: s.log, PublicURL: s.doors.stripeURL(), Transport: s.transport, Methods: []string{"sepa_debit"}}
	if !s.options.temporary {
		config.StatePath = s.home.path(stripeFile)
	}
	sim, err := stripesim.New(config)
	if err != nil {
		return fmt.Errorf("start the simulated stripe: %w", err)
	}
	s.sim = sim
	s.atEnd(sim.Close)
	page, err := control.New(control.Config{
		Sim: sim, Mails: s.mails, Clock: s.clock.now, Advance: s.clock.advance,
		MembersURL: s.doors.membersURL(), NewsURL: s.doors.newsURL(), Log: s.log,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", page)
	for _, path := range []string{"/v1/", "/checkout/", "/invoice/", "/portal/"} {
		mux.Handle(path, sim)
	}
	s.serve(mux, s.doors.stripe)
	return nil
}

// events are the types that the service is told of. It asks Stripe for the rest.
var events = []string{"*"}

// connect tells the simulator where the service listens, through its API, as a
// newsroom would tell Stripe. It is told once; a later start corrects the address.
func (s *sandbox) connect() (secret string, err error) {
	endpoints := billing.Stripe(stripeKey, s.doors.stripeURL()).WebhookEndpoints
	url := stripe.String(s.doors.membersURL() + "/webhooks/stripe")
	known := s.home.kept
	if known.Endpoint != "" {
		_, err := endpoints.Update(known.Endpoint, &stripe.WebhookEndpointParams{URL: url})
		var refused *stripe.Error
		switch {
		case err == nil:
			return known.EndpointSecret, nil
		case !errors.As(err, &refused) || refused.HTTPStatusCode != http.StatusNotFound:
			return "", fmt.Errorf("correct the webhook endpoint: %w", err)
		}
	}
	made, err := endpoints.New(&stripe.WebhookEndpointParams{
		URL: url, EnabledEvents: stripe.StringSlice(events), APIVersion: stripe.String(stripesim.APIVersion),
	})
	if err != nil {
		return "", fmt.Errorf("make the webhook endpoint: %w", err)
	}
	return made.Secret, s.home.keep(func(k *kept) { k.Endpoint, k.EndpointSecret = made.ID, made.Secret })
}

// readCatalog reads the catalogue file, before anything is started for it.
func readCatalog(file string) (billing.Catalog, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return billing.Catalog{}, &usageError{fmt.Errorf("read the catalogue: %w; name one with --catalog", err)}
	}
	catalog, err := billing.ParseCatalog(text)
	if err != nil {
		return billing.Catalog{}, &usageError{fmt.Errorf("%s:\n%w", file, err)}
	}
	return catalog, nil
}
