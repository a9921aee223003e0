package billing_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// choosing is the shipped catalogue with another policy.
func choosing(t *testing.T, choose func(*models.Policy)) billing.Catalog {
	t.Helper()
	c := shipped(t)
	c.By = "cli:ada"
	choose(&c.Policy)
	return c
}

func (n *newsroom) refundAll(member uuid.UUID) {
	n.t.Helper()
	for _, p := range n.ledger() {
		if *p.MemberID == member {
			if err := n.stripe.Sim.Refund(*p.ChargeID, p.Amount); err != nil {
				n.t.Fatal(err)
			}
		}
	}
	n.settle()
}

// A changed policy is for those, too, who bought before, there and back, with Stripe
// not asked; applying it once more changes nothing.
func TestGrantsFollowAChangedPolicy(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.refundAll(reader)
	n.reads(reader, false)
	for range 2 {
		n.apply(choosing(t, func(p *models.Policy) { p.Refund = models.Keep }))
		n.reads(reader, true)
	}
	n.apply(shipped(t))
	n.reads(reader, false)

	if diff := cmp.Diff([]models.GrantChange{models.Granted, models.Revoked, models.Restored, models.Revoked}, n.changes()); diff != "" {
		t.Error(diff)
	}
	var last models.GrantEvent
	if err := n.db.Order("id DESC").Take(&last).Error; err != nil || last.Reason != "policy changed" {
		t.Errorf("reason %q, %v", last.Reason, err)
	}
	inForce, err := n.PolicyInForce(t.Context())
	if err != nil || inForce.Version != 3 || !inForce.ChangedAt.Equal(noon) {
		t.Errorf("%+v, %v", inForce, err)
	}
}

// A plan's grace days alone, changed there and back, are for those, too, who are past
// due already.
func TestGrantsFollowChangedGraceDays(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.DeclinesLater)
	n.pass(31 * day)
	before := n.may(reader).Grace
	if before == nil || before.Reason != billing.GracePastDue {
		t.Fatalf("not past due: %+v", before)
	}
	for _, more := range []int{7, -2, 0} {
		c := shipped(t)
		plan := c.Plans["member"]
		plan.GraceDays += more
		c.Plans["member"] = plan
		n.apply(c)
		want := before.Until.AddDate(0, 0, more)
		if now := n.may(reader).Grace; now == nil || !now.Until.Equal(want) {
			t.Errorf("%d days more: %+v, want until %s", more, now, want)
		}
	}
}

// Who changed the policy from what to what is in the audit log; a plan's grace days
// are part of it.
func TestAPolicysHistoryIsKept(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.DeclinesLater)
	n.pass(noon.AddDate(0, 1, 0).Add(2 * time.Hour).Sub(n.clock.now()))
	patient := choosing(t, func(p *models.Policy) { p.Dispute = models.Keep })
	member := patient.Plans["member"]
	member.GraceDays = 20
	patient.Plans["member"] = member
	n.apply(patient)
	n.clock.advance(15 * day) // and Stripe, which gives up earlier, stands still
	n.reads(reader, true)

	var entries []models.AuditEntry
	if err := n.db.Order("id").Find(&entries).Error; err != nil || len(entries) != 1 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	e := entries[0]
	if e.Actor != "cli:ada" || e.Action != "policy.changed" || !e.At.Equal(noon.AddDate(0, 1, 0).Add(2*time.Hour)) {
		t.Errorf("%+v", e)
	}
	var before, after struct {
		Dispute   models.Choice  `json:"dispute"`
		GraceDays map[string]int `json:"grace_days"`
	}
	if err := errors.Join(json.Unmarshal(e.Before, &before), json.Unmarshal(e.After, &after)); err != nil {
		t.Fatal(err)
	}
	if before.Dispute != models.Suspend || before.GraceDays["member"] != 7 || after.Dispute != models.Keep || after.GraceDays["member"] != 20 {
		t.Errorf("from %s to %s", e.Before, e.After)
	}
}

// joinMany gives n readers a paid and refunded month each.
func (n *newsroom) joinMany(count int) []uuid.UUID {
	n.t.Helper()
	var all []uuid.UUID
	for range count {
		reader := n.member(uuid.NewString() + "@example.org")
		n.join(reader, simtest.Pays)
		n.refundAll(reader)
		all = append(all, reader)
	}
	return all
}

func (n *newsroom) behind() (count int64) {
	n.t.Helper()
	err := n.db.Raw("SELECT count(*) FROM subscriptions s, policy p WHERE s.policy_version < p.version").Scan(&count).Error
	if err != nil {
		n.t.Fatal(err)
	}
	return count
}

// Cut off after the policy is in force, the rest follows at the next look, by several
// replicas at once; each grant changes once.
func TestFollowingGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	n := open(t)
	readers := n.joinMany(5)
	if err := n.db.Exec("UPDATE policy SET refund = 'keep', version = version + 1").Error; err != nil {
		t.Fatal(err)
	}
	off, cut := context.WithCancel(t.Context())
	cut()
	if _, err := n.FollowPolicy(off); err == nil || n.behind() != 5 {
		t.Fatalf("%d are behind, %v", n.behind(), err)
	}
	var replicas sync.WaitGroup
	for range 3 {
		replicas.Go(func() {
			if _, err := n.FollowPolicy(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	for _, reader := range readers {
		n.reads(reader, true)
	}
	if got := len(n.changes()); got != 15 || n.behind() != 0 {
		t.Errorf("%d changes of 5 grants, want 3 each; %d are behind", got, n.behind())
	}
}

// A sync that read the policy before it was changed leaves its customer behind, to be
// followed later; a sync under the new one leaves nothing to do.
func TestASyncFollowsThePolicyItRead(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	if err := n.db.Exec("UPDATE policy SET version = version + 1").Error; err != nil {
		t.Fatal(err)
	}
	if n.behind() != 1 {
		t.Errorf("%d are behind a policy that just changed", n.behind())
	}
	n.resync(n.Service, customer)
	if n.behind() != 0 {
		t.Errorf("%d are behind after a sync", n.behind())
	}
}

// A row that an older program wrote is not judged by facts that may be out of date,
// and its customer is asked about until they are known: once an hour, not more.
func TestFactsOfAnOlderProgramAreNotTrusted(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	older := func(what string) {
		t.Helper()
		if err := n.db.Exec("UPDATE subscriptions SET " + what).Error; err != nil {
			t.Fatal(err)
		}
	}
	for _, wrote := range []string{
		"stretches = NULL, facts_at = NULL, policy_version = 0",
		"stretches = '[]', synced_at = synced_at + interval '1 second', policy_version = 0",
	} {
		older(wrote)
		if looked, err := n.FollowPolicy(t.Context()); err != nil || looked != 0 {
			t.Errorf("%s: judged %d, %v", wrote, looked, err)
		}
		n.reads(reader, true)
		if all, unjudged, err := n.GrantDifferences(t.Context()); err != nil || unjudged != 1 || len(all) > 0 {
			t.Errorf("%s: %+v, %d unjudged, %v", wrote, all, unjudged, err)
		}
		n.asked(t, 0)
		n.real.advance(61 * time.Minute)
		n.asked(t, 1)
		n.asked(t, 0)
		n.clock.advance(time.Minute)
		n.settle()
		if sub := n.subscription(reader); !sub.FactsKnown() || len(sub.Stretches) != 1 {
			t.Errorf("%s: %+v", wrote, sub.Stretches)
		}
	}
}

func (n *newsroom) asked(t *testing.T, want int64) {
	t.Helper()
	if asked, err := n.AskForFacts(t.Context()); err != nil || asked != want {
		t.Errorf("asked about %d customers, %v; want %d", asked, err, want)
	}
}

// The books are what the policy says of them, and whoever changes a grant by hand is
// told of.
func TestGrantsThatDifferFromThePolicy(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	differences := func() []billing.GrantDifference {
		t.Helper()
		all, unjudged, err := n.GrantDifferences(t.Context())
		if err != nil || unjudged != 0 {
			t.Errorf("%d unjudged, %v", unjudged, err)
		}
		return all
	}
	if got := differences(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if err := n.db.Exec("UPDATE grants SET valid_until = valid_until + interval '1 hour', grace_until = grace_until + interval '1 hour'").Error; err != nil {
		t.Fatal(err)
	}
	got := differences()
	if len(got) != 1 || got[0].MemberID != reader || got[0].SubscriptionID != sub.ID || got[0].Is.ValidUntil.Sub(*got[0].Should.ValidUntil) != time.Hour {
		t.Errorf("%+v", got)
	}
	if err := n.db.Exec("UPDATE grants SET part = 'price_of_nobody'").Error; err != nil {
		t.Fatal(err)
	}
	if got := differences(); len(got) != 2 || got[0].Is != nil || got[1].Should != nil {
		t.Errorf("%+v", got)
	}
}

// More memberships than one batch whose facts are not known keep nobody behind them
// waiting.
func TestUnknownFactsStandInNobodysWay(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.manyMembers(150)
	if err := n.db.Exec("UPDATE subscriptions SET facts_at = NULL, policy_version = 0").Error; err != nil {
		t.Fatal(err)
	}
	reader := n.joinMany(1)[0]
	if err := n.db.Exec("UPDATE policy SET refund = 'keep', version = version + 1").Error; err != nil {
		t.Fatal(err)
	}
	if looked, err := n.FollowPolicy(t.Context()); err != nil || looked != 1 {
		t.Errorf("%d memberships were looked at, %v", looked, err)
	}
	n.reads(reader, true)
}
