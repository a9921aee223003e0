package billing_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
)

var features = []string{"articles:full", "sources:links", "archive:full"}

// anyGrants draws grants whose times lie within some weeks around noon, so that
// they overlap, touch and leave gaps.
func anyGrants(t *rapid.T) []models.Grant {
	at := func(label string, from int) time.Time {
		return noon.Add(time.Duration(rapid.IntRange(from, 40).Draw(t, label)) * 12 * time.Hour)
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) models.Grant {
		g := models.Grant{
			Source: rapid.SampledFrom([]models.GrantSource{models.FromSubscription, models.FromNewsletter, models.FromGift}).Draw(t, "source"),
			Terms: models.Terms{
				Rank:      rapid.IntRange(0, 3).Draw(t, "rank"),
				Features:  rapid.SliceOfNDistinct(rapid.SampledFrom(features), 1, 3, rapid.ID).Draw(t, "features"),
				ValidFrom: at("from", -40),
			},
		}
		g.Tier = fmt.Sprint("tier", g.Rank, rapid.IntRange(0, 1).Draw(t, "of two"))
		if rapid.Bool().Draw(t, "ends") {
			until := later(at("until", -40), g.ValidFrom)
			g.ValidUntil = &until
			if rapid.Bool().Draw(t, "grace") {
				grace := later(at("grace until", -40), until)
				g.GraceUntil, g.GraceReason = &grace, rapid.SampledFrom([]string{"past_due", "renewal_due"}).Draw(t, "reason")
			}
		}
		if rapid.Bool().Draw(t, "revoked") {
			revoked := at("revoked", -40)
			g.RevokedAt, g.RevokedReason = &revoked, "refunded"
		}
		return g
	}), 0, 6).Draw(t, "grants")
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// mayRead is the policy once more, as plainly as it can be said.
func mayRead(grants []models.Grant, feature string, at time.Time) bool {
	for _, g := range grants {
		begun := !g.ValidFrom.After(at)
		revoked := g.RevokedAt != nil && !g.RevokedAt.After(at)
		over := g.ValidUntil != nil && !g.ValidUntil.After(at) && (g.GraceUntil == nil || !g.GraceUntil.After(at))
		if slices.Contains(g.Features, feature) && begun && !revoked && !over {
			return true
		}
	}
	return false
}

func TestDeriveIsTheUnionOfLiveGrants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grants := anyGrants(t)
		at := noon.Add(time.Duration(rapid.IntRange(-45, 45).Draw(t, "at")) * 12 * time.Hour)
		names := billing.Derive(grants, at).Names()
		for _, feature := range features {
			if got, want := slices.Contains(names, feature), mayRead(grants, feature, at); got != want {
				t.Fatalf("%s at %s: %t, want %t", feature, at, got, want)
			}
		}
		if !slices.IsSorted(names) {
			t.Fatalf("not sorted: %v", names)
		}
	})
}

// Nothing changes before NextChange, and something does at it: a token may live
// until then and no longer.
func TestNothingChangesBeforeNextChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grants := anyGrants(t)
		at := noon.Add(time.Duration(rapid.IntRange(-45, 45).Draw(t, "at")) * 12 * time.Hour)
		now := billing.Derive(grants, at)
		until := now.NextChange
		if until.IsZero() {
			until = noon.AddDate(1, 0, 0)
		} else if same(now, billing.Derive(grants, until)) {
			t.Fatalf("nothing differs at %s", until)
		}
		for step := at; step.Before(until); step = step.Add(6 * time.Hour) {
			if then := billing.Derive(grants, step); !same(now, then) {
				t.Fatalf("at %s already %+v, was %+v, next change %s", step, then, now, until)
			}
		}
	})
}

func same(a, b billing.Entitlements) bool {
	a.NextChange, b.NextChange = time.Time{}, time.Time{}
	return cmp.Equal(a, b)
}

// Grace is told of only while something rests on it alone.
func TestGraceIsToldOnlyWhereAccessRestsOnIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := billing.Derive(anyGrants(t), noon)
		rests := slices.ContainsFunc(e.Features, func(h billing.Held) bool { return h.InGrace })
		if rests != (e.Grace != nil) {
			t.Fatalf("%+v", e)
		}
		if e.Grace != nil && (!e.Grace.Until.After(noon) || e.Grace.Reason == "") {
			t.Fatalf("%+v", e.Grace)
		}
	})
}

// In which order the database returns grants decides nothing.
func TestDeriveIsOfASet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grants := anyGrants(t)
		if diff := cmp.Diff(billing.Derive(grants, noon), billing.Derive(rapid.Permutation(grants).Draw(t, "shuffled"), noon)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestTheHighestRankNamesTheTier(t *testing.T) {
	t.Parallel()
	low := models.Grant{Terms: models.Terms{Tier: "member", Rank: 10, Features: []string{"articles:full"}, ValidFrom: noon}}
	high := models.Grant{Terms: models.Terms{Tier: "patron", Rank: 20, Features: []string{"archive:full"}, ValidFrom: noon}}
	for _, grants := range [][]models.Grant{{low, high}, {high, low}} {
		if e := billing.Derive(grants, noon); e.Tier != "patron" || len(e.Features) != 2 {
			t.Errorf("%+v", e)
		}
	}
}
