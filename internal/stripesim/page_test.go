package stripesim_test

import (
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

func TestThePageSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session, err := w.api.CheckoutSessions.New(donation(1000, "eur"))
	must(t, err)
	for _, c := range []struct{ card, email, want string }{
		{"", "a@example.org", "Enter a card number."},
		{"4242", "a@example.org", "Your card number is incomplete."},
		{"4242 4242 4242 4241", "a@example.org", "Your card number is invalid."},
		{"4000 0000 0000 9995", "a@example.org", "Your card has insufficient funds."},
		{"4111 1111 1111 1111", "a@example.org", "Your card was declined. Your request was in test mode, but used a non test card."},
		{simtest.Pays, "not an address", "Enter a complete e-mail address."},
		{simtest.Pays, "<a@example.org", "Enter a complete e-mail address."},
	} {
		if page := w.PayAs(t, session.URL, c.card, c.email); !strings.HasPrefix(page.Problem, c.want) {
			t.Errorf("card %q of %q: %q, want %q", c.card, c.email, page.Problem, c.want)
		}
	}
	if got := w.Sim.Payments(); len(got) != 0 {
		t.Errorf("paid: %+v", got)
	}
}

func TestThePageShowsWhatIsBought(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer, err := w.api.Customers.New(&stripe.CustomerParams{Email: stripe.String("known@example.org")})
	must(t, err)
	gift := donation(1500, "jpy")
	gift.Customer = &customer.ID
	once, err := w.api.CheckoutSessions.New(gift)
	must(t, err)
	for address, wants := range map[string][]string{
		once.URL: {"Sandbox: no money moves", "Contribution", "¥1500", "Donate", "known@example.org", "readonly",
			"4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0000 0000 0341", "https://news.example/contribute", "Thank you &lt;b&gt;very"},
		w.checkout().URL: {"Sandbox: no money moves", "Membership", "€5.00", "per month", "Subscribe", "https://news.example/membership"},
	} {
		page := show(t, address)
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q:\n%s", address, want, page)
			}
		}
		if strings.Contains(page, "<script") {
			t.Error("the page has a script")
		}
	}
}

func TestHostedPagesAreAtThePublicAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *stripesim.Config) { c.PublicURL = "http://localhost:8082/" })
	if got := w.checkout().URL; !strings.HasPrefix(got, "http://localhost:8082/checkout/cs_test_") {
		t.Errorf("checkout at %s", got)
	}
	if got := w.portal(w.customer().ID).URL; !strings.HasPrefix(got, "http://localhost:8082/portal/bps_") {
		t.Errorf("portal at %s", got)
	}
}
