package models

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// SweepName names one of the ways in which we go through Stripe's own lists.
type SweepName string

// The sweeps.
const (
	SweepEvents  SweepName = "events"  // events that were never delivered
	SweepObjects SweepName = "objects" // subscriptions that changed with no event
	SweepMoney   SweepName = "money"   // charges, refunds and disputes against the ledger
)

// Sweep is where a sweep stands. A pass is under way while StartedAt is set; Step is
// the list that it is in and Cursor the last object looked at. NextAt, LeaseUntil,
// StartedAt and FinishedAt are by the real clock; Since, Reached and Watermark by the
// newsroom's, as Stripe's objects are.
type Sweep struct {
	Name       SweepName  `gorm:"type:text;primaryKey"`
	Livemode   bool       `gorm:"type:boolean;primaryKey"`
	Step       int        `gorm:"type:integer;not null;default:0"`
	Cursor     string     `gorm:"type:text;not null;default:''"`
	Since      *time.Time `gorm:"type:timestamptz"` // nil: everything
	Reached    *time.Time `gorm:"type:timestamptz"`
	Watermark  *time.Time `gorm:"type:timestamptz"`
	NextAt     time.Time  `gorm:"type:timestamptz;not null"`
	LeaseToken *uuid.UUID `gorm:"type:uuid"`
	LeaseUntil *time.Time `gorm:"type:timestamptz"`
	Attempts   int        `gorm:"type:integer;not null;default:0"`
	LastError  string     `gorm:"type:text;not null;default:''"`
	StartedAt  *time.Time `gorm:"type:timestamptz"`
	FinishedAt *time.Time `gorm:"type:timestamptz"`
	Passes     int64      `gorm:"type:bigint;not null;default:0"`
	Listed     int64      `gorm:"type:bigint;not null;default:0"`
	Drift      Counts     `gorm:"type:jsonb;serializer:json;not null;default:'{}'"`
	DriftTotal Counts     `gorm:"type:jsonb;serializer:json;not null;default:'{}'"`
}

// Counts are how many of each kind, kept as a JSON object.
type Counts map[string]int64

// Sum is how many of all kinds.
func (c Counts) Sum() int64 {
	var all int64
	for _, n := range c {
		all += n
	}
	return all
}

// MarkStale marks subjects dirty whose books were found to differ from Stripe, and
// returns the ids of those that it marked. One that waits for its sync already is left
// alone, because that will see what we saw; so is a dead one, which wakes on its next
// event. real is when, by the wall clock. Subjects are locked in the order of their ids.
func MarkStale(tx *gorm.DB, subjects []SyncSubject, real time.Time) ([]string, error) {
	subjects = slices.Clone(subjects)
	slices.SortFunc(subjects, func(a, b SyncSubject) int { return strings.Compare(a.ID, b.ID) })
	subjects = slices.CompactFunc(subjects, func(a, b SyncSubject) bool { return a.ID == b.ID })
	var marked []string
	for _, subject := range subjects {
		done := tx.Exec(`
			INSERT INTO sync_subjects (id, account, livemode, kind, dirty, next_at)
			VALUES (@id, @account, @livemode, @kind, 1, @real)
			ON CONFLICT (id) DO UPDATE SET dirty = sync_subjects.dirty + 1,
				next_at = CASE WHEN sync_subjects.dirty > sync_subjects.synced THEN sync_subjects.next_at ELSE @real END
			WHERE sync_subjects.dirty = sync_subjects.claimed AND sync_subjects.dead_at IS NULL`,
			map[string]any{"id": subject.ID, "account": subject.Account, "livemode": subject.Livemode, "kind": subject.Kind, "real": real})
		if done.Error != nil {
			return nil, fmt.Errorf("mark subject %s dirty: %w", subject.ID, done.Error)
		}
		if done.RowsAffected > 0 {
			marked = append(marked, subject.ID)
		}
	}
	return marked, nil
}
