package billing_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// A reader who cancels the first of two memberships before the second is ended keeps
// the second: nobody ends it unasked, or by a decision that was right yesterday, and
// nothing of it is refunded.
func TestTheOnlyMembershipIsNotEnded(t *testing.T) {
	t.Parallel()
	for name, metadata := range map[string]bool{"owed": true, "waiting": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader := n.member("reader@example.org")
			first := n.join(reader, simtest.Pays)
			bought := n.intent()
			if !metadata {
				bought = nil
			}
			n.clock.advance(time.Minute) // or either may be the first
			n.stripe.Pay(t, n.twin(reader, bought), simtest.Pays)
			n.settle()
			if _, err := n.api.Subscriptions.Update(first.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)}); err != nil {
				t.Fatal(err)
			}
			n.heal()
			waiting, err := n.Errands(t.Context(), models.ErrandWaiting, 10)
			if err != nil || len(waiting) == 0 {
				t.Fatalf("staff are not asked: %+v, %v", waiting, err)
			}
			for _, e := range waiting {
				if e.Target == first.ID {
					continue // that one may be ended
				}
				_, err := n.DecideErrand(t.Context(), e.ID.String(), true, by("the list said so"))
				if code(err) != "errand_outdated" {
					t.Errorf("approved: %v", err)
				}
			}
			n.heal()
			n.pass(40 * day)
			n.reads(reader, true)
			if amount, refunds := n.givenBack(); refunds != 0 {
				t.Errorf("%d were given back", amount)
			}
		})
	}
}

// Of several memberships the one that goes on is kept, and not one that its reader
// has cancelled, or whose collection was paused, before they bought the other.
func TestTheMembershipThatGoesOnIsKept(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]*stripe.SubscriptionParams{
		"cancelled": {CancelAtPeriodEnd: stripe.Bool(true)},
		"paused":    {PauseCollection: &stripe.SubscriptionPauseCollectionParams{Behavior: stripe.String("void")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader := n.member("reader@example.org")
			first := n.join(reader, simtest.Pays)
			bought := n.intent()
			if _, err := n.api.Subscriptions.Update(first.ID, change); err != nil {
				t.Fatal(err)
			}
			n.settle()
			n.clock.advance(time.Minute)
			n.stripe.Pay(t, n.twin(reader, bought), simtest.Pays)
			n.heal()
			waiting, err := n.Errands(t.Context(), models.ErrandWaiting, 10)
			if err != nil || len(waiting) != 1 || waiting[0].Target != first.ID || n.healings() != 0 {
				t.Errorf("%+v, %d healed, %v", waiting, n.healings(), err)
			}
		})
	}
}

// Money goes back only for what has ended: Stripe may refuse to end it.
func TestNothingIsRefundedBeforeTheCancellation(t *testing.T) {
	t.Parallel()
	n, reader := boughtTwice(t)
	direct := n.Service
	n.Service = n.through(func(w http.ResponseWriter, r *http.Request, to http.Handler) {
		if r.Method == http.MethodDelete {
			refuse(w, http.StatusBadRequest, "", "It cannot be cancelled.")
			return
		}
		to.ServeHTTP(w, r)
	})
	for range 30 {
		n.heal()
		n.real.advance(time.Hour)
	}
	if _, refunds := n.givenBack(); refunds != 0 {
		t.Errorf("%d refunds of a membership that goes on", refunds)
	}
	refused, err := n.Errands(t.Context(), models.ErrandRefused, 10)
	if err != nil || len(refused) != 1 {
		t.Fatalf("%+v, %v", refused, err)
	}
	n.Service = direct
	if _, err := n.DecideErrand(t.Context(), refused[0].ID.String(), true, by("Stripe can again")); err != nil {
		t.Fatal(err)
	}
	n.heal()
	n.oneLeft(reader, 2)
}

// No room at Stripe is no failure of an errand: it keeps its tries and its turn.
func TestAnErrandWaitsForRoom(t *testing.T) {
	t.Parallel()
	n, _ := boughtTwice(t)
	full := n.proxy(func(w http.ResponseWriter, r *http.Request, to http.Handler) {
		w.Header().Set("Retry-After", "30")
		refuse(w, http.StatusTooManyRequests, "rate_limit", "Too many requests.")
	})
	crowded := n.served(billing.Stripe(simtest.Key, full), billing.Config{Lease: 300 * time.Millisecond}, discard)
	for _, wants := range []string{"to be cancelled", "to be refunded"} {
		if worked, err := crowded.Errand(billing.AsWorker(context.WithoutCancel(t.Context()))); err != nil || !worked {
			t.Fatal(wants, worked, err)
		}
		owed, err := n.Errands(t.Context(), models.ErrandOwed, 10)
		if err != nil || len(owed) != 1 || owed[0].Attempts != 0 || owed[0].LastError != "" {
			t.Errorf("%s: %+v, %v", wants, owed, err)
		}
		if worked, err := n.Errand(t.Context()); err != nil || !worked {
			t.Fatal(wants, worked, err)
		}
		n.settle()
	}
}

// A refund that the bank sends back has given nothing back: its reader is not told that
// it has, and staff are.
func TestARefundThatFailsIsForStaff(t *testing.T) {
	t.Parallel()
	n, _ := boughtTwice(t)
	n.errand()
	n.settle()
	n.Service = n.refundsFail()
	for range 30 {
		n.heal()
		n.real.advance(time.Hour)
	}
	refused, err := n.Errands(t.Context(), models.ErrandRefused, 10)
	if err != nil || len(refused) != 1 || refused[0].Kind != models.RefundPayment || n.healings() != 1 {
		t.Errorf("%+v, %d healed, %v", refused, n.healings(), err)
	}
}

// refundsFail is billing whose bank takes no refund.
func (n *newsroom) refundsFail() *billing.Service {
	return n.through(func(w http.ResponseWriter, r *http.Request, to http.Handler) {
		if r.URL.Path != "/v1/refunds" {
			to.ServeHTTP(w, r)
			return
		}
		answer := ask(n.t, r, to)
		for _, refund := range append(listedOf(answer), answer) {
			refund["status"] = "failed"
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			n.t.Error(err)
		}
	})
}

// listedOf are the objects of a list; none of what is no list.
func listedOf(answer object) []object {
	if answer["object"] != "list" {
		return nil
	}
	return listed(answer)
}
