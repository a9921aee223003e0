package cli

import (
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// subject makes a subject of the sync, with an event about it.
func (d desk) subject(id string, change map[string]any) {
	d.t.Helper()
	now := time.Now()
	err := d.db.Write(d.t.Context(), func(tx *gorm.DB) error {
		row := models.SyncSubject{ID: id, Kind: models.SubjectCustomer, Dirty: 3, NextAt: now}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		event := models.StripeEvent{ID: "evt_" + id, Type: "invoice.paid", ObjectType: "invoice", ObjectID: "in_1", SubjectID: &id, Dirty: 2, BodyHash: make([]byte, 32), CreatedAt: now, ReceivedAt: now}
		if err := tx.Create(&event).Error; err != nil {
			return err
		}
		return tx.Model(&row).Updates(change).Error
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// states makes one subject in each state.
func (d desk) states() {
	d.t.Helper()
	now := time.Now()
	d.subject("cus_done", map[string]any{"synced": 3, "claimed": 3})
	d.subject("cus_pending", map[string]any{})
	d.subject("cus_failing", map[string]any{"failing_since": now, "attempts": 4, "next_at": now.Add(time.Hour), "last_error": "stripe: api_error  (HTTP 500, request req_1)"})
	d.subject("cus_dead", map[string]any{"dead_at": now, "last_error": "stripe: invalid_request_error  (HTTP 400, request req_2)"})
}

func TestEventsByState(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.run("events", "list", "--dead").want(0, "Nothing is dead.")
	d.states()
	for state, want := range map[string]string{
		"done": "", "pending": "waits for its turn", "failing": "tried 4 times", "dead": "given up on",
	} {
		line := ""
		for _, each := range strings.Split(d.run("events", "list", "--limit=1000").want(0).stdout, "\n") {
			if strings.Contains(each, "evt_cus_"+state+" ") {
				line = each
			}
		}
		if !strings.HasSuffix(strings.TrimSpace(line), " "+state) {
			t.Errorf("evt_cus_%s is %q", state, line)
		}
		d.run("events", "show", "evt_cus_"+state).want(0, "cus_"+state, want, "invoice.paid")
		if want == "" {
			continue
		}
		out := d.run("events", "list", "--"+state).want(0, "cus_"+state, want)
		for _, other := range []string{"done", "pending", "failing", "dead"} {
			if other != state {
				out.wantNot("cus_" + other)
			}
		}
	}
	d.run("events", "list", "--dead", "--json").want(0, `"id": "cus_dead"`, `"state": "dead"`, `"more": false`)
	d.run("events", "list", "--subject", "cus_dead", "--limit", "1").want(0, "evt_cus_dead").wantNot("evt_cus_pending")
	d.run("events", "list", "--since", "1h", "--limit", "1").want(0, "There are more than these 1")
	d.run("events", "show", "cus_failing", "--json").want(0, `"attempts": 4`, "req_1")
}

func TestEventsReplay(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.states()
	dirty := func(id string) (row models.SyncSubject) {
		if err := d.db.Where("id = ?", id).Take(&row).Error; err != nil {
			t.Fatal(err)
		}
		return row
	}
	d.run("events", "replay", "--dead", "--dry-run").want(0, "1 would be synced", "nothing was changed")
	if row := dirty("cus_dead"); row.DeadAt == nil || row.Dirty != 3 {
		t.Errorf("the dry run wrote: %+v", row)
	}
	d.run("events", "replay", "--dead").want(1, "say why")
	d.run("--as", "night-shift", "events", "replay", "--dead", "--reason", "mended").want(0, "1 marked", "running service")
	if row := dirty("cus_dead"); row.DeadAt != nil || row.Dirty != 4 {
		t.Errorf("not replayed: %+v", row)
	}
	d.run("events", "replay", "--event", "evt_cus_done", "--reason", "again").want(0, "1 marked")
	d.run("events", "replay", "--subject", "cus_failing", "--reason", "again").want(0, "1 marked")
	if row := dirty("cus_failing"); row.NextAt.After(time.Now()) {
		t.Errorf("waits for its back-off: %+v", row)
	}
	if row := dirty("cus_done"); row.Dirty != 4 {
		t.Errorf("%+v", row)
	}
	d.run("events", "replay", "--since", "1h", "--reason", "again").want(0, "marked")
	if row := dirty("cus_pending"); row.Dirty != 4 {
		t.Errorf("%+v", row)
	}
	var entries []models.AuditEntry
	if err := d.db.Where("action = 'events.replayed'").Order("at, id").Find(&entries).Error; err != nil || len(entries) != 4 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if e := entries[0]; e.Actor != "cli:night-shift" || e.Subject != "dead" || e.Reason != "mended" || !strings.Contains(string(e.After), `"subjects": 1`) {
		t.Errorf("%+v %s", e, e.After)
	}
}

// What is done by hand and what the audit log tells of it are one commit.
func TestNothingIsReplayedUnnoted(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.states()
	if err := d.db.Exec("ALTER TABLE audit_log ADD CHECK (action <> 'events.replayed')").Error; err != nil {
		t.Fatal(err)
	}
	d.run("events", "replay", "--dead", "--reason", "mended").want(1)
	var row models.SyncSubject
	if err := d.db.Where("id = 'cus_dead'").Take(&row).Error; err != nil || row.DeadAt == nil {
		t.Errorf("replayed, and nobody knows by whom: %+v, %v", row, err)
	}
}

// More than one batch: each once, and the lot is counted.
func TestEventsReplayOfMany(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	err := d.db.Exec(`INSERT INTO sync_subjects (id, account, livemode, kind, dirty, next_at, dead_at)
		SELECT 'cus_many' || n, '', false, 'customer', 1, ?::timestamptz + n * interval '1 second', ?::timestamptz FROM generate_series(1, 2500) n`, time.Now(), time.Now()).Error
	if err != nil {
		t.Fatal(err)
	}
	d.run("events", "replay", "--dead", "--reason", "mended").want(0, "2500 marked")
	var twice int64
	if err := d.db.Raw("SELECT count(*) FROM sync_subjects WHERE id LIKE 'cus_many%' AND dirty <> 2").Scan(&twice).Error; err != nil || twice != 0 {
		t.Errorf("%d not marked once, %v", twice, err)
	}
}

func TestEventsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	for _, c := range []struct {
		code int
		args string
		want string
	}{
		{1, "events show evt_none", "No such event"},
		{1, "events show cus_none", "no such customer"},
		{1, "events replay --event evt_none --reason x", "No such event"},
		{1, "events replay --subject cus_none --reason x", "no such customer"},
		{2, "events replay --since yesterdayish --reason x", "is no time"},
		{2, "events replay --reason x", "--event"},
		{2, "events replay --dead --since 1h --reason x", "--dead"},
		{2, "events list --limit 0", "--limit"},
		{2, "events list --dead --failing", "--dead"},
	} {
		d.run(strings.Fields(c.args)...).want(c.code, c.want)
	}
	d.run("events", "list", "--help").want(0, "Example:")
	d.run("events", "replay", "--help").want(0, "Example:")
}

// An errand that waits is decided once, by somebody who says why.
func TestErrands(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.run("errands", "list").want(0, "No errand waits for you.")
	reader := d.member("ada@example.org")
	payment := d.join(reader)
	var ids []string
	for _, target := range []string{"sub_office", "sub_partner"} {
		e := models.Errand{ID: models.NewID(), Kind: models.CancelSubscription, Target: target, Cause: models.CauseDisputeLost, Status: models.ErrandWaiting,
			SubscriptionID: *payment.SubscriptionID, CustomerID: *payment.CustomerID, MemberID: reader, NextAt: time.Now(), OwedAt: time.Now()}
		if err := d.db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Create(&e).Error }); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID.String())
	}
	d.run("errands", "list").want(0, "lost dispute", "sub_office", "sub_partner", reader.String()).wantNot("ada@")
	d.run("errands", "list", "--json").want(0, `"target": "sub_office"`)
	d.run("errands", "approve", ids[0]).want(2, "--reason")
	d.run("errands", "approve", ids[0], "--reason", "she asked").want(2, "--yes")
	d.run("errands", "list").want(0, "sub_office")
	d.run("errands", "approve", ids[0], "--reason", "she asked", "--yes").
		want(0, "The subscription sub_office is cancelled at once", "No payment is given back.", "running service")
	d.run("errands", "dismiss", ids[1], "--reason", "her office's").want(0, "left be")
	d.run("errands", "dismiss", ids[1], "--reason", "her office's").want(1, "does not wait")
	d.run("errands", "approve", "nonsense", "--reason", "x", "--yes").want(1, "no errand")
	d.run("errands", "list", "--status", "owed").want(0, "sub_office").wantNot("sub_partner")
	d.run("audit").want(0, "errand.approved", "errand.dismissed", "she asked")
}
