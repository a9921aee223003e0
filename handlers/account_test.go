package handlers

import (
	"testing"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
)

func TestTheAccountSaysHowThingsStand(t *testing.T) {
	t.Parallel()
	words, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, time.December, 22, 9, 0, 0, 0, time.UTC)
	paid := billing.Held{Feature: "articles:full", Until: day, Sources: []models.GrantSource{models.FromSubscription}}
	for _, c := range []struct {
		name              string
		membership        billing.Membership
		standing, lasting string
	}{
		{"it renews", billing.Membership{Status: models.Active, RenewsAt: day}, "It renews on 22 December 2026.", "for as long as your membership goes on."},
		{"it is cancelled", billing.Membership{Status: models.Active, CancelAt: day}, "It is cancelled and ends on 22 December 2026. You can read on until then.", "until 22 December 2026."},
		{"the card failed", billing.Membership{Status: models.PastDue, PaidThrough: day}, "The last payment failed. Please check your payment method.", "until 22 December 2026."},
		{"it is over", billing.Membership{Status: models.Canceled, CancelAt: day}, "It ended on 22 December 2026.", "until 22 December 2026."},
		{"it is paused", billing.Membership{Status: models.Active, PaidThrough: day}, "It is paid until 22 December 2026.", "until 22 December 2026."},
	} {
		p := accountPage{page: page{Locale: words.For("en")}}
		p.Memberships = []billing.Membership{c.membership}
		if got := p.Standing(c.membership); got != c.standing {
			t.Errorf("%s: %q, want %q", c.name, got, c.standing)
		}
		if got := p.Lasting(paid); got != c.lasting {
			t.Errorf("%s: held %q, want %q", c.name, got, c.lasting)
		}
		given := billing.Held{Sources: []models.GrantSource{models.FromNewsletter}}
		if got := p.Lasting(given); got != "without an end." {
			t.Errorf("%s: given %q", c.name, got)
		}
	}
}
