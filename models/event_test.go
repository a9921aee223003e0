package models_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
)

// arrival is an event about a customer; about nothing that is kept for "".
func arrival(event, customer string) models.Arrival {
	a := models.Arrival{StripeEvent: models.StripeEvent{
		ID: event, Type: "invoice.paid", APIVersion: "2023-10-16", ObjectType: "invoice", ObjectID: "in_1",
		BodyHash: make([]byte, 32), CreatedAt: noon, ReceivedAt: noon,
	}}
	if customer != "" {
		a.SubjectID, a.SubjectKind = &customer, models.SubjectCustomer
	}
	return a
}

func keep(t *testing.T, db *models.DB, arrivals ...models.Arrival) int64 {
	t.Helper()
	kept, err := db.KeepEvents(t.Context(), arrivals, noon)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// counts are the dirty counts of subjects and events by id.
func counts(t *testing.T, db *models.DB) map[string]int64 {
	t.Helper()
	var rows []struct {
		ID    string
		Dirty int64
	}
	if err := db.Raw("SELECT id, dirty FROM sync_subjects UNION ALL SELECT id, dirty FROM stripe_events").Scan(&rows).Error; err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	for _, row := range rows {
		all[row.ID] = row.Dirty
	}
	return all
}

func wantCounts(t *testing.T, db *models.DB, want map[string]int64) {
	t.Helper()
	if diff := cmp.Diff(want, counts(t, db)); diff != "" {
		t.Error(diff)
	}
}

// Every event of a batch counts for its subject, and is processed only when all
// that came with it are.
func TestKeepEventsCountsABatch(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	mark(t, db, "cus_b")
	kept := keep(t, db, arrival("evt_1", "cus_b"), arrival("evt_2", "cus_a"), arrival("evt_3", "cus_b"), arrival("evt_4", ""))
	if kept != 4 {
		t.Errorf("%d kept, want 4", kept)
	}
	wantCounts(t, db, map[string]int64{"cus_a": 1, "cus_b": 3, "evt_1": 3, "evt_2": 1, "evt_3": 3, "evt_4": 0})
}

func TestKeepEventsTakesTheSameEventOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	if kept := keep(t, db, arrival("evt_1", "cus_1"), arrival("evt_1", "cus_1")); kept != 1 {
		t.Errorf("%d kept, want 1", kept)
	}
	wantCounts(t, db, map[string]int64{"cus_1": 1, "evt_1": 1})
}

// A redelivery of what was not synced makes sure that it will be, a dead subject
// included; of what was, and of what has no subject, it changes nothing.
func TestKeepEventsAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	batch := []models.Arrival{arrival("evt_done", "cus_done"), arrival("evt_dead", "cus_dead"), arrival("evt_none", "")}
	keep(t, db, batch...)
	if err := db.Exec("UPDATE sync_subjects SET claimed = 1, synced = 1 WHERE id = 'cus_done'").Error; err != nil {
		t.Fatal(err)
	}
	if err := db.Exec("UPDATE sync_subjects SET dead_at = ? WHERE id = 'cus_dead'", noon).Error; err != nil {
		t.Fatal(err)
	}
	if kept := keep(t, db, batch...); kept != 1 {
		t.Errorf("%d kept, want 1", kept)
	}
	wantCounts(t, db, map[string]int64{"cus_done": 1, "cus_dead": 2, "evt_done": 1, "evt_dead": 2, "evt_none": 0})
	var dead models.SyncSubject
	if err := db.Where("id = ?", "cus_dead").Take(&dead).Error; err != nil || dead.DeadAt != nil {
		t.Errorf("still dead since %v, %v", dead.DeadAt, err)
	}
}

// An event and the mark on its subject are one commit: neither is ever there alone.
func TestKeepEventsIsOneCommit(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"stripe_events", "sync_subjects"} {
		db := pgtest.Open(t)
		refuse(t, db, table, "cus_1", "evt_1")
		_, err := db.KeepEvents(t.Context(), []models.Arrival{arrival("evt_0", "cus_0"), arrival("evt_1", "cus_1")}, noon)
		if !models.Unfit(err) {
			t.Errorf("%s: %v", table, err)
		}
		wantCounts(t, db, map[string]int64{})
	}
}

// So it is for a subject that is there already, where no foreign key sees to it.
func TestKeepEventsOfAKnownSubjectIsOneCommit(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	mark(t, db, "cus_1")
	if err := db.Exec("ALTER TABLE sync_subjects ADD CHECK (dirty < 2)").Error; err != nil {
		t.Fatal(err)
	}
	if _, err := db.KeepEvents(t.Context(), []models.Arrival{arrival("evt_1", "cus_1")}, noon); !models.Unfit(err) {
		t.Error(err)
	}
	wantCounts(t, db, map[string]int64{"cus_1": 1})
}

// refuse makes a table refuse rows with one of the ids.
func refuse(t *testing.T, db *models.DB, table string, ids ...string) {
	t.Helper()
	check := fmt.Sprintf("ALTER TABLE %s ADD CHECK (id <> '%s' AND id <> '%s')", table, ids[0], ids[len(ids)-1])
	if err := db.Exec(check).Error; err != nil {
		t.Fatal(err)
	}
}

func TestKeepEventsInsideATransaction(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	fault := errors.New("changed my mind")
	write := func(id string, end error) error {
		return db.Write(t.Context(), func(tx *gorm.DB) error {
			if _, err := models.KeepEvents(tx, []models.Arrival{arrival(id, "cus_1")}, noon); err != nil {
				return err
			}
			return end
		})
	}
	if err := write("evt_1", nil); err != nil {
		t.Error(err)
	}
	if err := write("evt_2", fault); !errors.Is(err, fault) {
		t.Error(err)
	}
	wantCounts(t, db, map[string]int64{"cus_1": 1, "evt_1": 1})
	if _, err := models.KeepEvents(db.DB, nil, noon); err == nil {
		t.Error("taken outside a transaction")
	}
}

// Batches that meet, as those of replicas do, wait for each other and lose no count,
// in whatever order their events came.
func TestKeepEventsOfBatchesThatMeet(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	want := map[string]int64{}
	var all sync.WaitGroup
	for sender := range 8 {
		for round := range 10 {
			batch := []models.Arrival{arrival("evt_same", "")}
			for i := range 20 {
				event, customer := fmt.Sprintf("evt_%d_%d_%d", sender, round, i), fmt.Sprintf("cus_%d", i)
				batch = append(batch, arrival(event, customer))
				want[customer]++
			}
			rand.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
			all.Go(func() { keep(t, db, batch...) })
		}
	}
	all.Wait()
	got := counts(t, db)
	for customer, dirty := range want {
		if got[customer] != dirty {
			t.Errorf("%s: dirty %d, want %d", customer, got[customer], dirty)
		}
	}
	if events := len(got) - len(want); events != 8*10*20+1 {
		t.Errorf("%d events", events)
	}
}

// The look-up of earlier deliveries goes by key, though the plan was made while the
// tables were empty: over a million events anything else would be an outage. And it
// is one plan for batches of any size.
func TestKeepEventsIsPlannedOnce(t *testing.T) {
	t.Parallel()
	db, err := models.Open(t.Context(), pgtest.URL(t), 1) // one session, which tells its own counts
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for part := range 50 {
		var batch []models.Arrival
		for i := range 1 + 199*(part/25) { // a lone sender first: small batches would be planned one by one
			batch = append(batch, arrival(fmt.Sprintf("evt_%d_%d", part, i), fmt.Sprintf("cus_%d_%d", part, i)))
		}
		keep(t, db, batch...)
	}
	var planned int64
	err = db.Raw("SELECT sum(custom_plans) FROM pg_prepared_statements WHERE statement LIKE '%INTO stripe_events%'").Scan(&planned).Error
	if err != nil || planned > 5 {
		t.Errorf("planned %d times, %v", planned, err)
	}
	if err := db.Exec("SELECT pg_stat_force_next_flush()").Error; err != nil {
		t.Fatal(err)
	}
	var scans struct{ Written, Sequential int64 }
	err = db.Raw("SELECT sum(n_tup_ins) AS written, sum(seq_tup_read) AS sequential FROM pg_stat_user_tables WHERE relname IN ('stripe_events', 'sync_subjects')").Scan(&scans).Error
	if err != nil || scans.Written != 2*(25+25*200) || scans.Sequential > 0 {
		t.Errorf("%+v, %v: rows were read one after the other", scans, err)
	}
}

func TestUnfit(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"22021": true, "23514": true, "54000": true, "57P01": false, "40P01": false, "08006": false, "53300": false} {
		if got := models.Unfit(fmt.Errorf("keep: %w", &pgconn.PgError{Code: code})); got != want {
			t.Errorf("SQLSTATE %s: %v", code, got)
		}
	}
	if models.Unfit(nil) || models.Unfit(errors.New("no route to host")) {
		t.Error("unfit for no reason of Postgres's")
	}
}
