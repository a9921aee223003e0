package billing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// givenTwin is a reader whose second membership was ended and given back, and the
// refund's errand.
func (n *newsroom) givenTwin() (reader uuid.UUID, e models.Errand) {
	n.t.Helper()
	reader = n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.clock.advance(time.Minute)
	n.stripe.Pay(n.t, n.twin(reader, n.intent()), simtest.Pays)
	n.heal()
	n.oneLeft(reader, 2)
	return reader, n.refundErrand(models.ErrandDone)
}

// refundErrand is the one errand of a refund, in that status.
func (n *newsroom) refundErrand(want models.ErrandStatus) models.Errand {
	n.t.Helper()
	var all []models.Errand
	if err := n.db.Where("kind = ?", models.RefundPayment).Find(&all).Error; err != nil {
		n.t.Fatal(err)
	}
	if len(all) != 1 || all[0].Status != want || (all[0].DoneAt != nil) != (want == models.ErrandDone) {
		n.t.Fatalf("want one %s: %+v", want, all)
	}
	return all[0]
}

// bounce has the bank send a payment's newest refund back.
func (n *newsroom) bounce(payment string) {
	n.t.Helper()
	var newest models.Refund
	err := n.db.Where("payment_id = (SELECT id FROM payments WHERE payment_intent_id = ?) AND status = 'succeeded'", payment).Take(&newest).Error
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.stripe.Sim.TurnRefund(newest.ID, "failed"); err != nil {
		n.t.Fatal(err)
	}
}

// A refund that Stripe took, and that fails days later, is staff's turn: it is listed,
// the doctor names it, and explain tells it. Once approved it is made anew, once, and
// the one that failed before reopens nothing.
func TestARefundThatFailsLaterIsReopened(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader, e := n.givenTwin()
	n.pass(5 * day)
	for round := range 2 {
		n.bounce(e.Target)
		n.pass(3 * time.Minute)
		n.pass(day)
		if got := n.refundErrand(models.ErrandRefused); got.LastError != "the refund failed at the bank: the money is still here" {
			t.Errorf("%+v", got)
		}
		named := strings.NewReplacer(e.ID.String(), "ERRAND", reader.String(), "MEMBER", e.Target, "pi_1")
		found, _ := n.finds(n.sound())
		if diff := cmp.Diff(map[string]string{"errand.refused": "Errand ERRAND (member MEMBER): to refund payment pi_1 (a second membership) failed at the bank, and the money is still here: give it back another way and dismiss it, or approve it to try once more: membership errands approve or dismiss ERRAND."},
			map[string]string{"errand.refused": named.Replace(found["errand.refused"])}); diff != "" {
			t.Error(diff)
		}
		words := n.worded(n.explain(reader, time.Time{}).Open, e.Target, "pi_1")
		if diff := cmp.Diff([]string{"The refund of payment pi_1 failed at the bank, and the money is still here. See: membership errands list"}, words); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"One payment is given back: €8."}, n.planned(e)); diff != "" {
			t.Error(diff)
		}
		if _, err := n.DecideErrand(t.Context(), e.ID.String(), true, by("their new card")); err != nil {
			t.Fatal(err)
		}
		n.heal()
		n.pass(5 * day)
		n.refundErrand(models.ErrandDone)
		if _, refunds := n.givenBack(); refunds != round+2 || len(n.audited("errand.reopened")) != round+1 {
			t.Errorf("%d refunds, %d reopened", refunds, len(n.audited("errand.reopened")))
		}
		if open := n.explain(reader, time.Time{}).Open; len(open) != 0 {
			t.Errorf("%+v", open)
		}
	}
}

// What staff dismissed stays dismissed, and what somebody refunded by hand is no errand.
func TestADismissedRefundIsNotReopened(t *testing.T) {
	t.Parallel()
	n := open(t)
	_, e := n.givenTwin()
	n.bounce(e.Target)
	n.settle()
	if _, err := n.DecideErrand(t.Context(), e.ID.String(), false, by("by bank transfer")); err != nil {
		t.Fatal(err)
	}
	n.pass(5 * day)
	n.heal()
	n.refundErrand(models.ErrandDismissed)
	if _, refunds := n.givenBack(); refunds != 1 {
		t.Errorf("%d refunds", refunds)
	}
}

// A sync that asked Stripe before something else came reopens nothing: what it has seen
// may be the refund before the one that was just made.
func TestAnOldLookReopensNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	_, e := n.givenTwin()
	n.stripe.Sim.StopDelivering()
	n.bounce(e.Target)
	mark(n, e.CustomerID)
	subject, err := n.Claim(t.Context(), e.CustomerID)
	if err != nil || subject == nil {
		t.Fatal(subject, err)
	}
	mark(n, e.CustomerID)
	if err := n.SyncOnce(t.Context(), *subject); err != nil {
		t.Fatal(err)
	}
	n.refundErrand(models.ErrandDone)
	n.settle()
	n.refundErrand(models.ErrandRefused)
}

// A refund that fails while Stripe answers is refused at once: another day of trying
// gives the bank no other mind.
func TestARefundThatFailsAtOnceIsNotTriedForADay(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.clock.advance(time.Minute)
	n.stripe.Pay(t, n.twin(reader, n.intent()), simtest.Pays)
	n.settle()
	n.errand()
	n.settle()
	n.Service = n.refundsFail()
	n.heal()
	if got := n.refundErrand(models.ErrandRefused); got.Attempts != 1 {
		t.Errorf("%+v", got)
	}
}
