package billing_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

func (n *newsroom) changes() []models.GrantChange {
	n.t.Helper()
	var all []models.GrantChange
	if err := n.db.Model(&models.GrantEvent{}).Order("recorded_at, id").Pluck("change", &all).Error; err != nil {
		n.t.Fatal(err)
	}
	return all
}

// Confirming the newsletter again, on another day, changes nothing.
func TestTheNewsletterIsGivenOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	for range 3 {
		if err := n.GrantNewsletter(t.Context(), reader); err != nil {
			t.Fatal(err)
		}
		n.clock.advance(day + 1234567) // not a whole microsecond, as Postgres keeps them
	}
	if diff := cmp.Diff([]models.GrantChange{models.Granted}, n.changes()); diff != "" {
		t.Error(diff)
	}
	if e := n.may(reader); e.Version != 1 || e.Tier != "Newsletter" || !e.MemberSince.IsZero() {
		t.Errorf("%+v", e)
	}
}

// Each price of a subscription that was paid for has a grant of its own, with its
// own plan's features, and reading the same state again changes neither.
func TestEachPriceThatPaidHasItsGrant(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	patron := n.price("patron", models.Monthly, "eur").ID
	both := n.edited(edits{"/v1/invoices": func(answer object) {
		lines := listed(answer)[0]["lines"].(object)
		line, price := maps.Clone(listed(lines)[0]), maps.Clone(listed(lines)[0]["price"].(object))
		price["id"], line["price"], line["id"] = patron, price, "il_patron"
		line["amount"] = json.Number("2000")
		lines["data"] = append(lines["data"].([]any), line)
	}})
	for range 2 {
		n.resync(both, customer)
		if diff := cmp.Diff([]string{"archive:full", "articles:full", "sources:links"}, n.may(reader).Names()); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff([]models.GrantChange{models.Granted, models.Granted}, n.changes()); diff != "" {
		t.Error(diff)
	}
}
