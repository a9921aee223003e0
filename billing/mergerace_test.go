package billing_test

import (
	"sync"
	"testing"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// Purchases, their webhooks, disputes, the healing of second memberships and the owner
// who adds what comes, in several tabs: all at once. In the end nothing is left with who
// was merged, each payment is there once, and one membership goes on.
func TestMergingWhileEverythingHappens(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	const purchases = 5
	var pages []string
	for range purchases {
		page, err := n.checkout(buyer(nil), n.price("member", models.Monthly, "eur").ID)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, page)
	}
	stop := n.running(n.Service)
	var all sync.WaitGroup
	for _, page := range pages {
		all.Go(func() { n.stripe.PayAs(t, page, simtest.Pays, "ada@example.org") })
	}
	for range 3 {
		all.Go(func() { n.addsWhatComes(purchases) })
	}
	all.Wait()
	for i, payment := range n.stripe.Sim.Payments() {
		all.Go(func() {
			mark(n, payment.Customer)
			if i == 0 {
				if _, err := n.stripe.Sim.Dispute(payment.Intent, ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	eventually(t, func() bool { return n.healings() >= purchases-1 })
	stop()
	n.heal()
	for _, table := range []string{"customers", "checkout_intents", "payments", "grants", "errands"} {
		if behind := n.count(table, "member_id <> ?", ada); behind != 0 {
			t.Errorf("%s: %d left with who was merged", table, behind)
		}
	}
	if got := n.ledger(); len(got) != purchases {
		t.Errorf("%d payments, want %d", len(got), purchases)
	}
	if live := n.count("subscriptions", "status = 'active'"); live != 1 {
		t.Errorf("%d memberships go on", live)
	}
	if merged := n.count("audit_log", "action = 'member.merged'"); merged != purchases {
		t.Errorf("merged %d times", merged)
	}
}

// addsWhatComes adds strays to the only owner's until so many were.
func (n *newsroom) addsWhatComes(purchases int64) {
	var ada models.Member
	if err := n.db.Where("email_verified_at IS NOT NULL").Take(&ada).Error; err != nil {
		n.t.Error(err)
		return
	}
	eventually(n.t, func() bool {
		all, err := n.Strays(n.t.Context(), ada.ID)
		if err != nil {
			n.t.Error(err)
		}
		for _, stray := range all {
			if err := n.AddStray(n.t.Context(), ada.ID, stray.ID, stray.Told()); err != nil && code(err) != "stray_changed" {
				n.t.Error(err)
			}
		}
		return n.count("members", "merged_into IS NOT NULL") == purchases
	})
}
