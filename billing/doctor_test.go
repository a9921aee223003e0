package billing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// examine returns the doctor's sentences, with the ids of this run by their names.
func (n *newsroom) examine(repair bool, names ...string) []string {
	n.t.Helper()
	var words []string
	_, err := n.Examine(n.t.Context(), billing.Examination{
		Repair: repair, Actor: "test",
		Found:  func(d billing.Difference) error { words = append(words, d.Words); return nil },
		Looked: func(string, int) {},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	named := strings.NewReplacer(names...)
	words = slices.DeleteFunc(words, func(w string) bool {
		return strings.Contains(w, "webhook endpoint at") || strings.Contains(w, "clock")
	}) // the test's endpoint and clock are not the world's
	for i := range words {
		words[i] = named.Replace(words[i])
	}
	return words
}

// patient is a newsroom with one of everything, and the names of its ids.
func patient(t *testing.T) (*newsroom, []string) {
	t.Helper()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), simtest.Pays)
	n.settle()
	n.pass(day)
	ledger := n.ledger()
	names := []string{reader.String(), "MEMBER", sub.ID, "sub_1", sub.CustomerID, "cus_1",
		ledger[0].PaymentIntentID, "pi_1", ledger[1].PaymentIntentID, "pi_2", sub.PriceID, "price_1", *sub.LatestInvoiceID, "in_1"}
	for i, row := range ledger {
		names = append(names, *row.ChargeID, fmt.Sprintf("ch_%d", i+1))
	}
	for _, event := range n.stripe.Sim.Events() {
		if event.Type == "customer.subscription.created" {
			names = append(names, event.ID, "evt_1")
		}
	}
	return n, names
}

// refundAtStripe gives part of a payment back there, and disputeAtStripe has its payer
// dispute it; both tell the new id.
func (n *newsroom) refundAtStripe(p models.Payment, amount int64) string {
	n.t.Helper()
	made, err := n.api.Refunds.New(&stripe.RefundParams{PaymentIntent: &p.PaymentIntentID, Amount: &amount})
	if err != nil {
		n.t.Fatal(err)
	}
	return made.ID
}

func (n *newsroom) disputeAtStripe(p models.Payment) string {
	n.t.Helper()
	id, err := n.stripe.Sim.Dispute(p.PaymentIntentID, "")
	if err != nil {
		n.t.Fatal(err)
	}
	return id
}

// returns are the names of the refund and the dispute in our books.
func (n *newsroom) returns() []string {
	n.t.Helper()
	var refunds, disputes, names []string
	if err := errors.Join(n.db.Model(&models.Refund{}).Pluck("id", &refunds).Error, n.db.Model(&models.Dispute{}).Pluck("id", &disputes).Error); err != nil {
		n.t.Fatal(err)
	}
	for name, ids := range map[string][]string{"re_1": refunds, "dp_1": disputes} {
		for _, id := range ids {
			names = append(names, id, name)
		}
	}
	return names
}

// forgetful is billing with a Stripe that has lost its subscriptions.
func (n *newsroom) forgetful() *billing.Service {
	n.t.Helper()
	return n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		switch {
		case r.URL.Path == "/v1/subscriptions":
			_ = json.NewEncoder(w).Encode(object{"object": "list", "data": []any{}, "has_more": false, "url": r.URL.Path})
		case strings.HasPrefix(r.URL.Path, "/v1/subscriptions/"):
			refuse(w, http.StatusNotFound, "resource_missing", "No such subscription")
		default:
			stripe.ServeHTTP(w, r)
		}
	})
}

func (n *newsroom) sql(statement string, args ...any) {
	n.t.Helper()
	if err := n.db.Exec(statement, args...).Error; err != nil {
		n.t.Fatal(err)
	}
}

type illness struct {
	deed func(n *newsroom, gift models.Payment) // what came to pass at Stripe, and was synced
	lost bool                                   // Stripe has lost its subscriptions
	harm []string                               // what became of our books
	want []string
}

// illnesses are ways in which books may be wrong, and what the doctor says of each.
var illnesses = map[string]illness{
	"a lost cancellation": {
		harm: []string{`UPDATE subscriptions SET status = 'past_due', failed_at = created_at`},
		want: []string{
			"Subscription sub_1 (member MEMBER): Stripe says active; our books say past_due, and the reader reads until 25 December 2026.",
			"Subscription sub_1 (member MEMBER): by the policy it gives access from 22 November 2026 12:00 UTC to 22 December 2026 12:00 UTC, and until 29 December 2026 12:00 UTC by grace (the renewal's charge failed); the grant gives access from 22 November 2026 12:00 UTC to 22 December 2026 12:00 UTC, and until 25 December 2026 12:00 UTC by grace (a renewal is due).",
		},
	},
	"a membership that is not there": {
		harm: []string{`DELETE FROM refunds`, `DELETE FROM payments WHERE subscription_id IS NOT NULL`, `DELETE FROM grant_events`, `DELETE FROM grants`, `DELETE FROM subscriptions`},
		want: []string{
			"Subscription sub_1 (member MEMBER): Stripe says active since 22 November 2026; our books do not have it.",
			"Payment pi_1 (member MEMBER): Stripe says succeeded of 8.00 EUR on 22 November 2026; our ledger does not have it.",
			"On 2026-11-22 (UTC) Stripe took 13.00 EUR in 2 payments, of which 0.00 EUR refunded; our ledger says 5.00 EUR in one payment, of which 0.00 EUR refunded.",
		},
	},
	"everything but the status": {
		harm: []string{`UPDATE subscriptions SET current_period_end = current_period_end + interval '1 day', cancel_at_period_end = true, canceled_at = created_at,
			trial_end = created_at, pause_collection = 'void', latest_invoice_status = 'open'`},
		want: []string{
			"Subscription sub_1 (member MEMBER): Stripe says its period ends 22 December 2026 12:00 UTC and it has no trial and it collects money and it goes on and its latest invoice in_1 is paid; our books say its period ends 23 December 2026 12:00 UTC and its trial ends 22 November 2026 12:00 UTC and its collection is paused (void) and it is to end with its period (asked for 22 November 2026 12:00 UTC) and its latest invoice in_1 is open.",
			"Subscription sub_1 (member MEMBER): by the policy it gives access from 22 November 2026 12:00 UTC to 22 December 2026 12:00 UTC; the grant gives access from 22 November 2026 12:00 UTC to 22 December 2026 12:00 UTC, and until 25 December 2026 12:00 UTC by grace (a renewal is due).",
		},
	},
	"a payment of another amount": {
		harm: []string{`UPDATE payments SET amount = 900, fee = 1 WHERE subscription_id IS NOT NULL`},
		want: []string{
			"Payment pi_1 (member MEMBER): Stripe says it was of 8.00 EUR and its fee was 0.37 EUR; our books say it was of 9.00 EUR and its fee was 0.01 EUR.",
			"On 2026-11-22 (UTC) Stripe took 13.00 EUR in 2 payments, of which 0.00 EUR refunded; our ledger says 14.00 EUR in 2 payments, of which 0.00 EUR refunded.",
		},
	},
	"a gift that is not there": {
		harm: []string{`DELETE FROM payments WHERE subscription_id IS NULL`},
		want: []string{
			"Payment pi_2: Stripe says succeeded of 5.00 EUR on 22 November 2026; our ledger does not have it.",
			"On 2026-11-22 (UTC) Stripe took 13.00 EUR in 2 payments, of which 0.00 EUR refunded; our ledger says 8.00 EUR in one payment, of which 0.00 EUR refunded.",
		},
	},
	"a payment that failed": {
		harm: []string{`UPDATE payments SET status = 'failed', paid_at = NULL WHERE subscription_id IS NULL`},
		want: []string{
			"Payment pi_2: Stripe says it succeeded; our books say it failed.",
			"On 2026-11-22 (UTC) Stripe took 13.00 EUR in 2 payments, of which 0.00 EUR refunded; our ledger says 8.00 EUR in one payment, of which 0.00 EUR refunded.",
		},
	},
	"a grant that gives too much": {
		harm: []string{`UPDATE grants SET valid_until = valid_until + interval '1 year', grace_until = NULL, grace_reason = ''`},
		want: []string{
			"Subscription sub_1 (member MEMBER): by the policy it gives access from 22 November 2026 12:00 UTC to 22 December 2026 12:00 UTC, and until 25 December 2026 12:00 UTC by grace (a renewal is due); the grant gives access from 22 November 2026 12:00 UTC to 22 December 2027 12:00 UTC.",
		},
	},
	"no grant": {
		harm: []string{`DELETE FROM grant_events`, `DELETE FROM grants`},
		want: []string{
			"Subscription sub_1 (member MEMBER): by the policy it gives access from 22 November 2026 12:00 UTC to 22 December 2026 12:00 UTC, and until 25 December 2026 12:00 UTC by grace (a renewal is due); the grant gives nothing.",
		},
	},
	"a sync that was given up": {
		harm: []string{`UPDATE sync_subjects SET dirty = dirty + 1, claimed = dirty + 1, dead_at = '2026-11-23 11:00Z', attempts = 31, last_error = 'stripe: api_error  (HTTP 500, request req_1)' WHERE id LIKE 'cus_%'`},
		want: []string{
			`The sync of cus_1 has waited; it failed 31 times, at last with "stripe: api_error  (HTTP 500, request req_1)"; it was given up on 23 November 2026 11:00 UTC.`,
		},
	},
	"a sync that nobody does": {
		harm: []string{`UPDATE sync_subjects SET dirty = dirty + 1, next_at = '2026-11-23 11:00Z' WHERE id LIKE 'cus_%'`, `UPDATE stripe_events SET dirty = 99 WHERE id = (SELECT min(id) FROM stripe_events WHERE subject_id LIKE 'cus_%')`},
		want: []string{`The sync of cus_1 has waited since 22 November 2026 12:00 UTC (events: 1).`},
	},
	"a refund that is not there": {
		deed: func(n *newsroom, p models.Payment) { n.refundAtStripe(p, 500) },
		harm: []string{`DELETE FROM refunds`, `UPDATE payments SET refunded = 0`},
		want: []string{
			"Payment pi_2: Stripe says 5.00 EUR of 5.00 EUR are refunded; our books say nothing is refunded.",
			"The refund re_1 of payment pi_2: Stripe says succeeded of 5.00 EUR; our books say there is none.",
			"On 2026-11-22 (UTC) Stripe took 13.00 EUR in 2 payments, of which 5.00 EUR refunded; our ledger says 13.00 EUR in 2 payments, of which 0.00 EUR refunded.",
		},
	},
	"a refund of another amount and status": {
		deed: func(n *newsroom, p models.Payment) { n.refundAtStripe(p, 200) },
		harm: []string{`UPDATE refunds SET status = 'pending', amount = 300`},
		want: []string{"The refund re_1 of payment pi_2: Stripe says succeeded of 2.00 EUR; our books say pending of 3.00 EUR."},
	},
	"a refund that failed": {
		deed: func(n *newsroom, p models.Payment) {
			if err := n.stripe.Sim.TurnRefund(n.refundAtStripe(p, 500), "failed"); err != nil {
				n.t.Fatal(err)
			}
		},
		harm: []string{`UPDATE refunds SET status = 'succeeded'`, `UPDATE payments SET refunded = 500 WHERE subscription_id IS NULL`},
		want: []string{
			"Payment pi_2: Stripe says nothing is refunded; our books say 5.00 EUR of 5.00 EUR are refunded.",
			"The refund re_1 of payment pi_2: Stripe says failed of 5.00 EUR; our books say succeeded of 5.00 EUR.",
			"On 2026-11-22 (UTC) Stripe took 13.00 EUR in 2 payments, of which 0.00 EUR refunded; our ledger says 13.00 EUR in 2 payments, of which 5.00 EUR refunded.",
		},
	},
	"a dispute that is not there": {
		deed: func(n *newsroom, p models.Payment) { n.disputeAtStripe(p) },
		harm: []string{`DELETE FROM disputes`, `UPDATE payments SET disputed = 0`},
		want: []string{"The dispute dp_1 of payment pi_2: Stripe says needs_response of 5.00 EUR and the bank holds 5.00 EUR; our books say there is none and the bank holds nothing."},
	},
	"a dispute of another amount": {
		deed: func(n *newsroom, p models.Payment) { n.disputeAtStripe(p) },
		harm: []string{`UPDATE disputes SET amount = 400`, `UPDATE payments SET disputed = 400 WHERE disputed > 0`},
		want: []string{"The dispute dp_1 of payment pi_2: Stripe says needs_response of 5.00 EUR and the bank holds 5.00 EUR; our books say needs_response of 4.00 EUR and the bank holds 4.00 EUR."},
	},
	"a dispute that was won": {
		deed: func(n *newsroom, p models.Payment) {
			if err := n.stripe.Sim.ResolveDispute(n.disputeAtStripe(p), "won"); err != nil {
				n.t.Fatal(err)
			}
		},
		harm: []string{`UPDATE disputes SET status = 'under_review'`, `UPDATE payments SET disputed = 500 WHERE subscription_id IS NULL`},
		want: []string{"The dispute dp_1 of payment pi_2: Stripe says won of 5.00 EUR and the bank holds nothing; our books say under_review of 5.00 EUR and the bank holds 5.00 EUR."},
	},
	"rows of the other mode are not looked at": {
		harm: []string{
			`INSERT INTO customers (id, account, livemode, deleted, created_at) VALUES ('cus_live', '', true, false, now())`,
			`INSERT INTO subscriptions (id, account, livemode, customer_id, kind, price_id, status, current_period_start, current_period_end, cancel_at_period_end, created_at, synced_at)
				SELECT 'sub_live', '', true, 'cus_live', 'membership', price_id, 'active', created_at, current_period_end, false, created_at - interval '9 days', created_at - interval '9 days' FROM subscriptions`,
			`INSERT INTO sync_subjects (id, account, livemode, kind, dirty, next_at) VALUES ('cus_live', '', true, 'customer', 1, '2026-01-01Z')`,
		},
		want: []string{},
	},
	"test data that Stripe deleted": {
		lost: true,
		harm: []string{`UPDATE subscriptions SET seen_at = created_at - interval '2 days', synced_at = created_at - interval '2 days', facts_at = created_at - interval '2 days'`},
		want: []string{"Subscription sub_1 (member MEMBER): Stripe knows no such subscription; our books say active, and the reader reads until 25 December 2026."},
	},
	"events that never came": {
		harm: []string{`DELETE FROM stripe_events WHERE type = 'customer.subscription.created'`},
		want: []string{"Event evt_1 (customer.subscription.created): Stripe made it on 22 November 2026 12:00 UTC; it never reached us."},
	},
}

func TestTheDoctorNamesAndHeals(t *testing.T) {
	t.Parallel()
	for name, c := range illnesses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, names := patient(t)
			if c.deed != nil {
				c.deed(n, n.ledger()[1])
				n.pass(time.Minute)
				names = append(names, n.returns()...)
			}
			if words := n.examine(false); len(words) > 0 {
				t.Fatalf("before: %q", words)
			}
			for _, statement := range c.harm {
				n.sql(statement)
			}
			if c.lost {
				n.Service = n.forgetful()
			}
			for _, repair := range []bool{false, true} {
				if diff := cmp.Diff(c.want, n.examine(repair, names...)); diff != "" {
					t.Errorf("repair %t: %s", repair, diff)
				}
			}
			if _, _, err := n.SyncDue(t.Context(), func(int64) {}); err != nil {
				t.Fatal(err)
			}
			if words := n.examine(false, names...); len(words) > 0 {
				t.Errorf("after the repair: %q", words)
			}
		})
	}
}
