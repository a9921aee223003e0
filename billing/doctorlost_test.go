package billing_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// oneByOne is billing with a Stripe that counts what is asked for by its id.
func (n *newsroom) oneByOne(asked *atomic.Int64) *billing.Service {
	return n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.Method == http.MethodGet && strings.Count(r.URL.Path, "/") == 3 {
			asked.Add(1)
		}
		stripe.ServeHTTP(w, r)
	})
}

// After days at rest the doctor asks for nothing by its id that Stripe has just listed,
// whether it is a subscription or a payment on a day whose sum differs.
func TestTheDoctorAsksForWhatWasNotListed(t *testing.T) {
	t.Parallel()
	n := crowd(t)
	n.join(n.member("reader@example.org"), simtest.Pays)
	for range 3 {
		n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), simtest.Pays)
	}
	n.settle()
	n.sql(`INSERT INTO customers (id, account, livemode, deleted, created_at) VALUES ('cus_x', '', false, false, ?)`, noon)
	for _, sub := range n.stripe.Sim.Subscriptions() {
		n.sql(`INSERT INTO subscriptions (id, account, livemode, customer_id, kind, price_id, status, current_period_start, current_period_end, cancel_at_period_end, created_at, synced_at)
			VALUES (@id, '', false, 'cus_x', 'foreign', '', 'active', @noon, @noon, false, @noon, @noon) ON CONFLICT DO NOTHING`, map[string]any{"id": sub.ID, "noon": noon})
	}
	n.pass(3 * day)
	n.sql(`INSERT INTO payments (id, account, livemode, payment_intent_id, kind, donation_id, status, currency, amount, refunded, disputed, paid_at, created_at, synced_at)
		SELECT md5(id::text)::uuid, '', false, 'pi_of_nobody', kind, donation_id, status, currency, 700, 0, 0, paid_at, created_at, synced_at FROM payments WHERE kind = 'donation' LIMIT 1`)
	var asked atomic.Int64
	found, findings := n.finds(n.oneByOne(&asked))
	if !strings.Contains(found["payment.extra"], "pi_of_nobody") || findings.Differences["payment.extra"] != 1 || findings.Unasked != 0 {
		t.Errorf("%q, %+v", found["payment.extra"], findings)
	}
	if asked.Load() != 1 {
		t.Errorf("Stripe was asked for %d objects, want the one", asked.Load())
	}
}

// Where Stripe lists nothing of what our books have, so many are enough to say so; the
// rest is counted.
func TestTheDoctorAsksForSoManyAtMost(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.sql(`INSERT INTO customers (id, account, livemode, deleted, created_at) VALUES ('cus_1', '', false, false, ?)`, noon)
	n.sql(`INSERT INTO subscriptions (id, account, livemode, customer_id, kind, price_id, status, current_period_start, current_period_end, cancel_at_period_end, created_at, synced_at)
		SELECT 'sub_' || i, '', false, 'cus_1', 'foreign', '', 'active', @noon, @noon, false, @noon, @noon FROM generate_series(1, 1020) i`,
		map[string]any{"noon": noon.Add(-2 * day)})
	var asked atomic.Int64
	_, findings := n.finds(n.oneByOne(&asked))
	if asked.Load() != 1000 || findings.Differences["subscription.extra"] != 1000 || findings.Unasked != 20 {
		t.Errorf("asked %d times: %+v", asked.Load(), findings)
	}
}

// A moment's failure at Stripe ends no examination, and is not taken for a loss.
func TestTheDoctorIsPatient(t *testing.T) {
	t.Parallel()
	n, _ := patient(t)
	n.sql(`UPDATE subscriptions SET seen_at = NULL, synced_at = created_at - interval '2 days', facts_at = created_at - interval '2 days'`)
	var failures atomic.Int64
	ill := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		switch {
		case r.URL.Path == "/v1/subscriptions":
			fmt.Fprint(w, `{"object":"list","data":[],"has_more":false,"url":"/v1/subscriptions"}`)
		case strings.HasPrefix(r.URL.Path, "/v1/subscriptions/") && failures.Add(1) < 3:
			refuse(w, http.StatusInternalServerError, "", "not now")
		default:
			stripe.ServeHTTP(w, r)
		}
	})
	if found, _ := n.finds(ill); found["subscription.extra"] != "" || failures.Load() != 3 {
		t.Errorf("%q after %d questions", found["subscription.extra"], failures.Load())
	}
}

// What is given back and synced while the doctor reads on is no difference.
func TestASumThatTheLaneMovesIsNoDifference(t *testing.T) {
	t.Parallel()
	n, _ := patient(t)
	var once sync.Once
	busy := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.URL.Path == "/v1/disputes" { // after the charges, before the sums
			once.Do(func() {
				n.refundAtStripe(n.ledger()[1], 500)
				n.settle()
			})
		}
		stripe.ServeHTTP(w, r)
	})
	if found, _ := n.finds(busy); found["sum.differs"] != "" {
		t.Error(found["sum.differs"])
	}
	if n.ledger()[1].Refunded != 500 {
		t.Error("nothing was given back meanwhile")
	}
}

// Tables of more rows than are gone through at a time are gone through to their ends.
func TestTheDoctorReachesTheEndsOfLongTables(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.pass(3 * time.Minute)
	n.sql(`INSERT INTO sync_subjects (id, account, livemode, kind, dirty, claimed, synced, next_at)
		SELECT 'cus_a' || lpad(i::text, 5, '0'), '', false, 'customer', CASE WHEN i % 2100 = 0 THEN 2 ELSE 1 END, 1, 1, @noon FROM generate_series(1, 4200) i`,
		map[string]any{"noon": noon.Add(-day)})
	n.sql(`INSERT INTO grants (id, member_id, source, source_ref, part, account, livemode, plan_id, tier, rank, features, valid_from, valid_until, grace_reason, revoked_reason, effective_at, recorded_at)
		SELECT lpad(i::text, 32, '0')::uuid, member_id, source, 'sub_gone' || i, part, account, livemode, plan_id, tier, rank, features,
			valid_from, CASE WHEN i % 2100 = 0 THEN valid_until ELSE valid_from END, '', '', effective_at, recorded_at FROM grants, generate_series(1, 4200) i`)
	want := models.Counts{"subject.waiting": 2, "grant.stray": 2}
	if _, findings := n.finds(n.sound()); cmp.Diff(want, findings.Differences) != "" {
		t.Error(cmp.Diff(want, findings.Differences))
	}
}

// A refund of which no event told on a day of many payments is told of once, by its
// payment and by the day's sum.
func TestADayIsToldOfOnce(t *testing.T) {
	t.Parallel()
	n, _ := patient(t)
	n.inject(stripesim.Fault{Do: stripesim.EventUnmade})
	n.refundAtStripe(n.ledger()[1], 500)
	n.pass(time.Minute)
	want := models.Counts{"payment.differs": 1, "refund.differs": 1, "sum.differs": 1}
	if _, findings := n.finds(n.sound()); cmp.Diff(want, findings.Differences) != "" {
		t.Error(cmp.Diff(want, findings.Differences))
	}
}
