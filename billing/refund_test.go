package billing_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
)

// bought is a reader with a month that they paid for.
func bought(n *newsroom) (uuid.UUID, models.Payment) {
	n.t.Helper()
	reader := n.member(uuid.NewString() + "@example.org")
	n.join(reader, simtest.Pays)
	all := n.ledger()
	return reader, all[len(all)-1]
}

// refund plans a refund and makes it.
func refund(ctx context.Context, b *billing.Service, r billing.Refund) (billing.MadeRefund, error) {
	plan, err := b.PlanRefund(ctx, r)
	if err != nil {
		return billing.MadeRefund{}, err
	}
	return b.MakeRefund(ctx, plan)
}

// givenBack is what Stripe has given back in all, and in how many refunds.
func (n *newsroom) givenBack() (amount int64, refunds int) {
	n.t.Helper()
	list := n.api.Refunds.List(&stripe.RefundListParams{})
	for list.Next() {
		amount, refunds = amount+list.Refund().Amount, refunds+1
	}
	if err := list.Err(); err != nil {
		n.t.Fatal(err)
	}
	return amount, refunds
}

func (n *newsroom) audited(action string) []models.AuditEntry {
	n.t.Helper()
	var all []models.AuditEntry
	if err := n.db.Where("action = ?", action).Order("at, id").Find(&all).Error; err != nil {
		n.t.Fatal(err)
	}
	return all
}

// onceRefunded checks that one refund was made of that amount, whoever asked how
// often.
func (n *newsroom) onceRefunded(want int64) {
	n.t.Helper()
	if amount, refunds := n.givenBack(); amount != want || refunds != 1 {
		n.t.Errorf("%d were given back in %d refunds, want %d in one", amount, refunds, want)
	}
	if made := n.audited("refund.made"); len(made) != 1 {
		n.t.Errorf("%d refunds are noted as made", len(made))
	}
}

func TestRefundedAtOnceByTwo(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader, paid := bought(n)
	wish := billing.Refund{Payment: paid.PaymentIntentID, By: by("Moved away")}
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			_, err := refund(t.Context(), n.Service, wish)
			if c := code(err); err != nil && c != "refund_done" && c != "refund_repeated" && c != "refund_unanswered" && c != "refund_unseen" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n.settle()
	n.onceRefunded(800)
	n.reads(reader, false)
}

// Two who found the same request open ask Stripe at the same moment, for a part that
// it could give back twice.
func TestTwoAskForOneRequestAtOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	_, paid := bought(n)
	var asking atomic.Int32
	both := make(chan struct{})
	meeting := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/refunds" {
			if asking.Add(1) == 2 {
				close(both)
			}
			select {
			case <-both:
			case <-r.Context().Done():
			}
		}
		stripe.ServeHTTP(w, r)
	})
	plan, err := n.PlanRefund(t.Context(), billing.Refund{Payment: paid.PaymentIntentID, Amount: "3", By: by("Sorry")})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if _, err := meeting.MakeRefund(t.Context(), plan); err != nil && code(err) != "refund_unanswered" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n.onceRefunded(300)
}

// A guest has no member whose lock could help.
func TestAGuestsGiftIsRefundedOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.stripe.Pay(t, n.give(gift(nil, "7", models.Once)), simtest.Pays)
	n.settle()
	plan, err := n.PlanRefund(t.Context(), billing.Refund{Payment: n.ledger()[0].PaymentIntentID, Amount: "1", By: by("Sorry")})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	n.whileHeld("audit_log", 2, func() {
		for range 2 {
			all.Go(func() {
				if _, err := n.MakeRefund(t.Context(), plan); err != nil && code(err) != "refund_unanswered" && code(err) != "refund_repeated" {
					t.Error(err)
				}
			})
		}
	}, func() {})
	all.Wait()
	n.onceRefunded(100)
	if asked := n.audited("refund.requested"); len(asked) != 1 {
		t.Errorf("%d requests", len(asked))
	}
}

// whileHeld begins work while nothing can be written to a table, until so many wait
// for a lock: all that can be read before has been read. It lets go after then.
func (n *newsroom) whileHeld(table string, waiting int, begin, then func()) {
	n.t.Helper()
	err := n.db.Write(n.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("LOCK TABLE " + table + " IN SHARE MODE").Error; err != nil {
			return err
		}
		begin()
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		for seen := 0; seen < waiting; <-look.C {
			err := n.db.Raw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&seen).Error
			if err != nil {
				return err
			}
		}
		then()
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// Two plans that were made before either was carried out.
func TestAPlanThatWasOvertaken(t *testing.T) {
	t.Parallel()
	n := open(t)
	_, paid := bought(n)
	plan := func(amount, note string) billing.RefundPlan {
		p, err := n.PlanRefund(t.Context(), billing.Refund{Payment: paid.PaymentIntentID, Amount: amount, By: by(note)})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, twin, more := plan("5", "Moved away"), plan("5", "Moved away"), plan("4", "Sorry")
	if _, err := n.MakeRefund(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, err := n.MakeRefund(t.Context(), twin); code(err) != "refund_repeated" {
		t.Errorf("the same again: %v", err)
	}
	if _, err := n.MakeRefund(t.Context(), more); code(err) != "refund_too_much" {
		t.Errorf("more than is left: %v", err)
	}
	n.onceRefunded(500)
}

// An answer that was lost, and a crash before it was noted: the same command goes on
// where it stopped, also when our books have learned of the refund meanwhile, and
// does what is left to do.
func TestARefundGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]func(r *http.Request) bool{
		"the answer of the refund":       func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/v1/refunds" },
		"the answer of the cancellation": func(r *http.Request) bool { return r.Method == http.MethodDelete },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader, paid := bought(n)
			crashing := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
				if lost(r) {
					stripe.ServeHTTP(nowhere{}, r)
					hangUp(n.t, w)
					return
				}
				stripe.ServeHTTP(w, r)
			})
			wish := billing.Refund{Payment: paid.PaymentIntentID, Cancel: true, By: by("Moved away")}
			if _, err := refund(t.Context(), crashing, wish); code(err) != "refund_unanswered" && code(err) != "refund_not_cancelled" {
				t.Fatalf("%v", err)
			}
			n.settle()
			other := billing.Refund{Payment: paid.PaymentIntentID, Amount: "3", By: by("Sorry")}
			if _, err := n.PlanRefund(t.Context(), other); code(err) != "refund_underway" {
				t.Errorf("another wish meanwhile: %v", err)
			}
			for i := range 3 {
				if _, err := refund(t.Context(), n.Service, wish); err != nil && (i == 0 || code(err) != "refund_done" && code(err) != "refund_repeated") {
					t.Errorf("run %d again: %v", i, err)
				}
			}
			n.settle()
			n.onceRefunded(800)
			if sub := n.subscription(reader); sub.Status != models.Canceled {
				t.Errorf("the subscription is %s", sub.Status)
			}
		})
	}
}

// Stripe forgets a key after a day; the refund is found all the same.
func TestARefundIsFoundWithoutItsKey(t *testing.T) {
	t.Parallel()
	n := open(t)
	_, paid := bought(n)
	var key string
	crashing := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/refunds" {
			key = r.Header.Get("Idempotency-Key")
			r.Header.Set("Idempotency-Key", "forgotten")
			stripe.ServeHTTP(nowhere{}, r)
			hangUp(n.t, w)
			return
		}
		stripe.ServeHTTP(w, r)
	})
	wish := billing.Refund{Payment: paid.PaymentIntentID, Amount: "3", By: by("Moved away")}
	if _, err := refund(t.Context(), crashing, wish); code(err) != "refund_unanswered" {
		t.Fatal(err)
	}
	if !strings.HasPrefix(key, "rf_") {
		t.Errorf("the key was %q", key)
	}
	if _, err := refund(t.Context(), n.Service, wish); err != nil {
		t.Fatal(err)
	}
	n.onceRefunded(300)
}

// A 500 that Stripe keeps under a key for a day: if the refund was made all the same
// it is found, and if not the next run asks under another key.
func TestAKeptErrorOfARefund(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]bool{"made all the same": true, "not made": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			_, paid := bought(n)
			kept := map[string]bool{}
			stuck := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
				key := r.Header.Get("Idempotency-Key")
				if r.Method == http.MethodPost && r.URL.Path == "/v1/refunds" && (kept[key] || len(kept) == 0) {
					if made && !kept[key] {
						stripe.ServeHTTP(nowhere{}, r)
					}
					kept[key] = true
					refuse(w, 500, "", "An error occurred.")
					return
				}
				stripe.ServeHTTP(w, r)
			})
			wish := billing.Refund{Payment: paid.PaymentIntentID, Amount: "3", By: by("Moved away")}
			_, err := refund(t.Context(), stuck, wish)
			if made && err != nil || !made && code(err) != "refund_refused" {
				t.Fatalf("%v", err)
			}
			if _, err := refund(t.Context(), stuck, wish); !made && err != nil || made && code(err) != "refund_repeated" {
				t.Errorf("again: %v", err)
			}
			n.onceRefunded(300)
		})
	}
}

func TestRefundsThatCannotBe(t *testing.T) {
	t.Parallel()
	n := open(t)
	_, paid := bought(n)
	n.give(gift(nil, "5", models.Once)) // opened, never paid
	for column, c := range map[string]struct{ value, want string }{
		"status = 'pending', paid_at": {"NULL", "refund_pending"},
		"status = 'failed', paid_at":  {"NULL", "refund_failed"},
		"disputed":                    {"amount", "refund_disputed"},
		"refunded":                    {"amount", "refund_done"},
	} {
		plan, err := n.PlanRefund(t.Context(), billing.Refund{Payment: paid.PaymentIntentID, By: by("x")})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.db.Exec("UPDATE payments SET " + column + " = " + c.value).Error; err != nil {
			t.Fatal(err)
		}
		if _, err := n.MakeRefund(t.Context(), plan); code(err) != c.want {
			t.Errorf("%s: %v", column, err)
		}
		if _, err := n.PlanRefund(t.Context(), billing.Refund{Payment: paid.PaymentIntentID, By: by("x")}); err != nil { // and asks Stripe, which knows better
			t.Error(err)
		}
	}
	for _, bad := range []billing.Refund{{Payment: "pi_\x00"}, {Payment: ""}, {Payment: "sub_none"}, {Payment: uuid.NewString()}} {
		bad.By = by("x")
		if _, err := n.PlanRefund(t.Context(), bad); code(err) != "payment_unknown" {
			t.Errorf("%q: %v", bad.Payment, err)
		}
	}
	if _, refunds := n.givenBack(); refunds != 0 {
		t.Errorf("%d refunds", refunds)
	}
	n.pass(31 * day)
	if _, err := n.PlanRefund(t.Context(), billing.Refund{Payment: *paid.SubscriptionID, By: by("x")}); code(err) != "payment_ambiguous" {
		t.Errorf("a subscription with two payments: %v", err)
	}
	if err := n.db.Exec("UPDATE payments SET livemode = true WHERE payment_intent_id = ?", paid.PaymentIntentID).Error; err != nil {
		t.Fatal(err)
	}
	if _, err := n.PlanRefund(t.Context(), billing.Refund{Payment: paid.PaymentIntentID, By: by("x")}); code(err) != "payment_unknown" {
		t.Errorf("a payment of the other mode: %v", err)
	}
	if err := n.db.Exec("UPDATE payments SET livemode = false").Error; err != nil {
		t.Fatal(err)
	}
	down := n.through(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { hangUp(n.t, w) })
	if _, err := down.PlanRefund(t.Context(), billing.Refund{Payment: paid.PaymentIntentID, By: by("x")}); code(err) != "refund_unseen" {
		t.Errorf("Stripe is away: %v", err)
	}
}

// foreseen are a plan's effects in words.
func foreseen(t *testing.T, plan billing.RefundPlan) string {
	t.Helper()
	catalogue, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range plan.Effects {
		all = append(all, catalogue.For("en").Text(e.ID, e.Data))
	}
	return strings.Join(all, " ")
}

// What is foreseen comes true, and foreseeing changes nothing.
func TestWhatARefundDoesIsForeseen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wish   billing.Refund
		renew  bool // a second month was paid before
		of     int  // which payment
		says   []string
		reads  bool
		status models.SubscriptionStatus
	}{
		"whole":                {billing.Refund{}, false, 0, []string{"gives back €8, the whole payment of 22 November 2026", "Member ends at once; what closes: articles:full, sources:links", "charges again on 22 December 2026"}, false, models.Active},
		"whole, cancelled":     {billing.Refund{Cancel: true}, false, 0, []string{"Member ends at once", "is cancelled at once"}, false, models.Canceled},
		"whole, kept":          {billing.Refund{KeepAccess: true}, false, 0, []string{"Member stays open until 22 December 2026", "charges again on"}, true, models.Active},
		"part":                 {billing.Refund{Amount: "3"}, false, 0, []string{"€3 of the €8", "€5 stay", "Access stays as it is"}, true, models.Active},
		"part, kept":           {billing.Refund{Amount: "3", KeepAccess: true}, false, 0, []string{"Access stays as it is"}, true, models.Active},
		"part, cancelled":      {billing.Refund{Amount: "3", Cancel: true}, false, 0, []string{"€5 stay", "ends at once", "is cancelled at once"}, false, models.Canceled},
		"the month before":     {billing.Refund{}, true, 0, []string{"whole payment of 22 November 2026", "Access stays as it is"}, true, models.Active},
		"the month":            {billing.Refund{}, true, 1, []string{"ends at once"}, false, models.Active},
		"the month, kept":      {billing.Refund{KeepAccess: true}, true, 1, []string{"Member stays open until 22 January 2027"}, true, models.Active},
		"the month, cancelled": {billing.Refund{Cancel: true}, true, 1, []string{"ends at once", "is cancelled at once"}, false, models.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader, _ := bought(n)
			n.pass(5 * day)
			if c.renew {
				n.pass(31 * day)
			}
			c.wish.Payment, c.wish.By = n.ledger()[c.of].PaymentIntentID, by("Sorry")
			before := n.may(reader)
			plan, err := n.PlanRefund(t.Context(), c.wish)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range c.says {
				if words := foreseen(t, plan); !strings.Contains(words, text) || strings.Contains(words, "<no value>") {
					t.Errorf("not foreseen: %q\n%s", text, words)
				}
			}
			if after := n.may(reader); after.Version != before.Version || len(n.audited("refund.requested")) > 0 {
				t.Errorf("foreseeing changed something: version %d, then %d", before.Version, after.Version)
			}
			if _, err := n.MakeRefund(t.Context(), plan); err != nil {
				t.Fatal(err)
			}
			n.clock.advance(time.Second) // what ends now has ended
			n.reads(reader, c.reads)
			n.settle()
			n.reads(reader, c.reads)
			if sub := n.subscription(reader); sub.Status != c.status {
				t.Errorf("the subscription is %s", sub.Status)
			}
		})
	}
}

// A monthly gift is refunded and stopped; there is no access to keep, nor anything
// to cancel of a single one.
func TestRefundingGifts(t *testing.T) {
	t.Parallel()
	n := open(t)
	donor := n.member("donor@example.org")
	n.stripe.Pay(t, n.give(gift(&donor, "5", models.Monthly)), simtest.Pays)
	n.stripe.Pay(t, n.give(gift(nil, "7", models.Once)), simtest.Pays)
	n.settle()
	for _, paid := range n.ledger() {
		wish := billing.Refund{Payment: paid.DonationID.String(), KeepAccess: true, By: by("Sorry")}
		if _, err := n.PlanRefund(t.Context(), wish); code(err) != "refund_keeps_nothing" {
			t.Errorf("keep: %v", err)
		}
		wish.KeepAccess, wish.Cancel = false, true
		if _, err := refund(t.Context(), n.Service, wish); paid.SubscriptionID == nil && code(err) != "refund_cancels_nothing" || paid.SubscriptionID != nil && err != nil {
			t.Errorf("cancel: %v", err)
		}
	}
	n.settle()
	if sub := n.subscription(donor); sub.Status != models.Canceled {
		t.Errorf("the monthly gift is %s", sub.Status)
	}
	if amount, _ := n.givenBack(); amount != 500 {
		t.Errorf("%d were given back", amount)
	}
}

// Somebody gives the money back at Stripe while the refund is being foreseen.
func TestForeseeingWhileAnotherRefunds(t *testing.T) {
	t.Parallel()
	n := open(t)
	_, paid := bought(n)
	looks := 0
	slow := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.URL.Path == "/v1/payment_intents" {
			if looks++; looks == 2 { // the first is the sync's
				if err := n.stripe.Sim.Refund(paid.PaymentIntentID, 0); err != nil {
					t.Error(err)
				}
			}
		}
		stripe.ServeHTTP(w, r)
	})
	plan, err := slow.PlanRefund(t.Context(), billing.Refund{Payment: paid.PaymentIntentID, By: by("Moved away")})
	if err != nil || looks < 2 {
		t.Fatal(looks, err)
	}
	n.settle()
	if _, err := n.MakeRefund(t.Context(), plan); code(err) != "refund_done" {
		t.Errorf("%v", err)
	}
}

// A refund that is on its way takes no access yet; one that failed in the end was
// none, and the same command makes another.
func TestRefundsThatTakeTime(t *testing.T) {
	t.Parallel()
	for card, fails := range map[string]bool{simtest.RefundsLate: false, simtest.RefundsFail: true} {
		t.Run(card, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader := n.member("reader@example.org")
			n.join(reader, card)
			wish := billing.Refund{Payment: n.ledger()[0].PaymentIntentID, By: by("Moved away")}
			made, err := refund(t.Context(), n.Service, wish)
			if err != nil || made.Done() != fails {
				t.Fatalf("%+v, %v", made, err)
			}
			n.settle()
			n.clock.advance(time.Second)
			n.reads(reader, !fails)
			if _, err := refund(t.Context(), n.Service, wish); code(err) != "refund_done" && code(err) != "refund_repeated" {
				t.Errorf("again at once: %v", err)
			}
			n.pass(4 * day)
			n.reads(reader, fails)
			if _, err := refund(t.Context(), n.Service, wish); (err == nil) != fails {
				t.Errorf("again after days: %v", err)
			}
		})
	}
}

// A refund that fails at once moved no money: nothing is cancelled or given for it,
// the books are as they were, and the next run asks anew.
func TestARefundThatFailsAtOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader, paid := bought(n)
	met := 0
	failing := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/refunds" || met > 0 {
			stripe.ServeHTTP(w, r)
			return
		}
		met++
		fmt.Fprintf(w, `{"id": "re_1", "object": "refund", "status": "failed", "failure_reason": "lost_or_stolen_card", "payment_intent": %q}`, paid.PaymentIntentID)
	})
	wish := billing.Refund{Payment: paid.PaymentIntentID, Cancel: true, By: by("Moved away")}
	_, err := refund(t.Context(), failing, wish)
	if code(err) != "refund_refused" || !strings.Contains(err.Error(), "lost_or_stolen_card") {
		t.Errorf("%v", err)
	}
	if sub := n.subscription(reader); sub.Status != models.Active || len(n.audited("refund.refused")) != 1 || len(n.audited("refund.made")) != 0 {
		t.Errorf("the subscription is %s", sub.Status)
	}
	n.reads(reader, true)
	if _, err := refund(t.Context(), failing, wish); err != nil {
		t.Errorf("again: %v", err)
	}
	n.onceRefunded(800)
}
