package billing_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// revocations are those of a member, the oldest first.
func (n *newsroom) revocations(member uuid.UUID) []models.Revocation {
	n.t.Helper()
	var all []models.Revocation
	if err := n.db.Where("member_id = ?", member).Order("id").Find(&all).Error; err != nil {
		n.t.Fatal(err)
	}
	return all
}

// Whatever takes access kills the tokens of before, for as long as one can live, and
// none of after.
func TestWhatTakesAccessRevokesTokens(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(n *newsroom, reader uuid.UUID){
		"a dispute": func(n *newsroom, _ uuid.UUID) {
			if _, err := n.stripe.Sim.Dispute(n.ledger()[0].PaymentIntentID, ""); err != nil {
				n.t.Fatal(err)
			}
			n.settle()
		},
		"a refund": func(n *newsroom, _ uuid.UUID) {
			_, err := n.api.Refunds.New(&stripe.RefundParams{PaymentIntent: stripe.String(n.ledger()[0].PaymentIntentID)})
			if err != nil {
				n.t.Fatal(err)
			}
			n.settle()
		},
		"the newsroom": func(n *newsroom, reader uuid.UUID) {
			given := n.grant(reader, "patron", 1, "Won the quiz")
			if _, _, err := n.EndGrant(n.t.Context(), given.ID, by("It was the wrong reader")); err != nil {
				n.t.Fatal(err)
			}
		},
		"another policy": func(n *newsroom, reader uuid.UUID) {
			if err := n.stripe.Sim.DeclineNextRenewal(n.subscription(reader).ID); err != nil {
				n.t.Fatal(err)
			}
			n.pass(31*day + 2*time.Hour)
			n.reads(reader, true)
			c := shipped(n.t)
			strict := c.Plans["member"]
			strict.GraceDays = 0
			c.Plans["member"] = strict
			n.apply(c)
			if _, err := n.FollowPolicy(n.t.Context()); err != nil {
				n.t.Fatal(err)
			}
			n.reads(reader, false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader, other := n.member("reader@example.org"), n.member("other@example.org")
			n.join(reader, simtest.Pays)
			take(n, reader)
			all := n.revocations(reader)
			if len(all) != 1 {
				t.Fatalf("%d revocations, want 1", len(all))
			}
			now := n.clock.now()
			if got := all[0]; *got.Version != n.may(reader).Version || !got.CreatedAt.Equal(now) || got.Until.Before(now.Add(models.TokenLife)) {
				t.Errorf("%+v at %s, version %d", got, now, n.may(reader).Version)
			}
			if got := n.revocations(other); len(got) != 0 {
				t.Errorf("somebody else's: %+v", got)
			}
		})
	}
}

// Access that only grows, or that is given back, revokes nothing, and neither does
// what runs out by itself: the tokens of before open nothing that their reader may not
// read.
func TestAccessThatOnlyGrowsRevokesNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.pass(31 * day) // renewed
	n.grant(reader, "patron", 1, "Won the quiz")
	if err := n.GrantNewsletter(t.Context(), reader); err != nil {
		t.Fatal(err)
	}
	n.pass(2 * day) // the gift has run out
	_, err := n.api.Subscriptions.Update(n.subscription(reader).ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	n.settle()
	if all := n.revocations(reader); len(all) != 0 {
		t.Errorf("revoked: %+v", all)
	}
	dispute, err := n.stripe.Sim.Dispute(n.ledger()[1].PaymentIntentID, "")
	if err != nil {
		t.Fatal(err)
	}
	n.settle()
	taken := n.may(reader).Version
	if err := n.stripe.Sim.ResolveDispute(dispute, "won"); err != nil {
		t.Fatal(err)
	}
	n.settle()
	n.reads(reader, true)
	all := n.revocations(reader)
	if len(all) != 1 || *all[0].Version != taken || n.may(reader).Version != taken+1 {
		t.Errorf("the dispute that was won: %+v, version %d", all, n.may(reader).Version)
	}
}

// A revocation is written with what it tells of, or not at all.
func TestARevocationIsOfItsTransaction(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	if _, err := n.stripe.Sim.Dispute(n.ledger()[0].PaymentIntentID, ""); err != nil {
		t.Fatal(err)
	}
	mark(n, sub.CustomerID)
	slow := claim(n, sub.CustomerID)
	n.real.advance(billing.Lease + time.Second)
	claim(n, sub.CustomerID)
	if err := n.SyncOnce(t.Context(), slow); err == nil {
		t.Fatal("wrote without the lease")
	}
	if all := n.revocations(reader); len(all) != 0 || !n.may(reader).NextChange.After(n.clock.now()) {
		t.Errorf("%+v", all)
	}
}

// takes says exactly whether some instant at which a token of before can be alive was
// covered by the terms of before, and is not by those of now.
func TestTakesByInstants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		was, is := termsByMinutes(t, "was"), termsByMinutes(t, "is")
		want := false
		for at := noon; at.Before(models.TokensDead(noon)); at = at.Add(time.Minute) {
			want = want || opensAt(was, at) && !opensAt(is, at)
		}
		if got := billing.Takes(was, is, noon); got != want {
			t.Fatalf("takes: %t, by instants: %t\n%+v\n%+v", got, want, was, is)
		}
	})
}

func opensAt(terms models.Terms, at time.Time) bool {
	return len(billing.Derive([]models.Grant{{Terms: terms}}, at).Features) > 0
}

// termsByMinutes draws terms whose instants are whole minutes around noon.
func termsByMinutes(t *rapid.T, label string) models.Terms {
	minute := func(what string) time.Time {
		return noon.Add(time.Duration(rapid.IntRange(-3, 16).Draw(t, label+" "+what)) * time.Minute)
	}
	terms := models.Terms{Features: []string{"articles:full"}, ValidFrom: minute("from")}
	if rapid.Bool().Draw(t, label+" ends") {
		until := later(minute("until"), terms.ValidFrom)
		terms.ValidUntil = &until
		if rapid.Bool().Draw(t, label+" has grace") {
			grace := later(minute("grace"), until)
			terms.GraceUntil = &grace
		}
	}
	if rapid.Bool().Draw(t, label+" is revoked") {
		revoked := minute("revoked")
		terms.RevokedAt = &revoked
	}
	return terms
}

// The version in a token is that of its entitlements: a grant that is ended between
// reading the one and the other is in both or in neither.
func TestVersionAndGrantsAreOfOneSnapshot(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	given := n.grant(reader, "member", 1, "Won the quiz")
	before := n.may(reader)
	var done atomic.Bool
	err := n.db.Callback().Query().After("gorm:query").Register("meanwhile", func(*gorm.DB) {
		if done.Swap(true) {
			return
		}
		if _, _, err := n.EndGrant(t.Context(), given.ID, by("It was the wrong reader")); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if during := n.may(reader); during.Version != before.Version || len(during.Features) != len(before.Features) {
		t.Errorf("version %d, was %d, with %v, was %v", during.Version, before.Version, during.Names(), before.Names())
	}
	if after := n.may(reader); after.Version != before.Version+1 || len(after.Features) != 0 {
		t.Errorf("afterwards: %+v", after)
	}
}
