package billing_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
)

// Whatever became of a member's grants, the answer as of each moment is the one
// that was given then: also of changes at one instant, and of a replica whose clock
// is behind.
func TestAsOfIsWhatWasSaidThen(t *testing.T) {
	t.Parallel()
	n := open(t)
	rapid.Check(t, func(t *rapid.T) {
		reader := n.member(uuid.NewString() + "@example.org")
		said := map[time.Time]billing.Entitlements{}
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			n.clock.advance(time.Duration(rapid.IntRange(0, 3).Draw(t, "days")) * day)
			part := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "part")
			if err := n.SetGrant(t.Context(), subscriptionGrant(reader, part), anyTerms(t, n.clock.now()), "active"); err != nil {
				t.Fatal(err)
			}
			e := n.may(reader)
			e.Version = 0
			said[n.clock.now()] = e
		}
		n.clock.advance(day)
		for at, want := range said {
			got, err := n.EntitlementsAsOf(t.Context(), reader, at, at)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("as of %s: (-said +as of)\n%s", at, diff)
			}
		}
	})
}

func subscriptionGrant(member uuid.UUID, part string) models.Grant {
	return models.Grant{MemberID: member, Source: models.FromSubscription, SourceRef: "sub_" + member.String(), Part: part, PlanID: "member"}
}

func anyTerms(t *rapid.T, now time.Time) models.Terms {
	from := now.Add(time.Duration(rapid.IntRange(-5, 5).Draw(t, "from")) * day)
	until := from.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "until")) * day)
	terms := models.Terms{ValidFrom: from, ValidUntil: &until}
	if rapid.Bool().Draw(t, "grace") {
		grace := until.Add(3 * day)
		terms.GraceUntil, terms.GraceReason = &grace, billing.GracePastDue
	}
	if rapid.Bool().Draw(t, "revoked") {
		terms.RevokedAt, terms.RevokedReason = &now, "refunded"
	}
	return terms
}

// A refund takes nothing from what could be read before it: then and now are told
// apart by what was known.
func TestThenAndNowAreToldApart(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	until := noon.Add(30 * day)
	key := subscriptionGrant(reader, "a")
	set := func(terms models.Terms) {
		if err := n.SetGrant(t.Context(), key, terms, "active"); err != nil {
			t.Fatal(err)
		}
	}
	set(models.Terms{ValidFrom: noon, ValidUntil: &until})
	n.clock.advance(5 * day)
	refunded := noon.Add(4 * day) // a day before we learned of it
	set(models.Terms{ValidFrom: noon, ValidUntil: &until, RevokedAt: &refunded, RevokedReason: "refunded"})
	for _, c := range []struct {
		at, known time.Duration
		reads     bool
	}{{-day, -day, false}, {0, 0, true}, {4 * day, 4 * day, true}, {4 * day, 5 * day, false}, {3 * day, 5 * day, true}, {6 * day, day, true}, {0, -day, false}} {
		e, err := n.EntitlementsAsOf(t.Context(), reader, noon.Add(c.at), noon.Add(c.known))
		if err != nil || (len(e.Features) > 0) != c.reads {
			t.Errorf("at %s, known at %s: %+v, %v", c.at, c.known, e, err)
		}
	}
}

// Of two changes the later one counts, also where the clock of the replica that
// made it is behind.
func TestAHistoryNeverRunsBackwards(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	first, second := noon.Add(30*day), noon.Add(60*day)
	for _, until := range []*time.Time{&first, &second} {
		if err := n.SetGrant(t.Context(), subscriptionGrant(reader, "a"), models.Terms{ValidFrom: noon, ValidUntil: until}, "active"); err != nil {
			t.Fatal(err)
		}
		n.clock.advance(-time.Second)
	}
	grants, err := n.GrantsAsOf(t.Context(), reader, noon.Add(time.Minute))
	if err != nil || len(grants) != 1 || !grants[0].ValidUntil.Equal(second) {
		t.Errorf("%+v, %v", grants, err)
	}
}
