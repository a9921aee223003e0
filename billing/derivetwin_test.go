package billing_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
)

// twin is Derive once more, written from its documentation in plain SQL: who may
// read what at an instant, and when that will next be different.
const twin = `
CREATE FUNCTION live(member uuid, at timestamptz) RETURNS TABLE (source text, tier text, rank int, features jsonb, reason text, ends timestamptz, by_grace boolean)
LANGUAGE sql STABLE AS $$
	SELECT source, tier, rank, features, grace_reason,
		least(revoked_at, CASE WHEN valid_until IS NOT NULL THEN coalesce(grace_until, valid_until) END, 'infinity'),
		coalesce(valid_until <= at, false)
	FROM grants
	WHERE member_id = member AND valid_from <= at AND coalesce(revoked_at > at, true)
		AND (valid_until IS NULL OR valid_until > at OR coalesce(grace_until > at, false))
$$;
CREATE FUNCTION answer(member uuid, at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
	WITH held AS (
		SELECT feature, max(ends) AS ends, bool_and(by_grace) AS by_grace, jsonb_agg(DISTINCT source) AS sources
		FROM live(member, at), jsonb_array_elements_text(features) feature GROUP BY feature
	)
	SELECT jsonb_build_object(
		'features', (SELECT jsonb_agg(jsonb_build_object('Feature', feature, 'InGrace', by_grace, 'Sources', sources,
			'Until', CASE WHEN isfinite(ends) THEN ends END) ORDER BY feature COLLATE "C") FROM held),
		'tier', coalesce((SELECT tier FROM live(member, at) ORDER BY rank DESC, tier COLLATE "C" LIMIT 1), ''),
		'grace', (SELECT jsonb_build_object('Until', ends, 'Reason', reason) FROM live(member, at)
			WHERE EXISTS (SELECT 1 FROM held WHERE held.by_grace AND features ? held.feature)
			ORDER BY ends DESC, reason COLLATE "C" LIMIT 1))
$$;
CREATE FUNCTION next_change(member uuid, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
	SELECT min(moment) FROM grants, unnest(ARRAY[valid_from, valid_until, grace_until, revoked_at]) moment
	WHERE member_id = member AND moment > at AND answer(member, moment) <> answer(member, at)
$$`

// twinAnswer is what the twin says, in the words of Entitlements.
func (n *newsroom) twinAnswer(member uuid.UUID, at time.Time) billing.Entitlements {
	n.t.Helper()
	var row struct {
		Answer      []byte
		NextChange  *time.Time
		MemberSince *time.Time
	}
	err := n.db.Raw(`SELECT answer(@member, @at), next_change(@member, @at),
		(SELECT min(valid_from) FROM grants WHERE member_id = @member AND source = 'subscription') AS member_since`,
		map[string]any{"member": member, "at": at}).Scan(&row).Error
	if err != nil {
		n.t.Fatal(err)
	}
	var e billing.Entitlements
	if err := json.Unmarshal(row.Answer, &e); err != nil {
		n.t.Fatal(err)
	}
	if row.NextChange != nil {
		e.NextChange = *row.NextChange
	}
	if row.MemberSince != nil {
		e.MemberSince = *row.MemberSince
	}
	return e
}

// Derive and its twin never differ: who may read what, until when, by grace or not,
// and when that changes. The instants fall together often.
func TestDeriveIsItsTwin(t *testing.T) {
	t.Parallel()
	n := open(t)
	if err := n.db.Exec(twin).Error; err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		member := n.member(uuid.NewString() + "@example.org")
		grants := anyGrants(t)
		for i := range grants {
			g := &grants[i]
			g.ID, g.MemberID, g.SourceRef, g.EffectiveAt, g.RecordedAt = models.NewID(), member, g.ID.String()+string(rune('a'+i)), noon, noon
			if err := n.db.Create(g).Error; err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			at := noon.Add(time.Duration(rapid.IntRange(-45, 45).Draw(t, "at")) * 12 * time.Hour)
			if diff := cmp.Diff(n.twinAnswer(member, at), billing.Derive(grants, at), cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Fatalf("at %s: (-twin +Derive)\n%s", at, diff)
			}
		}
	})
}
