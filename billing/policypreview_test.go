package billing_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

func (n *newsroom) preview(c billing.Catalog) (billing.PolicyTotals, []billing.PolicyChange) {
	n.t.Helper()
	var changes []billing.PolicyChange
	totals, err := n.PreviewPolicy(n.t.Context(), c, func(change billing.PolicyChange) error {
		changes = append(changes, change)
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return totals, changes
}

// A preview tells exactly what applying then does, and by itself does nothing.
func TestAPreviewIsWhatApplyingDoes(t *testing.T) {
	t.Parallel()
	n := open(t)
	refunded, active, covered := n.member("refunded@example.org"), n.member("active@example.org"), n.member("covered@example.org")
	subs := map[uuid.UUID]string{}
	for _, reader := range []uuid.UUID{refunded, active, covered} {
		subs[reader] = n.join(reader, simtest.Pays).ID
	}
	n.refundAll(refunded)
	gift := models.Grant{MemberID: covered, Source: models.FromComplimentary, SourceRef: "for a year", PlanID: "patron"}
	year := noon.AddDate(1, 0, 0)
	if err := n.SetGrant(t.Context(), gift, models.Terms{ValidFrom: noon, ValidUntil: &year}, "given"); err != nil {
		t.Fatal(err)
	}
	paid := noon.AddDate(0, 1, 0)
	slack, longer := paid.Add(3*day), paid.Add(10*day)
	wish := choosing(t, func(p *models.Policy) { p.Refund, p.RenewalSlackDays = models.Keep, 10 })
	change := func(member uuid.UUID, effect billing.PolicyEffect, reason string, from, to *time.Time) billing.PolicyChange {
		return billing.PolicyChange{MemberID: member, SubscriptionID: subs[member], PlanID: "member", Effect: effect, Reason: reason, From: from, To: to, Covered: member == covered}
	}
	want := []billing.PolicyChange{
		change(refunded, billing.GainsAccess, "refunded", nil, &longer),
		change(active, billing.LongerAccess, "renewal_due", &slack, &longer),
		change(covered, billing.LongerAccess, "renewal_due", &slack, &longer),
	}
	before := n.changes()
	totals, got := n.preview(wish)
	if diff := cmp.Diff(want, got, cmp.Comparer(sameTime)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(billing.PolicyTotals{Memberships: 3, Members: 3, Changes: []billing.PolicyTotalRow{
		{Effect: billing.LongerAccess, PlanID: "member", Reason: "renewal_due", Count: 2, Covered: 1},
		{Effect: billing.GainsAccess, PlanID: "member", Reason: "refunded", Count: 1},
	}}, totals); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, n.changes()); diff != "" {
		t.Errorf("the preview changed something: %s", diff)
	}
	n.apply(wish)
	if _, left := n.preview(wish); len(left) != 0 {
		t.Errorf("applied, and yet %+v", left)
	}
	_, back := n.preview(shipped(t))
	slices.SortFunc(want, func(a, b billing.PolicyChange) int { return strings.Compare(a.MemberID.String(), b.MemberID.String()) })
	for i, c := range back {
		if c.MemberID != want[i].MemberID || !sameTime(c.From, want[i].To) || !sameTime(c.To, want[i].From) {
			t.Errorf("the way back: %+v", c)
		}
	}
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// What is over and stays over is no change, access by a first debit is, and of what
// is not known nothing is said.
func TestWhatAPreviewLeavesOut(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	if err := n.db.Exec("TRUNCATE grants CASCADE").Error; err != nil {
		t.Fatal(err)
	}
	n.apply(choosing(t, func(p *models.Policy) { p.FirstProcessing = models.Access }))
	n.resync(n.edited(firstDebit("active", "processing")), customer)
	totals, changes := n.preview(shipped(t))
	if len(changes) != 1 || changes[0].Effect != billing.LosesAccess || changes[0].Reason != "first_processing" || changes[0].To != nil || totals.Members != 1 {
		t.Errorf("%+v, %+v", totals, changes)
	}
	n.resync(n.Service, customer)
	n.clock.advance(60 * day)
	if totals, changes := n.preview(choosing(t, func(p *models.Policy) { p.RenewalSlackDays = 10 })); len(changes) != 0 || totals.Memberships != 1 {
		t.Errorf("%+v, %+v", totals, changes)
	}
	if err := n.db.Exec("UPDATE subscriptions SET facts_at = NULL").Error; err != nil {
		t.Fatal(err)
	}
	if totals, changes := n.preview(choosing(t, func(p *models.Policy) { p.RenewalSlackDays = 14 })); len(changes) != 0 || totals.Unknown != 1 {
		t.Errorf("%+v, %+v", totals, changes)
	}
}

// manyMembers makes that many active memberships of a year of months, by SQL.
func (n *newsroom) manyMembers(count int) {
	n.t.Helper()
	price := n.price("member", models.Monthly, "eur").ID
	args := map[string]any{"count": count, "now": noon, "price": price}
	for _, statement := range []string{
		`INSERT INTO members (id, email, name, locale, created_at, updated_at)
		SELECT md5('m' || i)::uuid, 'reader' || i || '@example.org', '', 'en', @now, @now FROM generate_series(1, @count) i`,
		`INSERT INTO customers (id, account, livemode, member_id, deleted, created_at)
		SELECT 'cus_' || i, '', false, md5('m' || i)::uuid, false, @now FROM generate_series(1, @count) i`,
		`INSERT INTO subscriptions (id, account, livemode, customer_id, kind, price_id, status, current_period_start, current_period_end,
			cancel_at_period_end, created_at, synced_at, facts_at, policy_version, stretches)
		SELECT 'sub_' || i, '', false, 'cus_' || i, 'membership', @price, 'active', @now, @now, false, @now, @now, @now, 1,
			(SELECT jsonb_agg(jsonb_build_object('price', CAST(@price AS text), 'line', 'il_' || i || '_' || month, 'invoice', 'in_' || i || '_' || month,
				'from', to_jsonb(CAST(@now AS timestamptz) - month * interval '30 days'), 'until', to_jsonb(CAST(@now AS timestamptz) - (month - 1) * interval '30 days')))
				FROM generate_series(0, 11) month)
		FROM generate_series(1, @count) i`,
		`INSERT INTO grants (id, member_id, source, source_ref, part, account, livemode, plan_id, tier, rank, features,
			valid_from, valid_until, grace_until, grace_reason, revoked_reason, effective_at, recorded_at)
		SELECT md5('g' || i)::uuid, md5('m' || i)::uuid, 'subscription', 'sub_' || i, @price, '', false, 'member', 'Member', 10, '["articles:full"]',
			CAST(@now AS timestamptz) - interval '330 days', CAST(@now AS timestamptz) + interval '30 days', CAST(@now AS timestamptz) + interval '33 days', 'renewal_due', '', @now, @now
		FROM generate_series(1, @count) i`,
	} {
		if err := n.db.Exec(statement, args).Error; err != nil {
			n.t.Fatal(err)
		}
	}
}

// A preview of 20,000 memberships holds no more in memory than one of a few: a
// million are as bounded. So does checking all grants.
func TestAPreviewIsBounded(t *testing.T) { //nolint:paralleltest // it weighs the process
	n := open(t)
	const count = 20_000
	n.manyMembers(count)
	if all, unjudged, err := n.GrantDifferences(t.Context()); err != nil || unjudged != 0 || len(all) > 0 {
		t.Errorf("%d differences, %d unjudged, %v", len(all), unjudged, err)
	}
	seen, first, most := 0, uint64(0), uint64(0)
	totals, err := n.PreviewPolicy(t.Context(), choosing(t, func(p *models.Policy) { p.RenewalSlackDays = 5 }), func(billing.PolicyChange) error {
		if seen++; seen%2000 == 1 {
			most = max(most, liveHeap())
		}
		if first == 0 {
			first = most
		}
		return nil
	})
	if err != nil || seen != count || totals.Memberships != count || totals.Changes[0].Count != count {
		t.Errorf("%d changes, %+v, %v", seen, totals, err)
	}
	const room = 4 << 20 // all of them would be some 100 MB
	if most > first+room {
		t.Errorf("%d bytes live at first, %d later", first, most)
	}
	t.Logf("%d kB live at first, %d kB at most", first>>10, most>>10)
}

// liveHeap is what is in use after a collection.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
