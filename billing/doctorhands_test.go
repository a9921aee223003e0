package billing_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// finds is what the doctor finds, by kind; a kind twice has its last sentence.
func (n *newsroom) finds(by *billing.Service) (words map[string]string, findings billing.Findings) {
	n.t.Helper()
	words = map[string]string{}
	findings, err := by.Examine(n.t.Context(), billing.Examination{
		Found:  func(d billing.Difference) error { words[d.Kind] = d.Words; return nil },
		Looked: func(string, int) {},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return words, findings
}

// hooked is billing with a Stripe that has these endpoints for it, and that stamps its
// answers so far from our clock.
func (n *newsroom) hooked(off time.Duration, endpoints ...object) *billing.Service {
	for _, each := range endpoints {
		each["url"], each["object"], each["created"] = "https://members.example.news/webhooks/stripe", "webhook_endpoint", noon.Unix()
	}
	return n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.URL.Path != "/v1/webhook_endpoints" {
			stripe.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Date", n.real.now().Add(off).Format(http.TimeFormat))
		if err := json.NewEncoder(w).Encode(object{"object": "list", "url": r.URL.Path, "has_more": false, "data": endpoints}); err != nil {
			n.t.Error(err)
		}
	})
}

func TestTheDoctorLooksAtTheAccount(t *testing.T) {
	t.Parallel()
	all := billing.EventTypes
	for name, c := range map[string]struct {
		off       time.Duration
		endpoints []object
		want      map[string]string
	}{
		"as it should be": {endpoints: []object{{"id": "we_1", "status": "enabled", "api_version": "2023-10-16", "enabled_events": all}}, want: map[string]string{}},
		"every event":     {endpoints: []object{{"id": "we_1", "status": "enabled", "api_version": "2023-10-16", "enabled_events": []string{"*"}}}, want: map[string]string{}},
		"none": {endpoints: []object{}, want: map[string]string{
			"endpoint.missing": "Stripe has no webhook endpoint at https://members.example.news/webhooks/stripe: nothing is delivered, and news comes by the sweeps alone. To make one: membership stripe setup",
		}},
		"disabled, too new, and told too little": {
			endpoints: []object{{"id": "we_1", "status": "disabled", "api_version": "2024-04-10", "enabled_events": all[2:]}},
			want: map[string]string{
				"endpoint.disabled": "Webhook endpoint we_1 is disabled: Stripe delivers nothing to it. To mend it: membership stripe setup",
				"endpoint.version":  `Webhook endpoint we_1 has API version "2024-04-10"; we read "2023-10-16". To make another: membership stripe setup`,
				"endpoint.events":   "Webhook endpoint we_1 is not sent charge.dispute.closed, charge.dispute.created. To mend it: membership stripe setup",
			},
		},
		"a clock ahead": {off: -6 * time.Minute, endpoints: []object{{"id": "we_1", "status": "enabled", "api_version": "2023-10-16", "enabled_events": all}}, want: map[string]string{
			"clock.skewed": "This machine's clock is 6m0s ahead of Stripe's: deliveries are refused for their age. Set it by NTP.",
		}},
		"a clock behind": {off: 301 * time.Second, endpoints: []object{{"id": "we_1", "status": "enabled", "api_version": "2023-10-16", "enabled_events": all}}, want: map[string]string{
			"clock.skewed": "This machine's clock is 5m1s behind Stripe's: deliveries are refused for their age. Set it by NTP.",
		}},
		"a clock a little off": {off: 4 * time.Minute, endpoints: []object{{"id": "we_1", "status": "enabled", "api_version": "2023-10-16", "enabled_events": all}}, want: map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			found, _ := n.finds(n.hooked(c.off, c.endpoints...))
			if diff := cmp.Diff(c.want, found); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// sound is billing whose endpoint is as it should be.
func (n *newsroom) sound() *billing.Service {
	return n.hooked(0, object{"id": "we_1", "status": "enabled", "api_version": "2023-10-16", "enabled_events": []string{"*"}})
}

// Events from before the endpoint was made were never to be delivered.
func TestEventsOfATimeBeforeTheEndpointAreNotMissed(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.clock.advance(-time.Hour)
	n.inject(stripesim.Fault{Do: stripesim.Dropped})
	n.stripe.Pay(t, foreignPayment(n, nil), simtest.Pays)
	n.clock.advance(time.Hour)
	if found, _ := n.finds(n.sound()); len(found) != 0 {
		t.Errorf("%v", found)
	}
	n.stripe.Pay(t, foreignPayment(n, nil), simtest.Pays)
	n.pass(time.Hour)
	if found, _ := n.finds(n.sound()); found["event.missed"] == "" {
		t.Errorf("%v", found)
	}
}

func TestTheDoctorTellsOfTheOtherModesEvents(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.sql(`INSERT INTO stripe_events (id, account, livemode, type, api_version, object_type, object_id, quarantined, dirty, body_hash, created_at, received_at)
		SELECT 'evt_' || i, '', true, 'charge.succeeded', '2023-10-16', 'charge', 'ch_1', true, 0, sha256(''), at, at
		FROM (VALUES (1, CAST(@old AS timestamptz)), (2, @new), (3, @new)) AS each (i, at)`, map[string]any{"old": noon.Add(-2 * day), "new": noon.Add(-time.Hour)})
	found, _ := n.finds(n.sound())
	want := map[string]string{"event.othermode": "Stripe delivered 2 events of its live mode since 22 November 2026 11:00 UTC; this service works in test mode and put them aside. " +
		"Look whether STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRETS are of the same mode."}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

// What our books hold of test data that Stripe deleted is ended by a sync, and the
// audit log says so.
func TestDeletedTestDataIsEnded(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	n.clock.advance(day)
	for range 2 {
		n.resync(n.forgetful(), sub.CustomerID)
	}
	n.reads(reader, false)
	entries := n.audited("subscription.ended")
	if len(entries) != 1 || entries[0].Actor != "billing" || entries[0].Subject != sub.ID || *entries[0].MemberID != reader || entries[0].Reason != "Stripe does not know it any more" {
		t.Errorf("%+v", entries)
	}
	if found, _ := n.finds(n.sound()); found["grant.differs"] != "" {
		t.Errorf("%v", found)
	}
	n.resync(n.Service, sub.CustomerID)
	n.reads(reader, true)
}

// Stripe forgets nothing that was live. A key of another account ends nobody's access:
// the doctor says what to look at, and leaves it.
func TestAnotherAccountsKeyEndsNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.pass(3 * time.Minute) // the settle pass
	n.pass(2 * day)
	for _, table := range []string{"customers", "subscriptions", "payments", "grants", "sync_subjects"} {
		n.sql(`UPDATE ` + table + ` SET livemode = true`)
	}
	strange := listen(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("customer") == "" && strings.Count(r.URL.Path, "/") == 2 {
			_ = json.NewEncoder(w).Encode(object{"object": "list", "data": []any{}, "has_more": false, "url": r.URL.Path})
			return
		}
		refuse(w, http.StatusNotFound, "resource_missing", "No such object")
	})
	live := n.served(billing.Stripe(simtest.Key, strange), billing.Config{Livemode: true}, discard)
	n.sql(`UPDATE sync_subjects SET dirty = dirty + 1`)
	if _, _, err := live.SyncDue(t.Context(), func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if e, err := live.Entitlements(t.Context(), reader); err != nil || len(e.Names()) == 0 {
		t.Errorf("%+v, %v", e, err)
	}
	found, _ := n.finds(live)
	for _, kind := range []string{"subscription.extra", "payment.extra"} {
		if !strings.HasSuffix(found[kind], "Stripe forgets nothing that was live: look whether STRIPE_SECRET_KEY is of the account that it was sold in. --repair does not touch it.") {
			t.Errorf("%s: %q", kind, found[kind])
		}
	}
}

// A test payment that Stripe deleted stays in the ledger, and the doctor says why.
func TestAPaymentThatStripeDeletedStays(t *testing.T) {
	t.Parallel()
	n, names := patient(t)
	n.Service = n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		switch {
		case r.URL.Path == "/v1/charges":
			_ = json.NewEncoder(w).Encode(object{"object": "list", "data": []any{}, "has_more": false, "url": r.URL.Path})
		case strings.HasPrefix(r.URL.Path, "/v1/payment_intents/"):
			refuse(w, http.StatusNotFound, "resource_missing", "No such payment intent")
		default:
			stripe.ServeHTTP(w, r)
		}
	})
	const kept = "Stripe knows no such payment. Test data can be deleted there; money rows are kept here, and --repair does not touch them."
	want := []string{
		"On 2026-11-22 (UTC) Stripe took nothing in EUR; our ledger says 13.00 EUR in 2 payments, of which 0.00 EUR refunded.",
		"Payment pi_1 (member MEMBER): our ledger has 8.00 EUR; " + kept,
		"Payment pi_2: our ledger has 5.00 EUR; " + kept,
	}
	got := n.examine(true, names...)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(n.ledger()) != 2 {
		t.Error("money rows are gone")
	}
}

// Access that no fact explains, or of a subscription that is not in our books: no sync
// ends it, and a command does, which ends no other.
func TestAccessThatNothingExplainsIsEndedByHand(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct{ harm, want string }{
		"grant.stray": {
			harm: `UPDATE grants SET source_ref = 'sub_gone'`,
			want: "Grant GRANT (member MEMBER): it gives access from 22 November 2026 12:00 UTC to 22 December 2026 12:00 UTC, and until 25 December 2026 12:00 UTC by grace (a renewal is due) for subscription sub_gone, which our books do not have. ",
		},
		"grant.unexplained": {
			harm: `UPDATE grants SET part = 'price_of_nobody'`,
			want: "Subscription sub_1 (member MEMBER): by the policy it gives nothing of what grant GRANT gives: access from 22 November 2026 12:00 UTC to 22 December 2026 12:00 UTC, and until 25 December 2026 12:00 UTC by grace (a renewal is due). ",
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			n, names := patient(t)
			var g models.Grant
			if err := n.db.Take(&g).Error; err != nil {
				t.Fatal(err)
			}
			if _, _, err := n.EndGrant(t.Context(), g.ID, by("x")); code(err) != "grant_bought" {
				t.Errorf("what was bought is ended: %v", err)
			}
			n.sql(c.harm)
			mark(n, n.subscription(g.MemberID).CustomerID)
			n.settle()
			found, _ := n.finds(n.sound())
			want := c.want + "No sync ends it; if nobody means it: membership grants end GRANT --reason …"
			if diff := cmp.Diff(want, strings.NewReplacer(append(names, g.ID.String(), "GRANT")...).Replace(found[kind])); diff != "" {
				t.Error(diff)
			}
			if _, ended, err := n.EndGrant(t.Context(), g.ID, by("Nobody knows of it")); err != nil || !ended || len(n.audited("grant.ended")) != 1 {
				t.Errorf("ended %t, %v", ended, err)
			}
			if found, _ := n.finds(n.sound()); len(found) != 0 {
				t.Errorf("after: %v", found)
			}
		})
	}
}

// A grant that has run out gives nobody anything, whatever it is of.
func TestAStrayGrantThatRanOutIsNoMatter(t *testing.T) {
	t.Parallel()
	n, _ := patient(t)
	n.sql(`UPDATE grants SET source_ref = 'sub_gone', grace_until = NULL, grace_reason = '', valid_until = valid_from + interval '1 hour'`)
	if found, _ := n.finds(n.sound()); found["grant.stray"] != "" {
		t.Errorf("%v", found)
	}
}

// What waits for staff is told of, until they decide.
func TestTheDoctorTellsWhatWaitsForStaff(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	n.pass(3 * time.Minute)
	id := uuid.MustParse("0190a000-0000-7000-8000-000000000001")
	for status, want := range map[models.ErrandStatus]string{
		models.ErrandWaiting: "Errand ERRAND (member MEMBER): to cancel subscription sub_1 (a second membership) waits for your decision since 22 November 2026 12:00 UTC: membership errands approve or dismiss ERRAND.",
		models.ErrandRefused: `Errand ERRAND (member MEMBER): to cancel subscription sub_1 (a second membership) was refused by Stripe for a day, at last with "stripe: card_error": see to it there, then membership errands approve or dismiss ERRAND.`,
	} {
		n.sql(`INSERT INTO errands (id, livemode, kind, target, cause, status, subscription_id, customer_id, member_id, next_at, last_error, owed_at)
			VALUES (@id, false, 'cancel_subscription', @sub, 'duplicate', @status, @sub, @customer, @member, @noon, 'stripe: card_error', @noon)`,
			map[string]any{"id": id, "sub": sub.ID, "status": status, "customer": sub.CustomerID, "member": reader, "noon": noon})
		found, findings := n.finds(n.sound())
		named := strings.NewReplacer(id.String(), "ERRAND", reader.String(), "MEMBER", sub.ID, "sub_1")
		if diff := cmp.Diff(want, named.Replace(found["errand."+string(status)])); diff != "" || findings.Differences.Sum() != 1 {
			t.Errorf("%s, %v", diff, findings)
		}
		if _, err := n.DecideErrand(t.Context(), id.String(), false, by("It is meant")); err != nil {
			t.Fatal(err)
		}
		if found, _ := n.finds(n.sound()); len(found) != 0 {
			t.Errorf("decided: %v", found)
		}
		n.sql(`DELETE FROM errands`)
	}
}

// A membership whose facts are not known, or that has yet to follow a changed policy,
// is no difference, and is counted.
func TestTheDoctorCountsWhatItCannotJudge(t *testing.T) {
	t.Parallel()
	n, _ := patient(t)
	n.sql(`UPDATE subscriptions SET policy_version = 0`)
	n.sql(`UPDATE grants SET valid_until = valid_until + interval '1 hour'`)
	if found, findings := n.finds(n.sound()); len(found) != 0 || findings.Unjudged != 1 {
		t.Errorf("%v, %+v", found, findings)
	}
}
