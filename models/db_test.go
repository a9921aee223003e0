package models_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func subject(id string) models.SyncSubject {
	return models.SyncSubject{ID: id, Kind: models.SubjectCustomer}
}

func mark(t *testing.T, db *models.DB, id string) int64 {
	t.Helper()
	var dirty int64
	err := db.Write(t.Context(), func(tx *gorm.DB) (err error) {
		dirty, err = models.MarkDirty(tx, subject(id), noon)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirty
}

func TestMarkDirtyCounts(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for want := int64(1); want <= 3; want++ {
		if got := mark(t, db, "cus_1"); got != want {
			t.Errorf("dirty = %d, want %d", got, want)
		}
	}
}

func TestMarkDirtyWakesTheDead(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	mark(t, db, "cus_1")
	if err := db.Model(&models.SyncSubject{}).Where("id = ?", "cus_1").Update("dead_at", noon).Error; err != nil {
		t.Fatal(err)
	}
	mark(t, db, "cus_1")
	var row models.SyncSubject
	if err := db.Where("id = ?", "cus_1").Take(&row).Error; err != nil || row.DeadAt != nil {
		t.Errorf("dead_at = %v, %v", row.DeadAt, err)
	}
}

func TestWriteRollsBackOnError(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	fault := errors.New("changed my mind")
	err := db.Write(t.Context(), func(tx *gorm.DB) error {
		if _, err := models.MarkDirty(tx, subject("cus_1"), noon); err != nil {
			return err
		}
		return fault
	})
	if !errors.Is(err, fault) {
		t.Errorf("err = %v", err)
	}
	var row models.SyncSubject
	if err := db.Where("id = ?", "cus_1").Take(&row).Error; !models.NotFound(err) {
		t.Errorf("the row stayed: %v", err)
	}
}

// A serialization failure or a deadlock runs the whole function again, a bounded
// number of times; any other error runs it once.
func TestWriteStartsOver(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for code, want := range map[string]int{"40001": 5, "40P01": 5, "23505": 1} {
		runs := 0
		err := db.Write(t.Context(), func(*gorm.DB) error {
			runs++
			return &pgconn.PgError{Code: code}
		})
		if err == nil || runs != want {
			t.Errorf("SQLSTATE %s: %d runs, %v; want %d", code, runs, err, want)
		}
	}
}

// What Postgres refuses only when it commits was not written, and Write says so.
func TestACommitThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	if err := db.Exec("CREATE TABLE once (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)").Error; err != nil {
		t.Fatal(err)
	}
	err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec("INSERT INTO once VALUES (1), (1)").Error })
	if !models.Violates(err, "once_id_key") {
		t.Errorf("the commit's error: %v", err)
	}
}

func TestWriteSurvivesADeadlock(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	mark(t, db, "cus_a")
	mark(t, db, "cus_b")
	bothHold := make(chan struct{}, 2)
	lockBoth := func(first, second string) error {
		runs := 0
		return db.Write(t.Context(), func(tx *gorm.DB) error {
			if _, err := models.MarkDirty(tx, subject(first), noon); err != nil {
				return err
			}
			if runs++; runs == 1 {
				bothHold <- struct{}{}
				for len(bothHold) < 2 { // until each holds one lock
					if err := tx.Exec("SELECT 1").Error; err != nil {
						return err
					}
				}
			}
			_, err := models.MarkDirty(tx, subject(second), noon)
			return err
		})
	}
	done := make(chan error, 2)
	go func() { done <- lockBoth("cus_a", "cus_b") }()
	go func() { done <- lockBoth("cus_b", "cus_a") }()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for _, id := range []string{"cus_a", "cus_b"} {
		if got := mark(t, db, id); got != 4 {
			t.Errorf("%s: dirty = %d, want 4", id, got)
		}
	}
}

// What the job queue writes through the view is in the same commit as GORM's rows.
func TestPgxTxSharesTheTransaction(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	fault := errors.New("no")
	write := func(end error) error {
		return db.Write(t.Context(), func(tx *gorm.DB) error {
			view, err := models.PgxTx(tx)
			if err != nil {
				return err
			}
			if err := nested(t.Context(), view); err != nil {
				return err
			}
			return end
		})
	}
	count := func() (n int64) {
		if err := db.Model(&models.SyncSubject{}).Count(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := write(fault); !errors.Is(err, fault) || count() != 0 {
		t.Errorf("rolled back: %v, %d rows", err, count())
	}
	if err := write(nil); err != nil || count() != 1 {
		t.Errorf("committed: %v, %d rows; want the one outside the savepoint that was rolled back", err, count())
	}
}

func TestPgxTxBelongsToWrite(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	if _, err := models.PgxTx(db.DB); err == nil {
		t.Error("a view outside Write")
	}
	err := db.Write(t.Context(), func(tx *gorm.DB) error {
		view, err := models.PgxTx(tx)
		if err != nil {
			return err
		}
		if view.Commit(t.Context()) == nil || view.Rollback(t.Context()) == nil {
			t.Error("the view ended a transaction that is not its own")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestNewIDsSortByAge(t *testing.T) {
	t.Parallel()
	previous := models.NewID()
	for range 1000 {
		next := models.NewID()
		if next.String() <= previous.String() {
			t.Fatalf("%s after %s", next, previous)
		}
		previous = next
	}
}

const insertSubject = `INSERT INTO sync_subjects (id, account, livemode, kind, dirty, next_at) VALUES ($1, '', false, 'customer', 1, now())`

func nested(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, insertSubject, "cus_outer"); err != nil {
		return err
	}
	inner, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := inner.Exec(ctx, insertSubject, "cus_inner"); err != nil {
		return err
	}
	return inner.Rollback(ctx)
}
