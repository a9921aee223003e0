package billing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"pgregory.net/rapid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
)

// explain is what support is told of a member as of an instant; zero is now.
func (n *newsroom) explain(member uuid.UUID, at time.Time) billing.Explanation {
	n.t.Helper()
	e, err := n.Explain(n.t.Context(), member, at)
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

// told is the story of every grant and lack, in words.
func told(t *testing.T, a billing.Access) string {
	t.Helper()
	catalogue, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, g := range a.Grants {
		for _, each := range g.Why {
			all = append(all, catalogue.For("en").Text(each.ID, each.Data))
		}
	}
	for _, l := range a.Lacks {
		all = append(all, catalogue.For("en").Text(l.Why.ID, l.Why.Data))
	}
	return strings.Join(all, "\n")
}

// says checks that each of the texts is told, and that no gap stayed open.
func (n *newsroom) says(a billing.Access, texts ...string) {
	n.t.Helper()
	words := told(n.t, a)
	for _, text := range append(texts, "") {
		if !strings.Contains(words, text) || strings.Contains(words, "<no value>") || strings.Contains(words, "why.") {
			n.t.Errorf("not told: %q\n%s", text, words)
		}
	}
}

func TestExplainingALife(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.says(n.explain(reader, time.Time{}).Known, "Nothing that they have gives it. It comes with: Newsletter, Member, Patron.")
	sub := n.join(reader, simtest.DeclinesLater)
	n.says(n.explain(reader, time.Time{}).Known,
		"Member, bought with subscription "+sub.ID+" at €8 a month.", "It is paid until 22 December 2026.", "Stripe charges again on 22 December 2026.",
		"It comes with: Patron.")
	n.says(n.explain(reader, noon.Add(100*day)).Known, "Member runs out on 25 December 2026, unless Stripe’s charge of 22 December 2026 goes through.")
	n.pass(33 * day) // the renewal fails
	n.says(n.explain(reader, time.Time{}).Known, "It was paid until 22 December 2026. The renewal failed; access goes on until 29 December 2026 while Stripe tries again.")
	n.pass(60 * day)
	e := n.explain(reader, time.Time{})
	n.says(e.Known, "Member ran out on 22 December 2026")
	if len(e.Known.Reads) > 0 || e.Then != nil {
		t.Errorf("%+v", e)
	}
	past := n.explain(reader, noon.Add(5*day))
	n.says(past.Known, "It is paid until 22 December 2026.")
	if past.Then != nil || len(past.Known.Reads) != 2 || !past.Known.NextChange.Equal(noon.AddDate(0, 1, 0)) {
		t.Errorf("of a day gone by: %+v", past)
	}
	n.says(n.explain(reader, noon.Add(-day)).Known, "Member begins on 22 November 2026.")
}

func TestExplainingACancellation(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	if _, err := n.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	n.settle()
	n.says(n.explain(reader, time.Time{}).Known, "The subscription is cancelled and ends on 22 December 2026.")
	future := n.explain(reader, noon.Add(40*day))
	n.says(future.Known, "Member runs out on 22 December 2026.")
	n.pass(40 * day)
	n.says(n.explain(reader, time.Time{}).Known, "Member ran out on 22 December 2026: the subscription was cancelled and ended on 22 December 2026.")
}

// A refund that we learned of after a day changes what we know of that day, and not
// what the reader met on it.
func TestExplainingARefundThenAndNow(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.pass(31 * day) // renewed on 22 December
	second := n.ledger()[1]
	n.pass(10 * day)
	if err := n.stripe.Sim.Refund(second.PaymentIntentID, 0); err != nil {
		t.Fatal(err)
	}
	n.settle()
	n.says(n.explain(reader, time.Time{}).Known, "Member ran out on 22 December 2026: the payment of €8 for the time after it was refunded in full on 2 January 2027.")
	before := n.explain(reader, noon.Add(35*day))
	if before.Then == nil || len(before.Known.Reads) > 0 || len(before.Then.Reads) != 2 {
		t.Fatalf("then and now are not told apart: %+v", before)
	}
	n.says(*before.Then, "It is paid until 22 January 2027.")

	if err := n.stripe.Sim.Refund(n.ledger()[0].PaymentIntentID, 0); err != nil {
		t.Fatal(err)
	}
	n.settle()
	n.says(n.explain(reader, time.Time{}).Known, "Member ended on 2 January 2027: the payment of €8 was refunded in full.")
}

// Bought, given, confirmed and ended by hand: each source is named.
func TestExplainingEverySource(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	if err := n.GrantNewsletter(t.Context(), reader); err != nil {
		t.Fatal(err)
	}
	if err := n.SetGrant(t.Context(), models.Grant{MemberID: reader, Source: models.FromGroup, SourceRef: "school-7", PlanID: "member"}, models.Terms{ValidFrom: noon}, "joined"); err != nil {
		t.Fatal(err)
	}
	given := n.grant(reader, "patron", 30, "Won the quiz")
	n.says(n.explain(reader, time.Time{}).Known, "Newsletter, for reading the newsletter since 22 November 2026.", "It has no end.",
		"Member; its source is group school-7.", "Patron, with our compliments: given by cli:test on 22 November 2026 (Won the quiz).", "It lasts until 22 December 2026.")
	n.clock.advance(day)
	if _, ended, err := n.EndGrant(t.Context(), given.ID, by("By mistake")); err != nil || !ended {
		t.Fatal(ended, err)
	}
	n.says(n.explain(reader, time.Time{}).Known, "Patron ended on 23 November 2026: cli:test ended it (By mistake).")
	n.says(n.explain(reader, noon.Add(40*day)).Known, "Patron ended on 23 November 2026")
}

func by(reason string) billing.Why { return billing.Why{Actor: "cli:test", Reason: reason} }

// grant gives a plan for some days.
func (n *newsroom) grant(member uuid.UUID, plan string, days int, reason string) models.Grant {
	n.t.Helper()
	until := n.clock.now().AddDate(0, 0, days)
	g, _, err := n.GrantComplimentary(n.t.Context(), billing.Complimentary{MemberID: member, PlanID: plan, Until: &until, Why: by(reason)})
	if err != nil {
		n.t.Fatal(err)
	}
	return g
}

// Whatever was given and ended by hand, what is explained is what Derive answers: now,
// for the days to come, and for each day gone by as it was answered then.
func TestWhatIsExplainedIsWhatMayBeRead(t *testing.T) {
	t.Parallel()
	n := open(t)
	rapid.Check(t, func(t *rapid.T) {
		reader := n.member(uuid.NewString() + "@example.org")
		said := map[time.Time][]string{}
		var given []models.Grant
		for i := range rapid.IntRange(1, 8).Draw(t, "steps") {
			n.clock.advance(time.Duration(rapid.IntRange(1, 72).Draw(t, "hours")) * time.Hour)
			if len(given) > 0 && rapid.Bool().Draw(t, "end") {
				if _, _, err := n.EndGrant(n.t.Context(), rapid.SampledFrom(given).Draw(t, "which").ID, by("over")); err != nil {
					t.Fatal(err)
				}
			} else {
				plan := rapid.SampledFrom([]string{"member", "patron", "newsletter"}).Draw(t, "plan")
				given = append(given, n.grant(reader, plan, rapid.IntRange(1, 9).Draw(t, "days"), fmt.Sprint("step ", i)))
			}
			said[n.clock.now()] = n.may(reader).Names()
			n.clock.advance(time.Minute)
		}
		for at, want := range said {
			e := n.explain(reader, at)
			answer := e.Known
			if e.Then != nil {
				answer = *e.Then
			}
			if diff := cmp.Diff(want, names(answer)); diff != "" {
				t.Fatalf("as of %s (-said then, +explained):\n%s", at, diff)
			}
		}
		now := n.may(reader)
		e := n.explain(reader, time.Time{})
		if diff := cmp.Diff(now.Names(), names(e.Known)); diff != "" || e.Known.Tier != now.Tier || len(e.Known.Reads)+len(e.Known.Lacks) != 3 {
			t.Fatalf("now (-derived, +explained): %s\n%+v", diff, e.Known)
		}
		if !now.NextChange.IsZero() && !now.NextChange.Equal(*e.Known.NextChange) {
			t.Fatalf("the next change is %s, explained %s", now.NextChange, e.Known.NextChange)
		}
	})
}

func names(a billing.Access) []string {
	all := []string{}
	for _, r := range a.Reads {
		all = append(all, r.Feature)
	}
	slices.Sort(all)
	return all
}

// A dispute closes the article and, won, opens it again; lost, it stays closed. What
// was told while it was open stays what was told.
func TestExplainingADispute(t *testing.T) {
	t.Parallel()
	for verdict, told := range map[string]string{
		"won":  "It is paid until 22 December 2026.",
		"lost": "Member ended on 23 November 2026: the bank took the payment of €8 back.",
	} {
		t.Run(verdict, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader := n.member("reader@example.org")
			n.join(reader, simtest.Pays)
			n.pass(day)
			dispute, err := n.stripe.Sim.Dispute(n.ledger()[0].PaymentIntentID, "")
			if err != nil {
				t.Fatal(err)
			}
			n.settle()
			n.pass(day)
			n.says(n.explain(reader, time.Time{}).Known, "Member is suspended since 23 November 2026: the bank is questioning the payment of €8.")
			if _, err := n.PlanRefund(t.Context(), billing.Refund{Payment: n.ledger()[0].PaymentIntentID, By: by("x")}); code(err) != "refund_disputed" {
				t.Errorf("refunding it: %v", err)
			}
			if err := n.stripe.Sim.ResolveDispute(dispute, verdict); err != nil {
				t.Fatal(err)
			}
			n.settle()
			n.pass(day)
			n.says(n.explain(reader, time.Time{}).Known, told)
			open := n.explain(reader, noon.Add(36*time.Hour))
			if (open.Then != nil) != (verdict == "won") {
				t.Fatalf("%+v", open)
			}
			if open.Then != nil {
				n.says(*open.Then, "Member is suspended since 23 November 2026")
			}
		})
	}
}

// The month that is disputed is told, where an earlier one stays paid.
func TestExplainingADisputedRenewal(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.pass(31 * day)
	dispute, err := n.stripe.Sim.Dispute(n.ledger()[1].PaymentIntentID, "")
	if err != nil {
		t.Fatal(err)
	}
	n.settle()
	n.says(n.explain(reader, time.Time{}).Known, "the bank is questioning the payment of €8 for the time after it, since 23 December 2026")
	if err := n.stripe.Sim.ResolveDispute(dispute, "lost"); err != nil {
		t.Fatal(err)
	}
	n.settle()
	n.says(n.explain(reader, time.Time{}).Known, "the bank took the payment of €8 for the time after it back")
}

// byDebit opens a membership's page where a bank account is taken too.
func (n *newsroom) byDebit(reader uuid.UUID) string {
	n.t.Helper()
	customer, err := n.api.Customers.New(&stripe.CustomerParams{Metadata: map[string]string{"member_id": reader.String()}})
	if err != nil {
		n.t.Fatal(err)
	}
	session, err := n.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("https://members.example.news"), Customer: &customer.ID,
		PaymentMethodTypes: stripe.StringSlice([]string{"card", "sepa_debit"}),
		LineItems:          []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(n.price("member", models.Monthly, "eur").ID), Quantity: stripe.Int64(1)}},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return session.URL
}

// A first debit that is on its way, and a payment page that was left, are told.
func TestExplainingWhatIsNotPaidYet(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.stripe.PayByDebit(t, n.byDebit(reader), simtest.DebitPays)
	n.settle()
	sub := n.subscription(reader)
	n.says(n.explain(reader, time.Time{}).Known, "The first debit for subscription "+sub.ID+" is on its way; access begins when it has arrived.")
	for _, p := range n.ledger() {
		if _, err := n.PlanRefund(t.Context(), billing.Refund{Payment: p.PaymentIntentID, By: by("x")}); code(err) != "refund_pending" {
			t.Errorf("refunding it: %v", err)
		}
	}
	if len(n.ledger()) != 1 {
		t.Errorf("%d payments", len(n.ledger()))
	}
}

// Of several payments whose money went back, the one that explains the end is told.
func TestExplainingByTheRightPayment(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.pass(31 * day)
	n.pass(31 * day)
	if _, err := n.stripe.Sim.Dispute(n.ledger()[2].PaymentIntentID, ""); err != nil {
		t.Fatal(err)
	}
	for i, told := range []string{"the bank is questioning the payment of €8 for the time after it", "Member is suspended since 23 January 2027"} {
		n.settle()
		n.pass(day)
		if err := n.stripe.Sim.Refund(n.ledger()[i].PaymentIntentID, 0); err != nil {
			t.Fatal(err)
		}
		n.settle()
		n.says(n.explain(reader, time.Time{}).Known, told)
	}
}
