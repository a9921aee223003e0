package billing_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// changesOf are a member's recorded changes of grants.
func (n *newsroom) changesOf(member uuid.UUID) []models.GrantEvent {
	n.t.Helper()
	var all []models.GrantEvent
	if err := n.db.Where("member_id = ?", member).Order("recorded_at, id").Find(&all).Error; err != nil {
		n.t.Fatal(err)
	}
	return all
}

// The same gift at once from many desks is one, and one entry.
func TestTheSameGiftIsGivenOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	until := noon.Add(30 * day)
	var made sync.Map
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			g, first, err := n.GrantComplimentary(t.Context(), billing.Complimentary{MemberID: reader, PlanID: "member", Until: &until, Why: by("Won the quiz")})
			if err != nil || g.Tier != "Member" {
				t.Error(g, err)
			}
			if first {
				made.Store(i, g.ID)
			}
		})
	}
	all.Wait()
	count := 0
	made.Range(func(any, any) bool { count++; return true })
	if count != 1 || len(n.changesOf(reader)) != 1 || len(n.audited("grant.added")) != 1 || n.may(reader).Version != 1 {
		t.Errorf("made %d times, %d changes, %d entries", count, len(n.changesOf(reader)), len(n.audited("grant.added")))
	}
	other := until.Add(time.Second)
	for _, c := range []billing.Complimentary{
		{PlanID: "patron", Until: &until, Why: by("Won the quiz")}, {PlanID: "member", Until: &other, Why: by("Won the quiz")},
		{PlanID: "member", Why: by("Won the quiz")}, {PlanID: "member", Until: &until, Why: by("Won it again")},
	} {
		c.MemberID = reader
		if _, first, err := n.GrantComplimentary(t.Context(), c); err != nil || !first {
			t.Errorf("another gift: %t, %v", first, err)
		}
	}
}

// An ended gift begins anew, and the time between stays closed in what is told.
func TestAGiftIsEndedAndBeginsAnew(t *testing.T) {
	t.Parallel()
	for name, until := range map[string]*time.Time{"with an end": new(noon.Add(30 * day)), "without end": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader := n.member("reader@example.org")
			gift := billing.Complimentary{MemberID: reader, PlanID: "member", Until: until, Why: by("Won the quiz")}
			give := func(want bool) models.Grant {
				g, first, err := n.GrantComplimentary(t.Context(), gift)
				if err != nil || first != want {
					t.Errorf("made %t, %v", first, err)
				}
				return g
			}
			g := give(true)
			n.clock.advance(day)
			for _, want := range []bool{true, false} {
				if _, ended, err := n.EndGrant(t.Context(), g.ID, by("By mistake")); err != nil || ended != want {
					t.Errorf("ended %t, %v", ended, err)
				}
				n.reads(reader, false)
			}
			n.clock.advance(day)
			give(true)
			give(false)
			n.reads(reader, true)
			if ended := n.audited("grant.ended"); len(ended) != 1 || ended[0].Before == nil || ended[0].After == nil || ended[0].Subject != g.ID.String() || *ended[0].MemberID != reader {
				t.Errorf("%+v", ended)
			}
			between, err := n.EntitlementsAsOf(t.Context(), reader, noon.Add(36*time.Hour), noon.Add(36*time.Hour))
			if err != nil || len(between.Features) > 0 {
				t.Errorf("between: %+v, %v", between, err)
			}
		})
	}
}

// One that ran out is over: ending it changes nothing.
func TestWhatRanOutIsNotEnded(t *testing.T) {
	t.Parallel()
	n := open(t)
	g := n.grant(n.member("reader@example.org"), "member", 3, "Trial week")
	n.clock.advance(4 * day)
	if _, ended, err := n.EndGrant(t.Context(), g.ID, by("x")); err != nil || ended {
		t.Errorf("ended %t, %v", ended, err)
	}
	if len(n.audited("grant.ended")) > 0 {
		t.Error("it is in the audit log")
	}
}

// What was bought, confirmed or given by others is not ended by hand.
func TestOnlyWhatWasGivenIsEnded(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	for source, want := range map[models.GrantSource]string{
		models.FromSubscription: "grant_bought", models.FromPayment: "grant_bought", models.FromNewsletter: "grant_newsletter",
		models.FromGroup: "grant_not_ours", models.FromGift: "grant_not_ours", models.FromTrial: "grant_not_ours", models.FromStaff: "",
	} {
		if err := n.SetGrant(t.Context(), models.Grant{MemberID: reader, Source: source, SourceRef: sub.ID, Part: sub.PriceID, PlanID: "member"}, models.Terms{ValidFrom: noon}, "x"); err != nil {
			t.Fatal(err)
		}
		var g models.Grant
		if err := n.db.Where("source = ?", source).Take(&g).Error; err != nil {
			t.Fatal(err)
		}
		if _, ended, err := n.EndGrant(t.Context(), g.ID, by("x")); code(err) != want || ended != (want == "") {
			t.Errorf("%s: ended %t, %v", source, ended, err)
		}
	}
}

// Gifts by hand, the sync of a purchase and a refund, all at once: nobody waits for
// another in a ring, and nothing is lost.
func TestGivingWhileStripeIsSynced(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader, paid := bought(n)
	ctx := t.Context()
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() { n.grant(reader, "patron", 30, fmt.Sprint("gift ", i)) })
		all.Go(func() {
			mark(n, *paid.CustomerID)
			if _, err := n.Drain(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	all.Go(func() {
		if _, err := refund(ctx, n.Service, billing.Refund{Payment: paid.PaymentIntentID, By: by("Sorry")}); err != nil && code(err) != "refund_unseen" {
			t.Error(err)
		}
	})
	all.Wait()
	n.settle()
	if _, err := refund(ctx, n.Service, billing.Refund{Payment: paid.PaymentIntentID, By: by("Sorry")}); err != nil && code(err) != "refund_done" && code(err) != "refund_repeated" {
		t.Fatal(err)
	}
	n.onceRefunded(800)
	e := n.explain(reader, time.Time{})
	if e.Known.Tier != "Patron" || len(e.Known.Grants) != 7 {
		t.Errorf("%+v", e.Known)
	}
	if changes := n.changesOf(reader); int64(len(changes)) != n.may(reader).Version {
		t.Errorf("%d changes, version %d", len(changes), n.may(reader).Version)
	}
}

// A token dies with the gift at the latest, and a new one differs at once.
func TestTheEntitlementVersionRisesWithEveryGift(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	before := n.may(reader).Version
	g := n.grant(reader, "patron", 1, "Won the quiz")
	if e := n.may(reader); e.Version != before+1 || !e.NextChange.Equal(noon.Add(day)) {
		t.Errorf("given: %+v", e)
	}
	if _, _, err := n.EndGrant(t.Context(), g.ID, by("x")); err != nil || n.may(reader).Version != before+2 {
		t.Errorf("ended: version %d, %v", n.may(reader).Version, err)
	}
}

// A member that support makes is one, however often, and is who proves the address.
func TestMembersAreMadeOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	first, made, err := n.AddMember(t.Context(), " New@Example.org", by("Prize"))
	if err != nil || !made || first.EmailVerifiedAt != nil || first.Address() != "new@example.org" {
		t.Fatalf("%+v, %t, %v", first, made, err)
	}
	again, made, err := n.AddMember(t.Context(), "new@example.org", by("Prize"))
	if err != nil || made || again.ID != first.ID || len(n.audited("member.added")) != 1 {
		t.Errorf("%+v, %t, %v", again, made, err)
	}
	if _, _, err := n.AddMember(t.Context(), "new", by("Prize")); code(err) != "address_invalid" {
		t.Error(err)
	}
}
