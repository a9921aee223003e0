package billing_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

func TestAMembershipOpensWhatItsPlanSays(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.reads(reader, false)
	sub := n.join(reader, simtest.Pays)

	e := n.may(reader)
	if diff := cmp.Diff([]string{"articles:full", "sources:links"}, e.Names()); diff != "" {
		t.Error(diff)
	}
	if e.Tier != "Member" || e.Grace != nil || e.Version != 1 || !e.MemberSince.Equal(noon) {
		t.Errorf("%+v", e)
	}
	paid := noon.AddDate(0, 1, 0)
	if !sub.PaidThrough.Equal(paid) || sub.Status != models.Active || sub.Kind != models.SubscriptionMembership {
		t.Errorf("snapshot: %+v", sub)
	}
	if !e.NextChange.Equal(paid) {
		t.Errorf("next change %s, want %s: from then on it rests on grace", e.NextChange, paid)
	}
	ledger := n.ledger()
	if len(ledger) != 1 || ledger[0].Amount != 800 || ledger[0].Kind != models.PaymentMembership || ledger[0].Fee == nil {
		t.Errorf("ledger: %+v", ledger)
	}
}

// A renewal that works goes unnoticed; the ledger has a line for each month.
func TestAYearOfRenewals(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	for month := 1; month <= 12; month++ {
		n.pass(noon.AddDate(0, month, 0).Add(2 * time.Hour).Sub(n.clock.now()))
		n.reads(reader, true)
		if e := n.may(reader); e.Grace != nil {
			t.Errorf("month %d rests on grace: %+v", month, e.Grace)
		}
	}
	if got := len(n.ledger()); got != 13 {
		t.Errorf("%d payments, want 13", got)
	}
}

// Stripe moves the period an hour before it tries the card: granting by the period
// would give a free month to every failed card.
func TestAFailedRenewalGivesNoFreeMonth(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.DeclinesLater)
	paid := noon.AddDate(0, 1, 0)

	n.pass(paid.Add(30 * time.Minute).Sub(n.clock.now()))
	sub := n.subscription(reader)
	if !sub.PaidThrough.Equal(paid) || !sub.CurrentPeriodEnd.After(paid) {
		t.Errorf("before the charge: paid through %s, period ends %s", sub.PaidThrough, sub.CurrentPeriodEnd)
	}
	n.pass(2 * time.Hour)
	sub = n.subscription(reader)
	if sub.Status != models.PastDue || !sub.PaidThrough.Equal(paid) || sub.FailedAt == nil {
		t.Errorf("after the charge: %+v", sub)
	}
	if e := n.may(reader); e.Grace == nil || e.Grace.Reason != "past_due" {
		t.Errorf("grace = %+v, want past_due", e.Grace)
	}
	n.pass(6 * day)
	n.reads(reader, true) // the plan gives seven days
	n.pass(25 * time.Hour)
	n.reads(reader, false)
	n.pass(60 * day)
	n.reads(reader, false)
}

func TestACancelledMembershipKeepsItsPaidMonth(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	portal, err := n.PortalURL(t.Context(), reader, "https://members.example.news/account")
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.CancelInPortal(t, portal)
	n.settle()
	account, err := n.Account(t.Context(), reader)
	if err != nil || len(account.Memberships) != 1 {
		t.Fatalf("%+v, %v", account, err)
	}
	if m := account.Memberships[0]; !m.RenewsAt.IsZero() || !m.CancelAt.Equal(noon.AddDate(0, 1, 0)) {
		t.Errorf("%+v", m)
	}
	n.pass(29 * day)
	n.reads(reader, true)
	n.pass(2 * day) // no slack: no renewal is due
	n.reads(reader, false)
}

func TestACancellationTakenBackRenews(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	portal, err := n.PortalURL(t.Context(), reader, "https://members.example.news/account")
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.CancelInPortal(t, portal)
	n.settle()
	n.stripe.KeepInPortal(t, portal)
	n.settle()
	n.pass(40 * day)
	n.reads(reader, true)
}

func TestARefundClosesAtOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	before := n.may(reader).Version
	n.pass(day)
	if err := n.stripe.Sim.Refund(*n.ledger()[0].ChargeID, 300); err != nil {
		t.Fatal(err)
	}
	n.settle()
	n.reads(reader, true) // in part
	if err := n.stripe.Sim.Refund(*n.ledger()[0].ChargeID, 500); err != nil {
		t.Fatal(err)
	}
	n.settle()
	n.reads(reader, false) // in parts that sum to the whole
	if got := n.may(reader).Version; got <= before {
		t.Errorf("entitlement version %d, was %d", got, before)
	}
	if got := n.ledger()[0].Refunded; got != 800 {
		t.Errorf("refunded %d", got)
	}
	var grant models.Grant
	if err := n.db.Take(&grant).Error; err != nil || grant.RevokedReason != "refunded" || !grant.RevokedAt.Equal(n.clock.now()) {
		t.Errorf("%+v, %v", grant.Terms, err)
	}
}

// Every change of a grant leaves an event, and nothing else does: syncing the same
// state again is silent.
func TestGrantsLeaveATrail(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	n.pass(31 * day)
	for range 3 {
		mark(n, sub.CustomerID)
		n.settle()
	}
	var changes []models.GrantChange
	if err := n.db.Model(&models.GrantEvent{}).Order("recorded_at, id").Pluck("change", &changes).Error; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]models.GrantChange{models.Granted, models.Extended}, changes); diff != "" {
		t.Error(diff)
	}
	if v := n.may(reader).Version; v != 2 {
		t.Errorf("version %d, want 2", v)
	}
}

// A price that is no longer sold keeps granting, with the features it was sold
// with, to those who hold it.
func TestARetiredPriceKeepsGranting(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	old := n.price("member", models.Monthly, "eur")
	n.join(reader, simtest.Pays)
	c := shipped(t)
	c.Plans["member"].Prices[models.Monthly]["eur"] = "9"
	plan := c.Plans["member"]
	plan.Features = []string{"articles:full"}
	c.Plans["member"] = plan
	n.apply(c)
	if n.price("member", models.Monthly, "eur").ID == old.ID {
		t.Error("a changed amount kept its price")
	}
	n.pass(32 * day)
	if diff := cmp.Diff([]string{"articles:full", "sources:links"}, n.may(reader).Names()); diff != "" {
		t.Error(diff)
	}
	if _, err := n.checkout(buyer(nil), old.ID); code(err) != "price_unknown" {
		t.Errorf("the retired price is still sold: %v", err)
	}
}
