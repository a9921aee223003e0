package billing_test

import (
	"net/http"
	"strings"
	"testing"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
)

// Text that Postgres does not take is refused or cleaned, never a fault.
func TestTextThatCannotBeStored(t *testing.T) {
	t.Parallel()
	n := open(t)
	for _, bad := range []string{"\x00", "\xff\xfe", "price_\x00"} {
		if _, err := n.checkout(buyer(nil), bad); code(err) != "price_unknown" {
			t.Errorf("price %q: %v", bad, err)
		}
		if _, err := n.Purchase(t.Context(), "cs_test_"+bad, browser[:]); code(err) != "purchase_not_found" {
			t.Errorf("session %q: %v", bad, err)
		}
		g := gift(nil, "5", models.Once)
		g.Nonce, g.Name, g.Message, g.Campaign, g.ReturnTo = bad, "A"+bad, "B"+bad, "C"+bad, "https://www.example.news/"+bad
		n.give(g)
		if _, err := n.checkout(g.Buyer, n.price("member", models.Monthly, "eur").ID); err != nil {
			t.Errorf("nonce %q: %v", bad, err)
		}
	}
}

// What Stripe says of an address is not for the log.
func TestARefusalTellsNoAddress(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	nosy := n.through(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		refuse(w, 400, "email_invalid", "Invalid email address: reader@example.org")
	})
	_, err := nosy.StartCheckout(t.Context(), billing.Checkout{Buyer: buyer(&reader), PriceID: n.price("member", models.Monthly, "eur").ID})
	if code(err) != "stripe_unavailable" || strings.Contains(err.Error(), "reader@") || !strings.Contains(err.Error(), "email_invalid") {
		t.Errorf("%v", err)
	}
	mark(n, "cus_nosy")
	nosy.SyncClaimed(t.Context(), claim(n, "cus_nosy"))
	var row models.SyncSubject
	if err := n.db.Where("id = ?", "cus_nosy").Take(&row).Error; err != nil || row.LastError == "" || strings.Contains(row.LastError, "reader@") {
		t.Errorf("%q, %v", row.LastError, err)
	}
}
