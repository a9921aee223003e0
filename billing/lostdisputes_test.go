package billing_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// imported is a reader with a subscription that Stripe had before this service came, and
// whose first payment is disputed; then verdict, where one is given.
func (n *newsroom) imported(verdict string) (reader uuid.UUID, dispute string) {
	n.t.Helper()
	reader = n.member("reader@example.org")
	n.stripe.Sim.StopDelivering()
	n.stripe.Pay(n.t, n.twin(reader, nil), simtest.Pays)
	dispute, err := n.stripe.Sim.Dispute(n.stripe.Sim.Payments()[0].Intent, "")
	if err != nil {
		n.t.Fatal(err)
	}
	n.pass(day)
	if verdict != "" {
		n.decide(dispute, verdict)
		n.pass(40 * day) // renewed meanwhile
	}
	mark(n, n.stripe.Sim.Subscriptions()[0].Customer)
	n.settle()
	return reader, dispute
}

func (n *newsroom) decide(dispute, verdict string) {
	n.t.Helper()
	if err := n.stripe.Sim.ResolveDispute(dispute, verdict); err != nil {
		n.t.Fatal(err)
	}
}

// ends says whether the reader's subscription is owed its end.
func (n *newsroom) ends(want bool) {
	n.t.Helper()
	owed, err := n.Errands(n.t.Context(), models.ErrandOwed, 10)
	if err != nil || (len(owed) == 1 && owed[0].Cause == models.CauseDisputeLost) != want || len(owed) > 1 {
		n.t.Errorf("want an end %t: %+v, %v", want, owed, err)
	}
}

// What was lost before this service came cancels nothing, however often it is synced,
// and leaves the reader what they have paid for since. What is lost afterwards does.
func TestAnImportCancelsNothingThatWasLostBefore(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader, _ := n.imported("lost")
	customer := n.subscription(reader).CustomerID
	n.ends(false)
	n.reads(reader, true)
	n.pass(31 * day)
	mark(n, customer)
	n.settle()
	n.ends(false)
	again, err := n.stripe.Sim.Dispute(n.ledger()[2].PaymentIntentID, "")
	if err != nil {
		t.Fatal(err)
	}
	n.decide(again, "lost") // no sync saw it open
	n.pass(day)
	mark(n, customer)
	n.settle()
	n.ends(true)
	n.heal()
	if sub, err := n.api.Subscriptions.Get(n.subscription(reader).ID, nil); err != nil || sub.Status != stripe.SubscriptionStatusCanceled {
		t.Errorf("%v, %v", sub, err)
	}
}

// A dispute that was open when the account was imported, and is lost afterwards, is lost
// in our time.
func TestADisputeThatWasOpenAtTheImportCancels(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader, dispute := n.imported("")
	n.ends(false)
	n.decide(dispute, "lost")
	mark(n, n.subscription(reader).CustomerID)
	n.settle()
	n.ends(true)
}

// What was sold here is ours from the first day, also where the first sync after the sale
// comes when all is lost.
func TestWhatWasSoldHereIsCancelledHoweverLateWeLearnOfIt(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	page, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.Sim.StopDelivering()
	n.stripe.Pay(t, page, simtest.Pays)
	dispute, err := n.stripe.Sim.Dispute(n.stripe.Sim.Payments()[0].Intent, "")
	if err != nil {
		t.Fatal(err)
	}
	n.decide(dispute, "lost")
	n.pass(20 * day)
	mark(n, n.stripe.Sim.Subscriptions()[0].Customer)
	n.settle()
	n.ends(true)
}
