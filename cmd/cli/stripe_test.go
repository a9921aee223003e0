package cli

import (
	"regexp"
	"testing"
)

// unstarted are settings with which the service cannot start yet.
func unstarted(s settings) settings {
	return settings{"DATABASE_URL": s["DATABASE_URL"], "PUBLIC_URL": s["PUBLIC_URL"], "STRIPE_SECRET_KEY": s["STRIPE_SECRET_KEY"], "STRIPE_API_BASE": s["STRIPE_API_BASE"]}
}

func TestStripeSetup(t *testing.T) {
	t.Parallel()
	n := open(t)
	bare := unstarted(n.settings)
	membership(t, bare, "stripe", "setup").want(0, "make endpoint", "make portal", "Nothing was changed", "catalog apply", "setup --yes").wantNot("whsec_")
	membership(t, bare, "stripe", "setup").want(0, "make endpoint") // still to be done
	done := membership(t, bare, "stripe", "setup", "--yes").want(0, "make endpoint", "STRIPE_WEBHOOK_SECRETS", "shows only now")
	secret := regexp.MustCompile(`whsec_\w+`).FindString(done.stdout)
	if secret == "" {
		t.Fatalf("no secret was shown:\n%s", done.stdout)
	}
	membership(t, bare.with("STRIPE_WEBHOOK_SECRETS", secret), "stripe", "setup", "--yes").
		want(0, "Nothing to do", "Stripe does not tell").wantNot(secret, "make", "mend")
	membership(t, n.settings, "audit").want(0, "stripe.setup", "we_").wantNot(secret)
}

func TestStripeSetupRefusals(t *testing.T) {
	t.Parallel()
	n := open(t)
	bare := unstarted(n.settings)
	membership(t, bare, "stripe", "setup", "--privacy-url", "www.example.news").want(2, "--privacy-url")
	membership(t, bare.with("STRIPE_SECRET_KEY", "hunter2"), "stripe", "setup").want(2, "STRIPE_SECRET_KEY").wantNot("hunter2")
	membership(t, bare.with("PUBLIC_URL", ""), "stripe", "setup").want(2, "PUBLIC_URL").wantNot("PEPPER")
	membership(t, bare.with("STRIPE_API_BASE", "http://127.0.0.1:1"), "stripe", "setup").want(1, "look at Charges and Refunds")
}
