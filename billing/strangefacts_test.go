package billing_test

import (
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// strange has the books say of a paid month, or of a credit that cuts it, that its money
// went back in a way that this program does not know: a newer one has run.
func (n *newsroom) strange(fact string) {
	n.t.Helper()
	n.sql(`UPDATE subscriptions SET stretches = jsonb_set(stretches, '{0}', (stretches->0) || CAST(? AS jsonb)), policy_version = 0`, fact)
}

// Facts that a newer program kept are neither access nor its end: what was given stays
// until Stripe has been asked, and then Stripe decides.
func TestFactsOfANewerProgramAreAskedForAnew(t *testing.T) {
	t.Parallel()
	for name, fact := range map[string]string{
		"lost": `{"lost": "seized"}`,
		"cut":  `{"cuts": [{"at": "2026-11-23T00:00:00Z", "lost": "seized"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			reader := n.member("reader@example.org")
			n.join(reader, simtest.Pays)
			n.pass(3 * time.Minute) // the settle pass
			n.strange(fact)
			if found, findings := n.finds(n.sound()); len(found) != 0 || findings.Unjudged != 1 {
				t.Errorf("the doctor: %v, %+v", found, findings)
			}
			if totals, err := n.PreviewPolicy(t.Context(), shipped(t), func(billing.PolicyChange) error { return nil }); err != nil || totals.Unknown != 1 {
				t.Errorf("the preview: %+v, %v", totals, err)
			}
			if _, err := n.FollowPolicy(t.Context()); err != nil {
				t.Fatal(err)
			}
			if events := n.changes(); len(events) != 1 {
				t.Errorf("the grant followed: %v", events)
			}
			n.real.advance(2 * time.Hour)
			if asked, err := n.AskForFacts(t.Context()); err != nil || asked != 1 {
				t.Fatalf("%d asked for, %v", asked, err)
			}
			n.settle()
			n.reads(reader, true)
			if sub := n.subscription(reader); !sub.FactsKnown() || sub.PolicyVersion == 0 {
				t.Errorf("%+v", sub)
			}
		})
	}
}

// What the policy says nothing of is an error in words, whatever else is known.
func TestMoneyThatWentBackInAnUnknownWayIsAnError(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	for i, strange := range []models.Stretch{
		{Lost: "seized", Invoice: "in_1"},
		{Cuts: []models.Cut{{Lost: models.LostToRefund}, {Lost: "seized"}}, Invoice: "in_1"},
	} {
		sub.Stretches = []models.Stretch{{Lost: models.LostToDispute}, strange}
		err := n.GrantFrom(t.Context(), sub, reader)
		if err == nil || !strings.Contains(err.Error(), `subscription `+sub.ID+`: the money of invoice in_1 went back as "seized"`) {
			t.Errorf("%d: %v", i, err)
		}
	}
	n.reads(reader, true)
	if err := n.GrantFrom(t.Context(), n.subscription(reader), reader); err != nil {
		t.Error(err)
	}
}
