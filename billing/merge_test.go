package billing_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// Every table with a member in it has been thought of: a row is moved, or tells of the
// past, or ends.
func TestEveryRowOfAMemberHasItsFate(t *testing.T) {
	t.Parallel()
	n := open(t)
	var tables []string
	err := n.db.Raw(`SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'member_id' ORDER BY table_name`).Scan(&tables).Error
	if err != nil {
		t.Fatal(err)
	}
	fates := append([]string{
		"grants",       // moved, with an event each
		"grant_events", // what tells of the past stays
		"audit_log",
		"revocations",
		"sessions",        // ended
		"address_changes", // closed
	}, billing.Owned...)
	slices.Sort(fates)
	if !slices.Equal(tables, fates) {
		t.Errorf("tables with a member: %v; decided are %v", tables, fates)
	}
}

// A sync that has looked up whose customer it is, and waits for that member while it is
// merged, writes for the other.
func TestASyncThatWaitsForAMerge(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	stray := n.buysAs("ada@example.org")
	customer := n.subscription(stray).CustomerID
	n.stripe.Sim.StopDelivering()
	n.pass(31 * day)
	mark(n, customer)
	subject := claim(n, customer)
	synced := make(chan error, 1)
	err := n.MergeWhile(t.Context(), stray, ada, func() {
		go func() { synced <- n.SyncOnce(t.Context(), subject) }()
		eventually(t, func() bool {
			var waiting int
			err := n.db.Raw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting).Error
			return err == nil && waiting > 0
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-synced; err != nil {
		t.Fatal(err)
	}
	n.reads(ada, true)
	n.reads(stray, false)
	for _, table := range []string{"customers", "payments", "grants"} {
		if behind := n.count(table, "member_id = ?", stray); behind != 0 {
			t.Errorf("%d %s are written for who is nobody any more", behind, table)
		}
	}
	if all := n.ledger(); len(all) != 2 {
		t.Errorf("%+v", all)
	}
}

// What was fetched before and is applied after a merge is the other's.
func TestASyncAroundAMerge(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	stray := n.buysAs("ada@example.org")
	customer := n.subscription(stray).CustomerID
	n.resync(n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		stripe.ServeHTTP(w, r)
		if err := n.AddStray(t.Context(), ada, stray, ""); err != nil {
			t.Error(err)
		}
	}), customer)
	n.reads(ada, true)
	if behind := n.count("grants", "member_id = ?", stray) + n.count("payments", "member_id = ?", stray); behind != 0 {
		t.Errorf("%d rows stayed behind", behind)
	}
}

// An errand that is carried out while its member is merged is noted with the other.
func TestAnErrandAroundAMerge(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	stray := n.buysAs("ada@example.org")
	sub := n.subscription(stray)
	n.resync(n.edited(disputed("needs_response")), sub.CustomerID)
	n.resync(n.edited(disputed("lost")), sub.CustomerID)
	direct := n.Service
	n.Service = n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		stripe.ServeHTTP(w, r)
		if r.Method == http.MethodDelete {
			if err := direct.AddStray(t.Context(), ada, stray, ""); err != nil {
				t.Error(err)
			}
		}
	})
	if worked, err := n.Errand(t.Context()); err != nil || !worked {
		t.Fatal(worked, err)
	}
	n.Service = direct
	if noted := n.count("audit_log", "action = 'dispute.canceled' AND member_id = ?", ada); noted != 1 {
		t.Errorf("noted %d times with the member", noted)
	}
	if done := n.count("errands", "member_id = ? AND status = 'done'", ada); done != 1 {
		t.Errorf("%d errands are done", done)
	}
}

// A second membership for which an errand is owed, and that comes with a merge, is still
// a second one.
func TestASecondMembershipThatIsMergedOnItsWay(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	stray := n.buysAs("ada@example.org")
	n.stripe.Pay(t, n.twin(stray, n.intent()), simtest.Pays)
	n.settle()
	claimed, err := n.ClaimErrand(t.Context())
	if err != nil || claimed == nil {
		t.Fatal(claimed, err)
	}
	n.adds(ada, stray)
	if called, err := n.Stands(t.Context(), *claimed); err != nil || !called {
		t.Errorf("still called for: %t, %v", called, err)
	}
	n.real.advance(billing.Lease + time.Second)
	n.heal()
	n.oneLeft(ada, 2)
}

// A refund that was asked for before a merge, and not answered, is found after it: the
// money goes back once.
func TestARefundAroundAMerge(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	stray := n.buysAs("ada@example.org")
	wish := billing.Refund{Payment: n.ledger()[0].PaymentIntentID, KeepAccess: true, By: byStaff}
	deaf := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/refunds" {
			stripe.ServeHTTP(nowhere{}, r)
			if err := n.AddStray(t.Context(), ada, stray, ""); err != nil {
				t.Error(err)
			}
			hangUp(t, w)
			return
		}
		stripe.ServeHTTP(w, r)
	})
	plan, err := deaf.PlanRefund(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deaf.MakeRefund(t.Context(), plan); code(err) != "refund_unanswered" {
		t.Fatalf("%v", err)
	}
	n.settle()
	if plan, err = n.PlanRefund(t.Context(), wish); err != nil || plan.Effects[0].ID != "refund.resumed" {
		t.Fatalf("%+v, %v", plan.Effects, err)
	}
	if _, err := n.MakeRefund(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	n.settle()
	if refunds := n.stripe.Sim.Payments()[0].Refunds; len(refunds) != 1 {
		t.Errorf("refunded %d times", len(refunds))
	}
	n.reads(ada, true) // what the refund took is given back to who has it now
}

// Asked about the past, the books say what is known now, and what the reader met then.
func TestAMergeIsTold(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	stray := n.buysAs("ada@example.org")
	n.pass(2 * day)
	if _, _, err := n.GrantComplimentary(t.Context(), billing.Complimentary{MemberID: stray, PlanID: "patron", Why: byStaff}); err != nil {
		t.Fatal(err)
	}
	n.pass(2 * day)
	n.adds(ada, stray)
	n.pass(day)
	e, err := n.Explain(t.Context(), ada, noon.Add(day))
	if err != nil || len(e.Known.Reads) == 0 || e.Then == nil || len(e.Then.Reads) != 0 {
		t.Fatalf("%+v, then %+v, %v", e.Known, e.Then, err)
	}
	var told []string
	for _, g := range e.Known.Grants {
		for _, why := range g.Why {
			told = append(told, why.ID)
		}
	}
	for _, want := range []string{"why.from.subscription_monthly", "why.added", "why.from.complimentary"} {
		if !slices.Contains(told, want) {
			t.Errorf("%v lacks %s", told, want)
		}
	}
	for _, text := range []string{stray.String(), ada.String(), "ada@example.org", stray.String()[:8]} {
		found, err := n.FindMember(t.Context(), text)
		if err != nil || found.ID != ada {
			if strings.HasPrefix(ada.String(), text) && code(err) == "member_ambiguous" {
				continue
			}
			t.Errorf("%s leads to %s, %v", text, found.ID, err)
		}
	}
	list, err := n.FindMembers(t.Context(), "ada@", nil)
	if err != nil || len(list.Members) != 1 || list.Members[0].ID != ada {
		t.Errorf("%+v, %v", list.Members, err)
	}
	var audited []string
	if err := n.Audit(t.Context(), billing.AuditFilter{Member: &ada}, func(line billing.AuditLine) error {
		audited = append(audited, line.Action)
		return nil
	}); err != nil || !slices.Equal(audited, []string{"grant.added", "member.merged"}) {
		t.Errorf("%v, %v", audited, err)
	}
	if d, err := n.Dossier(t.Context(), ada); err != nil || len(d.Audit) != 2 || len(d.Merged) != 1 || d.Merged[0].ID != stray {
		t.Errorf("%+v, %v", d, err)
	}
}

// Staff merge a member whose address nobody has proven, such as one under a typing
// mistake; that address is free again.
func TestStaffMergeATypingMistake(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada, eve := n.member("ada@example.org"), n.member("eve@example.org")
	typo := n.buysAs("ada@exmaple.org")
	plan, err := n.PlanMerge(t.Context(), typo, ada)
	if err != nil || len(plan.Effects) != 2 || plan.Effects[0].Data["Payments"] != int64(1) {
		t.Fatalf("%+v, %v", plan, err)
	}
	n.reads(ada, false)
	if err := n.Merge(t.Context(), typo, ada, byStaff); err != nil {
		t.Fatal(err)
	}
	n.reads(ada, true)
	if m := n.row(typo); m.Email != nil || m.Address() != "ada@exmaple.org" {
		t.Errorf("%+v", m)
	}
	again := n.buysAs("ada@exmaple.org")
	if m := n.row(again); m.Provisional() {
		t.Errorf("the address is not free: %+v", m)
	}
	n.join(eve, simtest.Pays)
	if plan, err = n.PlanMerge(t.Context(), again, eve); err != nil || len(plan.Effects) != 3 || plan.Effects[2].ID != "merge.twin.ends" {
		t.Errorf("%+v, %v", plan.Effects, err)
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"again":        {n.Merge(t.Context(), typo, ada, byStaff), "merge_same"},
		"with oneself": {n.Merge(t.Context(), again, again, byStaff), "merge_same"},
		"a proven one": {n.Merge(t.Context(), ada, eve, byStaff), "merge_proven"},
		"into nobody":  {n.Merge(t.Context(), again, typo, byStaff), "merge_unproven"},
		"no reason":    {n.Merge(t.Context(), again, eve, billing.Why{Actor: "cli:ada"}), "reason_missing"},
	} {
		if code(c.err) != c.want {
			t.Errorf("%s: %v, want %s", name, c.err, c.want)
		}
	}
}

// An owner who took their address back from whoever had taken it (address.undone) adds
// what that member had bought and added: nothing is left with either.
func TestWhoHadTakenInOthersIsMerged(t *testing.T) {
	t.Parallel()
	n := open(t)
	taker := n.member("ada@example.org")
	first := n.buysAs("ada@example.org")
	n.adds(taker, first)
	n.exec(`INSERT INTO address_changes (id, member_id, session_id, old_email, new_email, seed, limited, locale, created_at, expires_at, undo_until)
		VALUES (?, ?, ?, 'ada@example.org', 'new@example.org', decode(repeat('00', 32), 'hex'), false, 'en', ?, ?, ?)`,
		models.NewID(), taker, models.NewID(), noon, noon.Add(time.Hour), noon.Add(7*day))
	n.exec(`UPDATE members SET email = NULL, provisional_email = email, email_verified_at = NULL WHERE id = ?`, taker)
	ada := n.member("ada@example.org")
	n.adds(ada, taker)
	n.reads(ada, true)
	for _, merged := range []models.Member{n.row(first), n.row(taker)} {
		if merged.MergedInto == nil || *merged.MergedInto != ada {
			t.Errorf("%+v", merged)
		}
	}
	if open := n.count("address_changes", "undone_at IS NULL"); open != 0 {
		t.Errorf("%d wishes for an address of who is nobody any more", open)
	}
	if d, err := n.Dossier(t.Context(), ada); err != nil || len(d.Merged) != 2 {
		t.Errorf("%+v, %v", d.Merged, err)
	}
}

func (n *newsroom) exec(statement string, with ...any) {
	n.t.Helper()
	if err := n.db.Exec(statement, with...).Error; err != nil {
		n.t.Fatal(err)
	}
}

// What both were given alike stays behind, and gives nothing twice.
func TestTheSameComplimentForBoth(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada := n.member("ada@example.org")
	stray := n.buysAs("ada@example.org")
	for _, member := range []models.Member{n.row(ada), n.row(stray)} {
		if _, _, err := n.GrantComplimentary(t.Context(), billing.Complimentary{MemberID: member.ID, PlanID: "patron", Why: byStaff}); err != nil {
			t.Fatal(err)
		}
	}
	n.adds(ada, stray)
	if got := n.count("grants", "member_id = ?", ada); got != 2 {
		t.Errorf("%d grants, want the bought one and one compliment", got)
	}
	n.reads(ada, true)
}
