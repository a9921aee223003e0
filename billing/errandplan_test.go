package billing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
)

// waits is the one errand that waits for staff.
func (n *newsroom) waits() models.Errand {
	n.t.Helper()
	waiting, err := n.Errands(n.t.Context(), models.ErrandWaiting, 10)
	if err != nil || len(waiting) != 1 {
		n.t.Fatalf("%+v, %v", waiting, err)
	}
	return waiting[0]
}

// planned is what approving an errand would do, in words.
func (n *newsroom) planned(e models.Errand) []string {
	n.t.Helper()
	plan, err := n.PlanErrand(n.t.Context(), e.ID.String())
	if err != nil {
		n.t.Fatal(err)
	}
	return n.worded(plan.Effects, e.Target, "TARGET")
}

// worded are sentences as staff read them, with ids by their names.
func (n *newsroom) worded(all []billing.Sentence, names ...string) []string {
	n.t.Helper()
	catalogue, err := locale.New()
	if err != nil {
		n.t.Fatal(err)
	}
	var words []string
	for _, each := range all {
		words = append(words, strings.NewReplacer(names...).Replace(catalogue.For("en").Text(each.ID, each.Data)))
	}
	return words
}

// givesBack is what an errand gives back by the books as they are.
func (n *newsroom) givesBack(e models.Errand) []string {
	n.t.Helper()
	all, err := n.GivesBack(n.t.Context(), e)
	if err != nil {
		n.t.Fatal(err)
	}
	return n.worded(all)
}

// What approving gives back is told before, and is then what is given back: what a part
// was refunded of before, what the books do not know yet, and nothing of the first
// membership.
func TestAnApprovalSaysWhatItGivesBack(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.clock.advance(time.Minute)
	n.stripe.Pay(t, n.twin(reader, nil), simtest.Pays)
	n.settle()
	second := n.waits()
	ends := "The subscription TARGET is cancelled at once, and nothing more is charged."
	if diff := cmp.Diff([]string{ends, "One payment is given back: €8."}, n.planned(second)); diff != "" {
		t.Error(diff)
	}
	n.pass(31 * day) // both renew
	var its models.Payment
	if err := n.db.Where("subscription_id = ?", second.Target).Order("created_at").Take(&its).Error; err != nil {
		t.Fatal(err)
	}
	n.stripe.Sim.StopDelivering()
	n.refundAtStripe(its, 300)
	if diff := cmp.Diff([]string{ends, "2 payments are given back: €13 in all."}, n.planned(second)); diff != "" {
		t.Error(diff)
	}
	if amount, refunds := n.givenBack(); amount != 300 || refunds != 1 {
		t.Fatalf("planning gave back: %d in %d refunds", amount, refunds)
	}
	if _, err := n.DecideErrand(t.Context(), second.ID.String(), true, by("she asked")); err != nil {
		t.Fatal(err)
	}
	n.heal()
	if amount, refunds := n.givenBack(); amount != 1600 || refunds != 3 {
		t.Errorf("given back: %d in %d refunds", amount, refunds)
	}
	if _, err := n.PlanErrand(t.Context(), second.ID.String()); code(err) != "errand_decided" {
		t.Errorf("decided: %v", err)
	}
	if _, err := n.PlanErrand(t.Context(), "nonsense"); code(err) != "errand_unknown" {
		t.Errorf("unknown: %v", err)
	}
}

// A debit that is with the bank is told of by itself: it goes back when it has come.
func TestAnApprovalSaysWhatItWillGiveBack(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.clock.advance(time.Minute)
	n.stripe.Pay(t, n.twin(reader, nil), simtest.Pays)
	n.settle()
	second := n.waits()
	for books, want := range map[string]string{
		`status = 'pending', paid_at = NULL, refunded = 0, disputed = 0`:              "A debit of €8 is still with the bank. It is given back when it has arrived.",
		`status = 'succeeded', paid_at = created_at, refunded = 0, disputed = amount`: "No payment is given back.",
		`status = 'succeeded', paid_at = created_at, refunded = amount, disputed = 0`: "No payment is given back.",
		`status = 'failed', paid_at = NULL, refunded = 0, disputed = 0`:               "No payment is given back.",
	} {
		n.sql(`UPDATE payments SET `+books+` WHERE subscription_id = ?`, second.Target)
		if diff := cmp.Diff([]string{want}, n.givesBack(second)); diff != "" {
			t.Errorf("%s: %s", books, diff)
		}
	}
}

// Amounts of different currencies are never added up.
func TestAnApprovalAddsUpByCurrency(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.clock.advance(time.Minute)
	n.stripe.Pay(t, n.twin(reader, nil), simtest.Pays)
	n.settle()
	second := n.waits()
	n.pass(31 * day)
	n.sql(`UPDATE payments SET currency = 'usd' WHERE id = (SELECT id FROM payments WHERE subscription_id = ? ORDER BY created_at LIMIT 1)`, second.Target)
	if diff := cmp.Diff([]string{"One payment is given back: €8.", "One payment is given back: $8."}, n.givesBack(second)); diff != "" {
		t.Error(diff)
	}
}

// What had ended or is the only one left by now is not planned, as it is not approved.
func TestAnOutdatedErrandIsNotPlanned(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	first := n.join(reader, simtest.Pays)
	n.clock.advance(time.Minute)
	n.stripe.Pay(t, n.twin(reader, nil), simtest.Pays)
	n.settle()
	second := n.waits()
	n.stripe.Sim.StopDelivering()
	if _, err := n.api.Subscriptions.Cancel(first.ID, &stripe.SubscriptionCancelParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.PlanErrand(t.Context(), second.ID.String()); code(err) != "errand_outdated" { // by books that it has brought up to date
		t.Errorf("%v", err)
	}
}
