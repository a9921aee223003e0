package billing_test

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// Long invoices and charges refunded in many parts come in pieces; all of them
// count.
func TestWhatALongAnswerLeavesOutIsFetched(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	n.resync(n.edited(edits{"/v1/invoices": func(answer object) {
		for _, invoice := range listed(answer) {
			lines := invoice["lines"].(object)
			lines["data"], lines["has_more"] = []any{}, true
		}
	}}), customer)
	if paid := n.subscription(reader).PaidThrough; paid == nil || !paid.Equal(noon.AddDate(0, 1, 0)) {
		t.Errorf("paid through %v", paid)
	}
	for range 8 {
		if err := n.stripe.Sim.Refund(*n.ledger()[0].ChargeID, 100); err != nil {
			t.Fatal(err)
		}
	}
	n.resync(n.edited(edits{"/v1/payment_intents": func(answer object) {
		for _, charge := range charges(answer) {
			refunds := charge["refunds"].(object)
			refunds["data"], refunds["has_more"] = []any{}, true
		}
	}}), customer)
	n.reads(reader, false)
}

// Lists longer than a page are read to their end.
func TestLongListsArePaged(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.Service = n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if query := r.URL.Query(); query.Has("limit") {
			query.Set("limit", "1")
			r.URL.RawQuery = query.Encode()
		}
		stripe.ServeHTTP(w, r)
	})
	n.agree(shipped(t), 8, 0)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.stripe.Pay(t, n.give(gift(&reader, "5", models.Monthly)), simtest.Pays)
	n.pass(31 * day)
	n.pass(31 * day)
	if err := n.db.Exec("TRUNCATE payments, grants CASCADE").Error; err != nil {
		t.Fatal(err)
	}
	mark(n, n.subscription(reader).CustomerID)
	n.settle()
	n.reads(reader, true)
	if got := n.ledger(); len(got) != 6 {
		t.Errorf("%d payments, want 6", len(got))
	}
}

func charges(payments object) []object {
	var all []object
	for _, payment := range listed(payments) {
		all = append(all, payment["latest_charge"].(object))
	}
	return all
}

// disputed answers as Stripe does of payments that are all disputed, with that
// status.
func disputed(status string) edits {
	charge := ""
	return edits{
		"/v1/payment_intents": func(answer object) {
			for _, each := range charges(answer) {
				each["disputed"], charge = true, each["id"].(string)
			}
		},
		"/v1/disputes": func(answer object) {
			answer["data"] = []any{object{
				"id": "dp_1", "object": "dispute", "amount": 800, "currency": "eur", "charge": charge,
				"created": noon.Unix(), "reason": "fraudulent", "status": status,
			}}
		},
	}
}

// A dispute shuts while the bank holds the money, and for good once it is lost; a
// warning does not, and a dispute that was won opens again.
func TestADisputeSuspends(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	for _, c := range []struct {
		status string
		reads  bool
		money  int64
	}{
		{"warning_needs_response", true, 0},
		{"needs_response", false, 800},
		{"under_review", false, 800},
		{"won", true, 0},
		{"prevented", true, 0}, // not one that we know
		{"lost", false, 800},
	} {
		n.resync(n.edited(disputed(c.status)), customer)
		n.reads(reader, c.reads)
		if p := n.ledger()[0]; p.Disputed != c.money {
			t.Errorf("%s: disputed %d, want %d", c.status, p.Disputed, c.money)
		}
	}
}

// Of several disputes of one charge the newest counts, which Stripe lists first.
func TestTheNewestDisputeCounts(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	about := disputed("won")
	told := about["/v1/disputes"]
	about["/v1/disputes"] = func(answer object) {
		told(answer)
		older := maps.Clone(listed(answer)[0])
		older["id"], older["status"], older["created"] = "dp_0", "lost", noon.Add(-time.Hour).Unix()
		answer["data"] = append(answer["data"].([]any), older)
	}
	n.resync(n.edited(about), customer)
	n.reads(reader, true)
}

// A dispute about nothing, of a payment that had gone back before, keeps nothing else of
// the customer from being written.
func TestADisputeAboutNothingPoisonsNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	if err := n.stripe.Sim.Refund(*n.ledger()[0].ChargeID, 0); err != nil {
		t.Fatal(err)
	}
	about := disputed("needs_response")
	told := about["/v1/disputes"]
	about["/v1/disputes"] = func(answer object) {
		told(answer)
		listed(answer)[0]["amount"] = 0
	}
	n.resync(n.edited(about), customer)
	n.reads(reader, false)
	if p := n.ledger()[0]; p.Refunded != p.Amount || p.Disputed != 0 {
		t.Errorf("%+v", p)
	}
}

// A refund without a status, which Stripe allows, keeps nothing else of the customer
// from being written.
func TestARefundWithoutAStatusPoisonsNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	if err := n.stripe.Sim.Refund(*n.ledger()[0].ChargeID, 300); err != nil {
		t.Fatal(err)
	}
	n.resync(n.edited(edits{"/v1/payment_intents": func(answer object) {
		for _, charge := range charges(answer) {
			listed(charge["refunds"].(object))[0]["status"] = nil
		}
	}}), customer)
	n.reads(reader, true)
	if p := n.ledger()[0]; p.Refunded != 300 {
		t.Errorf("%+v", p)
	}
}

// A payment that Stripe does not know (test data was deleted, another account's
// event) is done with, and not asked for again and again.
func TestAnUnknownPaymentIsLetGo(t *testing.T) {
	t.Parallel()
	n := open(t)
	row := models.SyncSubject{ID: "pi_gone", Kind: models.SubjectPaymentIntent, Dirty: 1, NextAt: n.real.now()}
	if err := n.db.Create(&row).Error; err != nil {
		t.Fatal(err)
	}
	n.settle()
	if err := n.db.Where("id = ?", row.ID).Take(&row).Error; err != nil || row.Synced != row.Dirty || row.LastError != "" {
		t.Errorf("%+v, %v", row, err)
	}
}

// While Stripe is asked, no transaction is open: one that waits for a slow answer
// holds its locks against every delivery.
func TestNoTransactionIsOpenWhileStripeIsAsked(t *testing.T) {
	t.Parallel()
	n := open(t)
	asked := n.watched()
	c := shipped(t)
	c.Plans["member"].Prices[models.Monthly]["eur"] = "9"
	n.apply(c)
	reader := n.member("reader@example.org")
	first, err := n.checkout(buyer(&reader), n.price("patron", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	page, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID)
	if err != nil || page == first {
		t.Fatal(page, err)
	}
	if p := n.purchase(n.stripe.Pay(t, page, simtest.Pays).Location); p.State != billing.PurchaseSucceeded {
		t.Errorf("%+v", p)
	}
	n.purchase(n.stripe.Pay(t, n.give(gift(&reader, "5", models.Monthly)), simtest.Pays).Location)
	account, err := n.Account(t.Context(), reader)
	if err != nil || len(account.Gifts) != 1 {
		t.Fatalf("%+v, %v", account, err)
	}
	if err := n.StopGift(t.Context(), reader, account.Gifts[0].DonationID); err != nil {
		t.Error(err)
	}
	if _, err := n.PortalURL(t.Context(), reader, "https://members.example.news"); err != nil {
		t.Error(err)
	}
	n.stripe.Pay(t, n.twin(reader, n.intent()), simtest.Pays)
	for _, sub := range n.stripe.Sim.Subscriptions() {
		mark(n, sub.Customer)
	}
	n.heal() // cancels and refunds the second membership
	if asked.times("POST /v1/refunds") == 0 || asked.times("DELETE /v1/subscriptions/") == 0 {
		t.Errorf("nothing was given back, or cancelled: %v", asked.all)
	}
	if len(asked.all) < 12 {
		t.Errorf("only these were watched: %v", asked.all)
	}
}

// The same of what runs by itself, and of what is typed.
func TestNoTransactionIsOpenInSweepsAndCommands(t *testing.T) {
	t.Parallel()
	n := open(t)
	_, paid := bought(n)
	asked := n.watched()
	for _, c := range []struct {
		name string
		asks []string
		do   func() error
	}{
		{"a setup", []string{"POST /v1/billing_portal/configurations"}, func() error {
			_, err := n.ApplySetup(t.Context(), billing.SetupWish{PrivacyURL: "https://www.example.news/privacy"}, desk)
			return err
		}},
		{"a sweep of events", []string{"GET /v1/events"}, func() error { n.sweep(models.SweepEvents); return nil }},
		{"a sweep of objects", []string{"GET /v1/subscriptions"}, func() error { n.sweep(models.SweepObjects); return nil }},
		{"a sweep of money", []string{"GET /v1/charges", "GET /v1/refunds", "GET /v1/disputes"}, func() error { n.sweep(models.SweepMoney); return nil }},
		{"the doctor", []string{"GET /v1/subscriptions", "GET /v1/charges"}, func() error { n.examine(true); return nil }},
		{"a refund", []string{"POST /v1/refunds", "DELETE /v1/subscriptions/"}, func() error {
			_, err := refund(t.Context(), n.Service, billing.Refund{Payment: paid.PaymentIntentID, Cancel: true, By: by("Moved away")})
			return err
		}},
	} {
		asked.all = nil
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, what := range c.asks {
			if asked.times(what) == 0 {
				t.Errorf("%s asked nothing of %s: %v", c.name, what, asked.all)
			}
		}
	}
	asked.all = nil
	if err := n.db.Exec("UPDATE policy SET refund = 'keep', version = version + 1").Error; err != nil {
		t.Fatal(err)
	}
	if looked, err := n.FollowPolicy(t.Context()); err != nil || looked != 1 || len(asked.all) != 0 {
		t.Errorf("%d grants follow, %v; Stripe was asked %v", looked, err, asked.all)
	}
}

// requests are those that Stripe was asked, "METHOD /path" each.
type requests struct {
	mu  sync.Mutex
	all []string
}

func (r *requests) times(prefix string) (count int) {
	for _, each := range r.all {
		if strings.HasPrefix(each, prefix) {
			count++
		}
	}
	return count
}

// watched makes every call to Stripe fail the test that finds a transaction open, and
// stops deliveries, whose own could be meant.
func (n *newsroom) watched() *requests {
	n.t.Helper()
	n.settle() // the catalogue's own deliveries
	n.stripe.Sim.StopDelivering()
	asked := new(requests)
	n.Service = n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		var open int64
		err := n.db.Raw(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND state LIKE 'idle in transaction%'`).Scan(&open).Error
		if err != nil || open > 0 {
			n.t.Errorf("%s %s: %d transactions are open, %v", r.Method, r.URL.Path, open, err)
		}
		asked.mu.Lock()
		asked.all = append(asked.all, r.Method+" "+r.URL.Path)
		asked.mu.Unlock()
		stripe.ServeHTTP(w, r)
	})
	return asked
}

// A subject that failed for a while waits long; a reader on /thanks does not.
func TestAReaderDoesNotWaitForTheBackOff(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.stripe.Sim.StopDelivering()
	reader := n.member("reader@example.org")
	page, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	paid := n.stripe.Pay(t, page, simtest.Pays)
	var customer models.Customer
	if err := n.db.Take(&customer).Error; err != nil {
		t.Fatal(err)
	}
	down := n.through(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { refuse(w, 503, "", "down") })
	mark(n, customer.ID)
	for range 12 {
		down.SyncClaimed(t.Context(), claim(n, customer.ID))
	}
	n.real.advance(10 * time.Minute)
	if due, err := n.ClaimDue(t.Context()); err != nil || due != nil {
		t.Fatalf("a worker would try already: %v, %v", due, err)
	}
	if p := n.purchase(paid.Location); p.State != billing.PurchaseSucceeded {
		t.Errorf("%+v", p)
	}
}
