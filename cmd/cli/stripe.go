package cli

import (
	"errors"
	"fmt"
	"strings"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/cmd/service"
)

type stripeCmd struct {
	Setup stripeSetupCmd `cmd:"" help:"Make the webhook endpoint and the portal, and say what else the account needs."`
}

type stripeSetupCmd struct {
	Yes        bool   `help:"Do it. Without, it only says what it would do."`
	PrivacyURL string `name:"privacy-url" placeholder:"URL" help:"Your privacy policy, shown in Stripe's portal."`
	TermsURL   string `name:"terms-url" placeholder:"URL" help:"Your terms of service, shown in Stripe's portal."`
}

// Help is kong's long help.
func (stripeSetupCmd) Help() string {
	return `Makes the webhook endpoint at PUBLIC_URL/webhooks/stripe, with the API version and the types of
events that this service was built for, and the portal where readers cancel at the end of what
they paid, change their card and see their invoices. Both are mended if somebody changed them.

It needs DATABASE_URL, PUBLIC_URL and STRIPE_SECRET_KEY, and comes after membership migrate. The
endpoint's signing secret, which STRIPE_WEBHOOK_SECRETS wants, is shown once.

Example: membership stripe setup, and then membership stripe setup --yes`
}

// Run says what there is to do, and does it if told to.
func (c stripeSetupCmd) Run(s *streams) error {
	for name, url := range map[string]string{"--privacy-url": c.PrivacyURL, "--terms-url": c.TermsURL} {
		if url != "" && !strings.HasPrefix(url, "https://") {
			return &usageError{fmt.Errorf("%s is not an https:// address", name)}
		}
	}
	cfg, err := s.configOf("DATABASE_URL", "DATABASE_CONNS", "PUBLIC_URL", "STRIPE_SECRET_KEY", "STRIPE_API_BASE", "LOG_LEVEL")
	if err != nil {
		return err
	}
	log, err := s.logger(cfg)
	if err != nil {
		return err
	}
	bill, done, err := service.OpenBilling(s.ctx, cfg, s.clocks, log)
	if err != nil {
		return err
	}
	defer done()
	wish := billing.SetupWish{SecretKnown: len(cfg.StripeWebhookSecrets) > 0, PrivacyURL: c.PrivacyURL, TermsURL: c.TermsURL}
	if !c.Yes {
		return c.plan(s, bill, wish)
	}
	return c.apply(s, bill, wish)
}

func (c stripeSetupCmd) plan(s *streams, bill *billing.Service, wish billing.SetupWish) error {
	found, err := bill.PlanSetup(s.ctx, wish)
	if err != nil {
		return err
	}
	s.printSetup(found)
	if len(found.Steps) > 0 {
		fmt.Fprintln(s.stdout, "\nNothing was changed. To do it: membership stripe setup --yes")
	}
	return nil
}

func (c stripeSetupCmd) apply(s *streams, bill *billing.Service, wish billing.SetupWish) error {
	found, err := bill.ApplySetup(s.ctx, wish, billing.Why{Actor: s.actor, Reason: "membership stripe setup"})
	s.printSetup(found)
	if found.Secret != "" {
		fmt.Fprintf(s.stdout, "\nThe endpoint's signing secret, which Stripe shows only now:\n\n  %s\n\nPut it into STRIPE_WEBHOOK_SECRETS of every process of the service; deliveries are refused without.\n", found.Secret)
	}
	if err != nil {
		return errors.Join(err, errors.New("stopped before the end; run it again to do the rest"))
	}
	return nil
}

func (s *streams) printSetup(found billing.Setup) {
	if found.Account != "" {
		fmt.Fprintf(s.stdout, "Stripe account %s\n", found.Account)
	}
	for _, step := range found.Steps {
		fmt.Fprintf(s.stdout, "  %s\n", step)
	}
	if len(found.Steps) == 0 {
		fmt.Fprintln(s.stdout, "Nothing to do: the endpoint and the portal are as they should be, as far as the key may see.")
	}
	for _, remark := range found.Remarks {
		fmt.Fprintf(s.stdout, "  ! %s\n", remark)
	}
}
