package billing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
)

// life is a subscription to which things happen, month by month.
type life struct {
	*world
	month  int
	prices []string // the last is the present one
}

func newLife() *life { return &life{world: newWorld(active, "price_a"), prices: []string{"price_a"}} }

func (l *life) price() string { return l.prices[len(l.prices)-1] }

// begin is a new period, whose invoice has some status.
func (l *life) begin(status stripe.InvoiceStatus) *stripe.Invoice {
	day := float64(30 * l.month)
	l.month++
	l.sub.CurrentPeriodEnd = sec(day + 30)
	return l.invoice(status, day, line(fmt.Sprint("il_", l.month), l.price(), 800, day, day+30))
}

// any is the number of some payment that Stripe has; 0 for none.
func (l *life) any(t *rapid.T, status stripe.PaymentIntentStatus) int {
	var all []int
	for i, p := range l.payments {
		if p.Status == status {
			all = append(all, i+1)
		}
	}
	if len(all) == 0 {
		return 0
	}
	return rapid.SampledFrom(all).Draw(t, "payment")
}

// pays turns an invoice's payment into one that succeeded.
func (l *life) pays(n int) {
	l.payments[n-1].Status, l.payments[n-1].LatestCharge.Status = stripe.PaymentIntentStatusSucceeded, stripe.ChargeStatusSucceeded
	l.invoices[n-1].Status, l.sub.Status = stripe.InvoiceStatusPaid, active
}

// happens are the things that happen to a subscription.
var happens = map[string]func(t *rapid.T, l *life){
	"renewed":  func(_ *rapid.T, l *life) { l.begin(stripe.InvoiceStatusPaid) },
	"declined": func(_ *rapid.T, l *life) { l.begin(stripe.InvoiceStatusOpen); l.sub.Status = pastDue },
	"debited": func(_ *rapid.T, l *life) {
		l.begin(stripe.InvoiceStatusOpen)
		l.processing(len(l.payments))
	},
	"debit arrives": func(t *rapid.T, l *life) {
		if n := l.any(t, stripe.PaymentIntentStatusProcessing); n > 0 {
			l.pays(n)
		}
	},
	"debit bounces": func(t *rapid.T, l *life) {
		if n := l.any(t, stripe.PaymentIntentStatusProcessing); n > 0 {
			l.payments[n-1].Status, l.sub.Status = stripe.PaymentIntentStatusRequiresPaymentMethod, pastDue
		}
	},
	"recovered": func(t *rapid.T, l *life) {
		if n := l.any(t, stripe.PaymentIntentStatusRequiresPaymentMethod); n > 0 {
			l.pays(n)
		}
	},
	"refunded": func(t *rapid.T, l *life) {
		if n := l.any(t, stripe.PaymentIntentStatusSucceeded); n > 0 {
			status := rapid.SampledFrom([]stripe.RefundStatus{stripe.RefundStatusSucceeded, stripe.RefundStatusFailed, stripe.RefundStatusPending}).Draw(t, "refund")
			l.refund(n, rapid.SampledFrom([]int64{800, 400, 1}).Draw(t, "of it"), status, float64(30*l.month-rapid.IntRange(0, 29).Draw(t, "days ago")))
		}
	},
	"disputed": func(t *rapid.T, l *life) {
		if n := l.any(t, stripe.PaymentIntentStatusSucceeded); n > 0 {
			l.dispute(n, rapid.SampledFrom([]models.DisputeStatus{
				models.DisputeNeedsResponse, models.DisputeUnderReview, models.DisputeWon, models.DisputeLost, models.DisputeWarningUnderReview,
			}).Draw(t, "dispute"), float64(30*l.month-10))
		}
	},
	"upgraded": func(t *rapid.T, l *life) {
		if l.month == 0 || len(l.prices) > 2 {
			return
		}
		day, old, next := float64(30*l.month-rapid.IntRange(1, 29).Draw(t, "before its end")), l.price(), "price_b"
		if old == next {
			next = "price_a"
		}
		status := rapid.SampledFrom([]stripe.InvoiceStatus{stripe.InvoiceStatusPaid, stripe.InvoiceStatusOpen}).Draw(t, "upgrade")
		l.invoice(status, day, credit(old, fmt.Sprint("il_", l.month), day, float64(30*l.month)), line(fmt.Sprint("il_up", len(l.prices)), next, 1400, day, float64(30*l.month)))
		l.prices = append(l.prices, next)
	},
	"paused": func(_ *rapid.T, l *life) {
		l.sub.PauseCollection = &stripe.SubscriptionPauseCollection{Behavior: "void"}
	},
	"resumed": func(_ *rapid.T, l *life) { l.sub.PauseCollection = nil },
	"to end": func(t *rapid.T, l *life) {
		l.sub.CancelAt = sec(float64(30*l.month + rapid.IntRange(-20, 40).Draw(t, "end")))
	},
	"not to end": func(_ *rapid.T, l *life) { l.sub.CancelAt = 0 },
	"gave up":    func(_ *rapid.T, l *life) { l.sub.Status = stripe.SubscriptionStatusUnpaid },
	"ended": func(t *rapid.T, l *life) {
		l.sub.Status, l.sub.EndedAt = canceled, sec(float64(30*l.month-rapid.IntRange(0, 29).Draw(t, "ended")))
	},
	"and revived": func(_ *rapid.T, l *life) { l.sub.Status, l.sub.EndedAt = active, 0 },
}

func (l *life) next(t *rapid.T) {
	keys := sortedKeys(happens)
	happens[rapid.SampledFrom(append(keys, "renewed", "renewed")).Draw(t, "happens")](t, l)
}

func anyPolicy(t *rapid.T) models.Policy {
	either := func(label string, a, b models.Choice) models.Choice {
		return rapid.SampledFrom([]models.Choice{a, b}).Draw(t, label)
	}
	return models.Policy{
		RenewalSlackDays: rapid.IntRange(0, 14).Draw(t, "slack"), RenewalProcessingDays: rapid.IntRange(14, 40).Draw(t, "processing"),
		LongestGraceDays: rapid.IntRange(0, 60).Draw(t, "longest"), FirstProcessing: either("first", models.Nothing, models.Access),
		CanceledAtOnce: either("canceled", models.End, models.Keep), Refund: either("refund", models.Revoke, models.Keep),
		Dispute: either("dispute", models.Suspend, models.Keep), DisputeLost: either("dispute lost", models.Revoke, models.Keep),
	}
}

var rulesOfTest = rules{
	prices: priceBook{"price_a": {ID: "price_a", PlanID: "member"}, "price_b": {ID: "price_b", PlanID: "patron"}},
	plans:  map[string]models.Plan{"member": {ID: "member", GraceDays: 7}, "patron": {ID: "patron", GraceDays: 14}},
}

func (l *life) row() models.Subscription {
	customer := "cus_1"
	return snapshot(l.state, l.sub, account{customer: &customer}, rulesOfTest.prices)
}

// Whatever happens to a subscription, and whatever is chosen, the policy gives on each
// day what an oracle says that goes through Stripe's objects day by day.
func TestThePolicyIsItsOracle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for range 20 { // a life takes microseconds
			l, r := newLife(), rulesOfTest
			r.policy.Policy = anyPolicy(t)
			for range rapid.IntRange(1, 12).Draw(t, "length") {
				l.next(t)
				l.hold(t, r)
			}
		}
	})
}

// hold checks every day, at its noon.
func (l *life) hold(t *rapid.T, r rules) {
	row := l.row()
	all, err := r.given(row, uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, price := range []string{"price_a", "price_b"} {
		grace := r.plans[r.prices[price].PlanID].GraceDays
		for day := -5; day < 30*l.month+70; day++ {
			got := slices.ContainsFunc(all, func(g given) bool {
				live, _ := liveAt(models.Grant{Terms: g.terms}, dayAt(float64(day)+0.5))
				return g.key.Part == price && live
			})
			if want := l.mayRead(price, day, grace, r.policy.Policy); got != want {
				t.Fatalf("%s on day %d: %t, the oracle says %t\n%+v", price, day, got, want, row)
			}
		}
	}
}

// A sync may come after any of the things that happen, or after none but the last, and
// come twice: members may read the same in the end.
func TestSyncsInBetweenChangeNothingInTheEnd(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	now := dayAt(0)
	s := &Service{db: db, clock: func() time.Time { return now }}
	plan := []string{
		`INSERT INTO plans (id, name, description, rank, grace_days, created_at, updated_at) VALUES ('member', 'Member', '', 1, 7, now(), now()), ('patron', 'Patron', '', 2, 14, now(), now())`,
		`INSERT INTO features (id, description, created_at) VALUES ('a:member', '', now()), ('a:patron', '', now())`,
		`INSERT INTO plan_features VALUES ('member', 'a:member'), ('patron', 'a:patron')`,
	}
	for _, statement := range plan {
		if err := db.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := rulesOfTest
		r.policy.Policy = anyPolicy(t)
		rows := []models.Subscription{}
		l := newLife()
		for range rapid.IntRange(1, 8).Draw(t, "length") {
			l.next(t)
			rows = append(rows, l.row())
		}
		now = dayAt(float64(30*l.month - 1))
		last := rows[len(rows)-1]
		once := s.synced(t, r, last)
		often := s.synced(t, r, append(rapid.SliceOf(rapid.SampledFrom(rows)).Draw(t, "syncs"), last, last)...)
		for at := now; at.Before(now.Add(days(120))); at = at.Add(days(1)) {
			if diff := cmp.Diff(Derive(once, at).Features, Derive(often, at).Features); diff != "" {
				t.Fatalf("at %s: (-once +often)\n%s", at, diff)
			}
		}
	})
}

// synced are a new member's grants after syncs that saw these states.
func (s *Service) synced(t *rapid.T, r rules, rows ...models.Subscription) []models.Grant {
	t.Helper()
	member, email := models.NewID(), uuid.NewString()+"@example.org"
	m := models.Member{ID: member, Email: &email, Locale: "en", CreatedAt: s.clock(), UpdatedAt: s.clock()}
	if err := s.db.Create(&m).Error; err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		row.ID = "sub_" + member.String()
		if err := s.db.Write(t.Context(), func(tx *gorm.DB) error { return s.writeGrants(tx, row, member, r, "sync") }); err != nil {
			t.Fatal(err)
		}
	}
	var grants []models.Grant
	if err := s.db.Where("member_id = ?", member).Find(&grants).Error; err != nil {
		t.Fatal(err)
	}
	return grants
}
