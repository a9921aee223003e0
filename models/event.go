package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// Arrival is an event as it came in. SubjectKind says what SubjectID names and is
// empty where there is no subject; Dirty is found when the event is kept.
type Arrival struct {
	StripeEvent
	SubjectKind SubjectKind
}

// KeepEvents stores events and marks their subjects dirty, all in one commit or
// none. Each event is kept once and counts once for its subject, however often it is
// among the arrivals. One that was kept before marks its subject dirty again unless
// that was synced since; then it changes nothing. real is when, by the wall clock. It
// returns how many events were new or marked their subject again.
//
// A serialization failure or a deadlock starts over, as in Write.
func (db *DB) KeepEvents(ctx context.Context, arrivals []Arrival, real time.Time) (int64, error) {
	var kept int64
	var err error
	for range writeAttempts {
		if kept, err = keepEvents(ctx, db.Pool, arrivals, real); !retryable(err) {
			return kept, err
		}
	}
	return 0, err
}

// KeepEvents is DB.KeepEvents inside a transaction of DB.Write.
func KeepEvents(tx *gorm.DB, arrivals []Arrival, real time.Time) (int64, error) {
	view, err := PgxTx(tx)
	if err != nil {
		return 0, err
	}
	return keepEvents(tx.Statement.Context, view, arrivals, real)
}

// keeping is one statement, so that it is one transaction and one round trip
// wherever it runs. Subjects are locked in the order of their ids and before any
// event, so that two batches wait for each other at most one way. The question
// whether an event was processed is a subquery, not a join: it must stay a look-up
// by key however many events there are. OFFSET 0 hides from the planner how many
// arrivals there are: it would plan anew for each number of them, which takes as long
// as the rest.
const keeping = `
	WITH given AS (
		SELECT $1::text[] AS id, $2::text[] AS account, $3::bool[] AS livemode, $4::text[] AS type, $5::text[] AS api_version,
			$6::text[] AS object_type, $7::text[] AS object_id, $8::bool[] AS quarantined, $9::text[] AS subject_id,
			$10::text[] AS kind, $11::bytea[] AS body_hash, $12::timestamptz[] AS created_at, $13::timestamptz[] AS received_at
		OFFSET 0
	), arrived AS (
		SELECT DISTINCT ON (a.id) a.* FROM given g, unnest(g.id, g.account, g.livemode, g.type, g.api_version, g.object_type,
			g.object_id, g.quarantined, g.subject_id, g.kind, g.body_hash, g.created_at, g.received_at)
			AS a (id, account, livemode, type, api_version, object_type, object_id, quarantined,
				subject_id, kind, body_hash, created_at, received_at)
	), fresh AS (
		SELECT * FROM arrived a WHERE NOT coalesce((
			SELECT coalesce(s.synced >= e.dirty, true) FROM stripe_events e
			LEFT JOIN sync_subjects s ON s.id = e.subject_id WHERE e.id = a.id), false)
	), marked AS (
		INSERT INTO sync_subjects (id, account, livemode, kind, dirty, next_at)
		SELECT subject_id, min(account), bool_and(livemode), min(kind), count(*), $14::timestamptz FROM fresh
		WHERE subject_id IS NOT NULL GROUP BY subject_id ORDER BY subject_id
		ON CONFLICT (id) DO UPDATE SET dirty = sync_subjects.dirty + excluded.dirty, dead_at = NULL
		RETURNING id, dirty
	)
	INSERT INTO stripe_events (id, account, livemode, type, api_version, object_type, object_id, quarantined,
		subject_id, dirty, body_hash, created_at, received_at)
	SELECT f.id, f.account, f.livemode, f.type, f.api_version, f.object_type, f.object_id, f.quarantined,
		f.subject_id, coalesce(m.dirty, 0), f.body_hash, f.created_at, f.received_at
	FROM fresh f LEFT JOIN marked m ON m.id = f.subject_id ORDER BY f.id
	ON CONFLICT (id) DO UPDATE SET dirty = excluded.dirty`

// executor is the pool, or a transaction on it.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func keepEvents(ctx context.Context, on executor, arrivals []Arrival, real time.Time) (int64, error) {
	tag, err := on.Exec(ctx, keeping,
		column(arrivals, func(a Arrival) string { return a.ID }),
		column(arrivals, func(a Arrival) string { return a.Account }),
		column(arrivals, func(a Arrival) bool { return a.Livemode }),
		column(arrivals, func(a Arrival) string { return a.Type }),
		column(arrivals, func(a Arrival) string { return a.APIVersion }),
		column(arrivals, func(a Arrival) string { return a.ObjectType }),
		column(arrivals, func(a Arrival) string { return a.ObjectID }),
		column(arrivals, func(a Arrival) bool { return a.Quarantined }),
		column(arrivals, func(a Arrival) *string { return a.SubjectID }),
		column(arrivals, func(a Arrival) string { return string(a.SubjectKind) }),
		column(arrivals, func(a Arrival) []byte { return a.BodyHash }),
		column(arrivals, func(a Arrival) time.Time { return a.CreatedAt }),
		column(arrivals, func(a Arrival) time.Time { return a.ReceivedAt }),
		real)
	if err != nil {
		return 0, fmt.Errorf("keep %d events: %w", len(arrivals), err)
	}
	return tag.RowsAffected(), nil
}

// column is one field of every arrival, as an array for unnest.
func column[T any](arrivals []Arrival, field func(Arrival) T) []T {
	values := make([]T, len(arrivals))
	for i, a := range arrivals {
		values[i] = field(a)
	}
	return values
}

// Unfit says whether err is Postgres refusing what a row holds, so that other rows
// of the same statement may fare better alone: SQLSTATE classes 22 (data), 23
// (integrity) and 54 (a limit, such as a key too long for its index).
func Unfit(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) != 5 {
		return false
	}
	switch pg.Code[:2] {
	case "22", "23", "54":
		return true
	}
	return false
}
