package billing_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// buysAs has somebody who is not signed in buy a membership under an address, and returns
// whose purchase that is.
func (n *newsroom) buysAs(address string) uuid.UUID {
	n.t.Helper()
	b := buyer(nil)
	page, err := n.checkout(b, n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		n.t.Fatal(err)
	}
	n.stripe.PayAs(n.t, page, simtest.Pays, address)
	n.settle()
	var intent models.CheckoutIntent
	if err := n.db.Where("session_url = ?", page).Take(&intent).Error; err != nil || intent.MemberID == nil {
		n.t.Fatalf("nobody owns the purchase: %+v, %v", intent, err)
	}
	return *intent.MemberID
}

func (n *newsroom) strays(owner uuid.UUID) []billing.Stray {
	n.t.Helper()
	all, err := n.Strays(n.t.Context(), owner)
	if err != nil {
		n.t.Fatal(err)
	}
	return all
}

func (n *newsroom) adds(owner, stray uuid.UUID) {
	n.t.Helper()
	if err := n.AddStray(n.t.Context(), owner, stray, n.told(owner, stray)); err != nil {
		n.t.Fatal(err)
	}
}

// told is what the owner is told beside the button; "" where there is none.
func (n *newsroom) told(owner, stray uuid.UUID) string {
	n.t.Helper()
	for _, each := range n.strays(owner) {
		if each.ID == stray {
			return each.Told()
		}
	}
	return ""
}

func (n *newsroom) row(member uuid.UUID) models.Member {
	n.t.Helper()
	var m models.Member
	if err := n.db.Where("id = ?", member).Take(&m).Error; err != nil {
		n.t.Fatal(err)
	}
	return m
}

// count is how many rows of a table are so.
func (n *newsroom) count(table, so string, with ...any) (rows int64) {
	n.t.Helper()
	if err := n.db.Table(table).Where(so, with...).Count(&rows).Error; err != nil {
		n.t.Fatal(err)
	}
	return rows
}

func TestAPurchaseUnderMyAddressBecomesMine(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	n.clock.advance(time.Hour)
	stray := n.buysAs("ada@example.org")
	n.reads(stray, true)
	n.reads(ada, false)
	got := n.strays(ada)
	if len(got) != 1 || got[0].ID != stray || got[0].PlanName != "Member" || got[0].Price.String() != "8.00 EUR" || len(got[0].Twins) != 0 || got[0].BoughtAt.Before(noon.Add(time.Hour)) {
		t.Fatalf("%+v", got)
	}
	before := n.row(stray).EntitlementVersion
	for range 2 { // a second click
		n.adds(ada, stray)
	}
	n.reads(stray, false)
	n.reads(ada, true)
	if left := n.strays(ada); len(left) != 0 {
		t.Errorf("still asked about: %+v", left)
	}
	for _, table := range []string{"customers", "checkout_intents", "payments", "grants"} {
		if mine, theirs := n.count(table, "member_id = ?", ada), n.count(table, "member_id = ?", stray); mine != 1 || theirs != 0 {
			t.Errorf("%s: %d are the member's, %d stayed behind", table, mine, theirs)
		}
	}
	m := n.row(stray)
	if m.MergedInto == nil || *m.MergedInto != ada || m.MergedAt == nil || m.EntitlementVersion <= before {
		t.Errorf("%+v", m)
	}
	if dead := n.count("revocations", "member_id = ? AND version = ?", stray, m.EntitlementVersion); dead != 1 {
		t.Errorf("%d rows end the tokens of before", dead)
	}
	if entries := n.count("audit_log", "action = 'member.merged' AND subject = ? AND member_id = ?", stray.String(), ada); entries != 1 {
		t.Errorf("%d entries in the audit log", entries)
	}
	n.pass(40 * day)
	n.reads(ada, true)
	if all := n.ledger(); len(all) != 2 || *all[1].MemberID != ada {
		t.Errorf("the renewal: %+v", all)
	}
}

// Only who has proven the address is asked, and can answer.
func TestAStrayIsForNobodyElse(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada, eve := n.member("ada@example.org"), n.member("eve@example.org")
	stray := n.buysAs("ada@example.org")
	unproven := n.buysAs("bob@example.org")
	second := n.buysAs("bob@example.org")
	for name, c := range map[string]struct{ member, stray uuid.UUID }{
		"another's":             {eve, stray},
		"of an unproven member": {unproven, second},
		"an owner":              {eve, ada},
		"oneself":               {ada, ada},
		"nobody":                {ada, models.NewID()},
		"by itself":             {stray, stray},
	} {
		if all := n.strays(c.member); c.member != ada && len(all) != 0 {
			t.Errorf("%s: asked about %+v", name, all)
		}
		for answer, say := range map[string]error{
			"add": n.AddStray(t.Context(), c.member, c.stray, ""), "disown": n.DisownStray(t.Context(), c.member, c.stray),
		} {
			if code(say) != "stray_not_found" {
				t.Errorf("%s, %s: %v", name, answer, say)
			}
		}
	}
	if changed := n.count("members", "merged_into IS NOT NULL OR disowned_at IS NOT NULL"); changed != 0 {
		t.Errorf("%d members changed", changed)
	}
}

// "It was not me": nothing moves, nobody is asked again, and staff see who needs help.
func TestAStrayThatWasSomebodyElse(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	stray := n.buysAs("ada@example.org")
	for range 2 {
		if err := n.DisownStray(t.Context(), ada, stray); err != nil {
			t.Fatal(err)
		}
		n.clock.advance(time.Hour)
	}
	n.reads(stray, true)
	n.reads(ada, false)
	if all := n.strays(ada); len(all) != 0 {
		t.Errorf("asked again: %+v", all)
	}
	if err := n.AddStray(t.Context(), ada, stray, ""); code(err) != "stray_not_found" {
		t.Errorf("added all the same: %v", err)
	}
	if entries := n.count("audit_log", "action = 'purchase.disowned' AND member_id = ?", ada); entries != 1 {
		t.Errorf("%d entries in the audit log", entries)
	}
	if at := n.row(stray).DisownedAt; at == nil || !at.Equal(noon) {
		t.Errorf("disowned at %v", at)
	}
	d, err := n.Dossier(t.Context(), stray)
	if err != nil || !d.Member.Disowned || len(d.Open) != 1 || d.Open[0].ID != "stray.open" {
		t.Errorf("staff see %+v %+v, %v", d.Member, d.Open, err)
	}
	if d, err = n.Dossier(t.Context(), ada); err != nil || len(d.Open) != 0 || len(d.Duplicates) != 1 || !d.Duplicates[0].Disowned {
		t.Errorf("beside the owner: %+v %+v, %v", d.Open, d.Duplicates, err)
	}
	if err := n.Merge(t.Context(), stray, ada, byStaff); err != nil {
		t.Fatal(err)
	}
	if d, err = n.Dossier(t.Context(), ada); err != nil || len(d.Open) != 0 || len(d.Duplicates) != 0 || len(d.Merged) != 1 {
		t.Errorf("after staff have put it right: %+v, %v", d, err)
	}
}

var byStaff = billing.Why{Actor: "cli:ada", Reason: "Saw the bank statement"}

// Two memberships that become one member's are what the healing makes of two, and the
// reader is told before.
func TestAStrayBesideAMembership(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own, stray time.Duration // when each was bought
		told       string
	}{
		"the stray came second":  {0, time.Hour, "stray.twin.ends"},
		"the stray came first":   {time.Hour, 0, "stray.twin.stays"},
		"more than a day before": {0, 25 * time.Hour, "stray.twin.waits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			ada := n.member("ada@example.org")
			var own, stray string
			buys := []func(){func() { own = n.join(ada, simtest.Pays).ID }, func() { stray = n.subscription(n.buysAs("ada@example.org")).ID }}
			if c.stray < c.own {
				buys[0], buys[1] = buys[1], buys[0]
			}
			buys[0]()
			n.pass(max(c.own, c.stray))
			buys[1]()
			asked := n.strays(ada)
			if len(asked) != 1 || len(asked[0].Twins) != 1 || asked[0].Twins[0].ID != c.told {
				t.Fatalf("told %+v", asked)
			}
			if err := n.AddStray(t.Context(), ada, asked[0].ID, ""); code(err) != "stray_changed" {
				t.Errorf("added although nothing was said of two memberships: %v", err)
			}
			n.adds(ada, asked[0].ID)
			n.heal()
			live := map[string]bool{}
			for _, sub := range n.stripe.Sim.Subscriptions() {
				live[sub.ID] = sub.Status == "active"
			}
			want := map[string]bool{own: c.told != "stray.twin.stays", stray: c.told != "stray.twin.ends"}
			if diff := cmp.Diff(want, live); diff != "" {
				t.Errorf("going on (-want +got):\n%s", diff)
			}
			n.reads(ada, true)
			waiting, err := n.Errands(t.Context(), models.ErrandWaiting, 10)
			if err != nil || (len(waiting) == 1) != (c.told == "stray.twin.waits") {
				t.Errorf("waiting for staff: %+v, %v", waiting, err)
			}
			portal, err := n.PortalURL(t.Context(), ada, "https://members.example.news/account")
			if err != nil || portal == "" {
				t.Errorf("%q, %v", portal, err)
			}
		})
	}
}

// The portal is that of the customer whose membership goes on, and not of the first.
func TestThePortalIsOfTheMembershipThatGoesOn(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	n.stripe.Pay(t, n.give(gift(&ada, "10", models.Once)), simtest.Pays)
	n.settle()
	n.clock.advance(time.Hour)
	n.adds(ada, n.buysAs("ada@example.org"))
	asked := ""
	portals := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.URL.Path == "/v1/billing_portal/sessions" {
			asked = r.FormValue("customer")
			refuse(w, 500, "", "seen enough")
			return
		}
		stripe.ServeHTTP(w, r)
	})
	_, _ = portals.PortalURL(t.Context(), ada, "https://members.example.news/account")
	if want := n.subscription(ada).CustomerID; asked != want {
		t.Errorf("the portal of %q, want that of %q", asked, want)
	}
	if n.count("customers", "member_id = ?", ada) != 2 {
		t.Error("there are not two customers: nothing was shown")
	}
}

// Both buttons, many times, at once: one answer counts, once.
func TestBothAnswersAtOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	stray := n.buysAs("ada@example.org")
	var all sync.WaitGroup
	for range 4 {
		for _, answer := range []func() error{
			func() error { return n.AddStray(t.Context(), ada, stray, "") },
			func() error { return n.DisownStray(t.Context(), ada, stray) },
			func() error { return n.Merge(t.Context(), stray, ada, byStaff) },
		} {
			all.Go(func() {
				if err := answer(); err != nil && code(err) != "stray_not_found" && code(err) != "merge_same" {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	merged := n.count("audit_log", "action = 'member.merged'")
	if m := n.row(stray); merged != 1 || m.MergedInto == nil {
		t.Errorf("merged %d times: %+v", merged, m)
	}
	n.reads(ada, true)
}
