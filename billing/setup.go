package billing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// SetupWish is what a newsroom decides of its account at Stripe.
type SetupWish struct {
	SecretKnown bool   // whether the service has a signing secret of the endpoint
	PrivacyURL  string // shown in the portal; "" shows none
	TermsURL    string
}

// SetupStep is one change at Stripe.
type SetupStep struct {
	Action string // "make endpoint", "update portal", …
	Detail string
}

func (s SetupStep) String() string { return fmt.Sprintf("%-15s %s", s.Action, s.Detail) }

// Setup is what an account at Stripe needs for this service.
type Setup struct {
	Account string      // whose account it is; "" where the key may not know
	Steps   []SetupStep // what is to be done, or was
	Remarks []string    // what only people can do, or should know
	Secret  string      // of an endpoint that was made: Stripe shows it this once
}

// PlanSetup compares the account with what the service needs: the webhook endpoint,
// the portal, what the key may do, what is sold. Nothing is changed.
func (s *Service) PlanSetup(ctx context.Context, wish SetupWish) (Setup, error) {
	p, err := s.compareSetup(ctx, wish)
	if err != nil {
		return Setup{}, err
	}
	return p.Setup, nil
}

// ApplySetup brings the account to what PlanSetup wants, and returns what was done
// until the end or the first fault. Doing it again does only what is left. It
// changes nothing that does not carry our mark, but for an endpoint at our address.
func (s *Service) ApplySetup(ctx context.Context, wish SetupWish, by Why) (Setup, error) {
	p, err := s.compareSetup(ctx, wish)
	if err != nil {
		return Setup{}, err
	}
	wanted := p.Steps
	p.Steps = nil
	for i, change := range p.changes {
		id, facts, err := change(ctx)
		if err != nil {
			return p.Setup, p.explain(wanted[i].String(), err)
		}
		p.Steps = append(p.Steps, wanted[i])
		err = s.db.Write(ctx, func(tx *gorm.DB) error {
			return models.Audit(tx, s.entry(by, auditStripeSetup, id, nil, nil, facts))
		})
		if err != nil {
			return p.Setup, err
		}
	}
	return p.Setup, nil
}

// setup is an account on its way.
type setup struct {
	Setup
	service *Service
	wish    SetupWish
	changes []setupChange // as Steps tells them
}

// setupChange does a step and returns what it made or changed, and what of it the
// audit log keeps.
type setupChange func(ctx context.Context) (id string, facts map[string]any, err error)

func (p *setup) change(action, detail string, do setupChange) {
	p.Steps = append(p.Steps, SetupStep{action, detail})
	p.changes = append(p.changes, do)
}

func (p *setup) remark(format string, args ...any) {
	p.Remarks = append(p.Remarks, fmt.Sprintf(format, args...))
}

func (s *Service) compareSetup(ctx context.Context, wish SetupWish) (*setup, error) {
	p := &setup{service: s, wish: wish}
	for _, look := range []func(context.Context) error{p.lookAtKey, p.lookAtAccount, p.compareEndpoint, p.comparePortal, p.lookAtCatalog} {
		if err := look(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// refusedKey says whether Stripe knows the key but does not let it do this.
// https://stripe.com/docs/keys#limit-access
func refusedKey(err error) bool {
	var e *stripe.Error
	return errors.As(err, &e) && e.HTTPStatusCode == http.StatusForbidden
}

// permissionName is how Stripe's refusal calls what is missing.
var permissionName = regexp.MustCompile(`rak_[a-z_]+`)

// explain turns Stripe's refusals into what to do about them.
func (p *setup) explain(doing string, err error) error {
	var e *stripe.Error
	switch {
	case !errors.As(err, &e):
		return fmt.Errorf("%s: %w", doing, err)
	case e.HTTPStatusCode == http.StatusUnauthorized:
		return errors.New("Stripe does not know this key: check STRIPE_SECRET_KEY")
	case e.HTTPStatusCode == http.StatusForbidden:
		return fmt.Errorf("%s: the key lacks a permission %s: allow it at https://dashboard.stripe.com/apikeys, and run this again", doing, permissionName.FindString(e.Msg))
	}
	return fmt.Errorf("%s: %s", doing, fault(err))
}
