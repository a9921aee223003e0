package billing_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
)

const hookURL = "https://members.example.news/webhooks/stripe"

var desk = billing.Why{Actor: "cli:desk", Reason: "opening"}

func (n *newsroom) planSetup() billing.Setup {
	n.t.Helper()
	found, err := n.PlanSetup(n.t.Context(), billing.SetupWish{})
	if err != nil {
		n.t.Fatal(err)
	}
	return found
}

func (n *newsroom) setup() billing.Setup {
	n.t.Helper()
	done, err := n.ApplySetup(n.t.Context(), billing.SetupWish{PrivacyURL: "https://www.example.news/privacy"}, desk)
	if err != nil {
		n.t.Fatal(err)
	}
	return done
}

// endpointsAt are those at an address, the newest first.
func (n *newsroom) endpointsAt(url string) (at []*stripe.WebhookEndpoint) {
	n.t.Helper()
	list := n.api.WebhookEndpoints.List(nil)
	for list.Next() {
		if e := list.WebhookEndpoint(); e.URL == url {
			at = append(at, e)
		}
	}
	if err := list.Err(); err != nil {
		n.t.Fatal(err)
	}
	return at
}

func (n *newsroom) addEndpoint(url, version string) *stripe.WebhookEndpoint {
	n.t.Helper()
	e, err := n.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: stripe.String(url), APIVersion: stripe.String(version), EnabledEvents: stripe.StringSlice([]string{"*"}),
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

func wantSteps(t *testing.T, s billing.Setup, actions ...string) {
	t.Helper()
	var got []string
	for _, step := range s.Steps {
		got = append(got, step.Action)
	}
	if !slices.Equal(got, actions) {
		t.Errorf("steps %q, want %q", s.Steps, actions)
	}
}

func wantRemark(t *testing.T, s billing.Setup, text string) {
	t.Helper()
	if !slices.ContainsFunc(s.Remarks, func(r string) bool { return strings.Contains(r, text) }) {
		t.Errorf("no remark says %q: %q", text, s.Remarks)
	}
}

func TestSetupMakesWhatIsMissing(t *testing.T) {
	t.Parallel()
	n := open(t)
	wantSteps(t, n.planSetup(), "make endpoint", "make portal")
	if len(n.endpointsAt(hookURL)) != 0 {
		t.Fatal("the plan made an endpoint")
	}
	done := n.setup()
	wantSteps(t, done, "make endpoint", "make portal")
	made := n.endpointsAt(hookURL)
	if len(made) != 1 || made[0].APIVersion != "2023-10-16" || made[0].Status != "enabled" || !slices.Equal(made[0].EnabledEvents, billing.EventTypes) {
		t.Fatalf("%+v", made)
	}
	if !strings.HasPrefix(done.Secret, "whsec_") || !strings.HasPrefix(done.Account, "acct_") || len(n.audited("stripe.setup")) != 2 {
		t.Errorf("secret %q, account %q, %d audited", done.Secret, done.Account, len(n.audited("stripe.setup")))
	}
	again := n.setup()
	wantSteps(t, again)
	wantRemark(t, again, "STRIPE_WEBHOOK_SECRETS is missing")
	if again.Secret != "" || len(n.endpointsAt(hookURL)) != 1 || len(n.audited("stripe.setup")) != 2 {
		t.Errorf("the second time: %+v", again)
	}
	known, err := n.PlanSetup(t.Context(), billing.SetupWish{SecretKnown: true})
	if err != nil {
		t.Fatal(err)
	}
	wantRemark(t, known, "Stripe does not tell")
}

// Each way in which somebody may have changed the endpoint is undone, without
// another one and another secret.
func TestSetupMendsTheEndpoint(t *testing.T) {
	t.Parallel()
	for name, drift := range map[string]*stripe.WebhookEndpointParams{
		"it is disabled":                 {Disabled: stripe.Bool(true)},
		"it has other types of events":   {EnabledEvents: stripe.StringSlice([]string{"invoice.paid"})},
		"it leads to https://elsewhere.": {URL: stripe.String("https://elsewhere.example.news")},
	} {
		n := open(t)
		n.setup()
		id := n.endpointsAt(hookURL)[0].ID
		if _, err := n.api.WebhookEndpoints.Update(id, drift); err != nil {
			t.Fatal(err)
		}
		found := n.planSetup()
		wantSteps(t, found, "mend endpoint")
		if !strings.Contains(found.Steps[0].Detail, name) {
			t.Errorf("%q does not say %q", found.Steps[0].Detail, name)
		}
		n.setup()
		wantSteps(t, n.planSetup())
		if mended := n.endpointsAt(hookURL); len(mended) != 1 || mended[0].ID != id || mended[0].Status != "enabled" || !slices.Equal(mended[0].EnabledEvents, billing.EventTypes) {
			t.Errorf("%s: %+v", name, mended)
		}
	}
}

// An endpoint that somebody made by hand at our address is taken over; one with
// another API version, or a second one, is only remarked.
func TestSetupFindsEndpointsMadeByHand(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.addEndpoint(hookURL, "2020-08-27")
	found := n.planSetup()
	wantSteps(t, found, "make endpoint", "make portal")
	wantRemark(t, found, `API version "2020-08-27"`)

	byHand := n.addEndpoint(hookURL, "2023-10-16")
	n.clock.advance(1e9)
	second := n.addEndpoint(hookURL, "2023-10-16")
	found = n.setup()
	wantSteps(t, found, "mend endpoint", "make portal")
	if !strings.HasPrefix(found.Steps[0].Detail, byHand.ID) {
		t.Errorf("the older one is not the one that is kept: %s", found.Steps[0])
	}
	wantRemark(t, found, second.ID+" is a second one")
}

// What another service of ours at the same account has is left alone.
func TestSetupLeavesTheTrialServiceAlone(t *testing.T) {
	t.Parallel()
	n := open(t)
	trial := n.addEndpoint("https://trial.example.news/webhooks/stripe", "2023-10-16")
	if _, err := n.api.WebhookEndpoints.Update(trial.ID, &stripe.WebhookEndpointParams{
		Metadata: map[string]string{"app": "membership", "url": trial.URL},
	}); err != nil {
		t.Fatal(err)
	}
	wantSteps(t, n.setup(), "make endpoint", "make portal")
	if left := n.endpointsAt(trial.URL); len(left) != 1 || !slices.Equal(left[0].EnabledEvents, []string{"*"}) {
		t.Errorf("%+v", left)
	}
}

func TestSetupMendsThePortal(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.setup()
	var ours *stripe.BillingPortalConfiguration
	list := n.api.BillingPortalConfigurations.List(nil)
	for list.Next() {
		if c := list.BillingPortalConfiguration(); c.Metadata["app"] == "membership" {
			ours = c
		}
	}
	if ours == nil || ours.BusinessProfile.PrivacyPolicyURL != "https://www.example.news/privacy" || ours.Features.SubscriptionUpdate.Enabled ||
		ours.Features.SubscriptionCancel.Mode != "at_period_end" || ours.DefaultReturnURL != "https://members.example.news/account" {
		t.Fatalf("%+v", ours)
	}
	_, err := n.api.BillingPortalConfigurations.Update(ours.ID, &stripe.BillingPortalConfigurationParams{
		Features: &stripe.BillingPortalConfigurationFeaturesParams{
			SubscriptionCancel: &stripe.BillingPortalConfigurationFeaturesSubscriptionCancelParams{Enabled: stripe.Bool(false)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantSteps(t, n.setup(), "mend portal")
	wantSteps(t, n.planSetup())
}

// Readers are led to the portal that was set up, not to the account's own.
func TestReadersGetOurPortal(t *testing.T) {
	t.Parallel()
	n := open(t)
	member := n.member("ada@example.org")
	n.join(member, simtest.Pays)
	var asked string
	watched := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.URL.Path == "/v1/billing_portal/sessions" {
			body, err := io.ReadAll(r.Body)
			form, malformed := url.ParseQuery(string(body))
			if err != nil || malformed != nil {
				t.Error(err, malformed)
			}
			asked, r.Body = form.Get("configuration"), io.NopCloser(bytes.NewReader(body))
		}
		stripe.ServeHTTP(w, r)
	})
	for _, want := range []string{"", "bpc_"} {
		if _, err := watched.PortalURL(t.Context(), member, "https://members.example.news/account"); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(asked, want) || (asked == "") != (want == "") {
			t.Errorf("configuration %q, want %q…", asked, want)
		}
		n.setup()
	}
}
