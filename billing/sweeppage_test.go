package billing_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// rows counts those of a model's table.
func (n *newsroom) rows(model any) (count int64) {
	n.t.Helper()
	if err := n.db.Model(model).Count(&count).Error; err != nil {
		n.t.Fatal(err)
	}
	return count
}

// A page is compared, marked and moved on from in one commit: where its marks cannot
// be kept, the sweep stands where it stood and counts nothing.
func TestAPageIsTurnedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.sweep(models.SweepEvents)
	l := n.silence(stripesim.Dropped)
	n.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$`)
	n.sql(`CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OF dirty ON sync_subjects EXECUTE FUNCTION refuse()`)
	for _, name := range billing.Sweeps {
		if err := n.Plant(t.Context()); err != nil {
			t.Fatal(err)
		}
		row, err := n.ClaimSweep(t.Context(), name)
		if err != nil || row == nil {
			t.Fatal(err)
		}
		if _, err := n.Turn(t.Context(), *row); err == nil {
			t.Errorf("%s: the page was turned", name)
		}
		var after models.Sweep
		if err := n.db.Where("name = ?", name).Take(&after).Error; err != nil {
			t.Fatal(err)
		}
		if after.Cursor != "" || after.Step != 0 || after.Passes != row.Passes || after.Listed != row.Listed || after.DriftTotal.Sum() != 0 || after.LastError == "" {
			t.Errorf("%s stands at %+v", name, after)
		}
	}
	n.sql(`DROP TRIGGER refuse ON sync_subjects`)
	n.sweep(models.SweepEvents)
	n.healed(l)
}

// What was synced after a page was asked for is newer than the page, and no drift. Before,
// the page is right.
func TestAPageThatIsOlderThanOurBooksIsNoDrift(t *testing.T) {
	t.Parallel()
	for path, of := range map[string]struct {
		sweep models.SweepName
		edit  object
	}{
		"/v1/subscriptions": {models.SweepObjects, object{"status": "past_due"}},
		"/v1/charges":       {models.SweepMoney, object{"amount_refunded": 300}},
		"/v1/refunds":       {models.SweepMoney, object{"status": "pending"}},
		"/v1/disputes":      {models.SweepMoney, object{"status": "lost"}},
	} {
		for _, newer := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, synced meanwhile: %t", path, newer), func(t *testing.T) {
				t.Parallel()
				n := open(t)
				n.disturbed()
				late := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
					if r.URL.Path != path {
						stripe.ServeHTTP(w, r)
						return
					}
					answer := ask(t, r, stripe)
					maps.Copy(listed(answer)[0], of.edit)
					if newer {
						n.syncedAnew()
					}
					if err := json.NewEncoder(w).Encode(answer); err != nil {
						t.Error(err)
					}
				})
				row, err := late.Sweep(t.Context(), of.sweep, nil, func(models.Sweep) {})
				if err != nil || (row.Drift.Sum() == 0) != newer {
					t.Errorf("drift %v, %v", row.Drift, err)
				}
			})
		}
	}
}

// disturbed has a member, a gift that was given back and one that is disputed, all in the
// books.
func (n *newsroom) disturbed() {
	n.t.Helper()
	n.join(n.member("reader@example.org"), simtest.Pays)
	gifts := len(n.ledger())
	for _, amount := range []string{"5", "7"} {
		n.stripe.Pay(n.t, n.give(gift(nil, amount, models.Once)), simtest.Pays)
	}
	n.settle()
	given := n.ledger()[gifts:]
	if err := n.stripe.Sim.Refund(given[0].PaymentIntentID, 0); err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.stripe.Sim.Dispute(given[1].PaymentIntentID, ""); err != nil {
		n.t.Fatal(err)
	}
	n.pass(time.Hour)
}

// syncedAnew is a second later, with everything synced once more.
func (n *newsroom) syncedAnew() {
	n.clock.advance(time.Second)
	if err := n.db.Exec("UPDATE sync_subjects SET dirty = dirty + 1").Error; err != nil {
		n.t.Error(err)
	}
	if _, err := n.Drain(n.t.Context()); err != nil {
		n.t.Error(err)
	}
}

// A refund and a dispute of which no event told are found, however old their payments
// are, and counted.
func TestASweepOfMoneySeesWhatBecameOfOldPayments(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), simtest.Pays)
	n.stripe.Pay(t, n.give(gift(nil, "7", models.Once)), simtest.Pays)
	n.settle()
	n.pass(60 * day)
	n.equal()
	n.inject(stripesim.Fault{Do: stripesim.EventUnmade})
	old := n.ledger()
	if err := n.stripe.Sim.Refund(old[0].PaymentIntentID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := n.stripe.Sim.Dispute(old[1].PaymentIntentID, ""); err != nil {
		t.Fatal(err)
	}
	n.pass(time.Hour)
	want := models.Counts{"refund.differs": 1, "dispute.differs": 1}
	if diff := cmp.Diff(want, n.sweep(models.SweepMoney)); diff != "" {
		t.Error(diff)
	}
	n.equal()
	for i, row := range n.ledger() {
		if row.Refunded+row.Disputed != old[i].Amount {
			t.Errorf("the ledger has %+v", row)
		}
	}
	var sweep models.Sweep
	if err := n.db.Where("name = ?", models.SweepMoney).Take(&sweep).Error; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, sweep.DriftTotal); diff != "" || sweep.Drift.Sum() != 0 {
		t.Errorf("over all passes: %s, in the last one %v", diff, sweep.Drift)
	}
}

// The live subscriptions of our books are gone through page by page, to the last one.
func TestUnseenSubscriptionsOfManyPages(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.sql(`INSERT INTO customers (id, account, livemode, deleted, created_at)
		SELECT 'cus_' || i, '', false, false, ? FROM generate_series(1, 2000) i`, noon)
	n.sql(`INSERT INTO subscriptions (id, account, livemode, customer_id, kind, price_id, status, current_period_start, current_period_end, cancel_at_period_end, created_at, synced_at)
		SELECT 'sub_' || lpad(i::text, 5, '0'), '', false, 'cus_' || i, 'foreign', '', 'active', @noon, @noon, false, @noon, @noon FROM generate_series(1, 2000) i`,
		map[string]any{"noon": noon.Add(-2 * day)})
	row, err := n.Sweep(t.Context(), models.SweepObjects, nil, func(models.Sweep) {})
	if err != nil || row.Listed != 2000 || row.Drift["subscription.unseen"] != 2000 {
		t.Errorf("%+v, %v", row, err)
	}
}

// The first pass is over a time when nobody listened, in an account with others in it:
// it counts no drift, and leaves alone whoever is not in our books.
func TestTheFirstPassOverTheEvents(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	old := n.join(reader, simtest.Pays)
	n.inject(stripesim.Fault{Do: stripesim.Dropped})
	n.stripe.Pay(t, foreignSubscription(n), simtest.Pays)
	n.stripe.Pay(t, foreignPayment(n, nil), simtest.Pays)
	n.cancel(old.ID)
	n.pass(time.Hour)
	known := n.rows(&models.SyncSubject{})
	if found := n.sweep(models.SweepEvents); found.Sum() != 0 {
		t.Errorf("drift: %v", found)
	}
	n.reads(reader, false)
	if now := n.rows(&models.SyncSubject{}); now != known {
		t.Errorf("%d strangers were asked for", now-known)
	}
	n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), simtest.Pays)
	n.pass(time.Hour)
	if found := n.sweep(models.SweepEvents); found["event.missed"] == 0 {
		t.Error("the second pass counts nothing")
	}
	n.equal()
}

// endless is a Stripe whose list of subscriptions holds so many, all somebody else's,
// each made when it is asked for.
func endless(t *testing.T, count int, between func(page int)) string {
	return listen(t, func(w http.ResponseWriter, r *http.Request) {
		first := 0
		if after := r.URL.Query().Get("starting_after"); after != "" {
			first, _ = strconv.Atoi(strings.TrimPrefix(after, "sub_"))
		}
		between(first / 100)
		var data []json.RawMessage
		for i := first + 1; i <= min(first+100, count); i++ {
			data = append(data, fmt.Appendf(nil, `{"id": "sub_%d", "object": "subscription", "customer": "cus_%d", "status": "active", "created": %d,
				"items": {"object": "list", "data": [{"id": "si_%d", "price": {"id": "price_of_a_shop"}}]}}`, i, i, noon.Unix(), i))
		}
		_ = json.NewEncoder(w).Encode(object{"object": "list", "url": r.URL.Path, "has_more": first+100 < count, "data": data})
	})
}

// A sweep of 100,000 subscriptions holds no more in memory than one of 10,000: a
// million are as bounded.
func TestASweepIsBounded(t *testing.T) { //nolint:paralleltest // it weighs the process
	n := open(t)
	most := map[int]uint64{}
	for _, count := range []int{10_000, 100_000} {
		far := endless(t, count, func(page int) {
			if page%(count/1000) == 5 { // ten times, however many there are
				most[count] = max(most[count], liveHeap())
			}
		})
		row, err := n.served(billing.Stripe(simtest.Key, far), billing.Config{}, discard).
			Sweep(t.Context(), models.SweepObjects, nil, func(models.Sweep) {})
		if err != nil || row.Listed != int64(count) || row.Drift.Sum() != 0 {
			t.Fatalf("%+v, %v", row, err)
		}
	}
	const room = 2 << 20 // the ids alone would be more
	if most[100_000] > most[10_000]+room {
		t.Errorf("%d bytes live in 10,000, %d in 100,000", most[10_000], most[100_000])
	}
	t.Logf("%d kB live in 10,000, %d kB in 100,000", most[10_000]>>10, most[100_000]>>10)
}
