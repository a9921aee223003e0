package billing

import (
	"context"
	"fmt"
	"time"

	"newsroom.example/membership/models"
)

// SyncState is where a subject stands, or an event by its subject.
type SyncState string

// The states of the sync.
const (
	SyncDone        SyncState = "done"
	SyncPending     SyncState = "pending"     // waits for its turn, or is being synced
	SyncFailing     SyncState = "failing"     // failed, and is tried again
	SyncDead        SyncState = "dead"        // failed for a day: waits for its next event, or for a replay
	SyncQuarantined SyncState = "quarantined" // of the other mode: kept, never synced
)

// EventLine is an event that was acknowledged.
type EventLine struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	ObjectType string    `json:"object_type"`
	ObjectID   string    `json:"object_id"`
	SubjectID  string    `json:"subject,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	ReceivedAt time.Time `json:"received_at"`
	State      SyncState `json:"state"`
}

// SubjectLine is a customer, or a guest's payment, as the sync sees it.
type SubjectLine struct {
	ID           string             `json:"id"`
	Kind         models.SubjectKind `json:"kind"`
	State        SyncState          `json:"state"`
	Attempts     int                `json:"attempts"`
	FailingSince *time.Time         `json:"failing_since,omitempty"`
	DeadAt       *time.Time         `json:"dead_at,omitempty"`
	NextAt       time.Time          `json:"next_at"`
	SyncedAt     *time.Time         `json:"synced_at,omitempty"`
	LastError    string             `json:"last_error,omitempty"`
}

// subjectState is a subject's state in SQL; s is its row.
const subjectState = `CASE
	WHEN s.dead_at IS NOT NULL THEN 'dead'
	WHEN s.failing_since IS NOT NULL THEN 'failing'
	WHEN s.dirty > s.synced THEN 'pending'
	ELSE 'done' END`

// Events lists what was acknowledged at or after since, the newest first, at most
// limit; subject "" is everybody's. The second value says whether there are more.
func (s *Service) Events(ctx context.Context, since time.Time, subject string, limit int) ([]EventLine, bool, error) {
	all, err := s.eventLines(ctx, "e.received_at >= @since AND (@subject = '' OR e.subject_id = @subject) ORDER BY e.received_at DESC, e.id DESC LIMIT @limit",
		map[string]any{"since": since, "subject": storable(subject), "limit": limit + 1})
	return all[:min(len(all), limit)], len(all) > limit, err
}

// Event is one that was acknowledged; KindNotFound event_unknown.
func (s *Service) Event(ctx context.Context, id string) (EventLine, error) {
	all, err := s.eventLines(ctx, "e.id = @id", map[string]any{"id": storable(id)})
	if err == nil && len(all) == 0 {
		err = &Error{Kind: KindNotFound, Code: "event_unknown"}
	}
	if err != nil {
		return EventLine{}, err
	}
	return all[0], nil
}

func (s *Service) eventLines(ctx context.Context, where string, with map[string]any) ([]EventLine, error) {
	var all []EventLine
	err := s.db.WithContext(ctx).Raw(`
		SELECT e.id, e.type, e.object_type, e.object_id, coalesce(e.subject_id, '') AS subject_id, e.created_at, e.received_at,
			CASE WHEN e.quarantined THEN 'quarantined' WHEN s.id IS NULL OR s.synced >= e.dirty THEN 'done' ELSE `+subjectState+` END AS state
		FROM stripe_events e LEFT JOIN sync_subjects s ON s.id = e.subject_id WHERE `+where, with).Scan(&all).Error
	if err != nil {
		return nil, fmt.Errorf("list the events: %w", err)
	}
	return all, nil
}

// Subjects lists those in a state, at most limit, by id; the second value says
// whether there are more.
func (s *Service) Subjects(ctx context.Context, state SyncState, limit int) ([]SubjectLine, bool, error) {
	few := "true"
	if state == SyncFailing || state == SyncDead {
		few = "(s.failing_since IS NOT NULL OR s.dead_at IS NOT NULL)" // they have an index
	}
	all, err := s.subjectLines(ctx, few+" AND "+subjectState+" = @state ORDER BY s.id LIMIT @limit", map[string]any{"state": state, "limit": limit + 1})
	return all[:min(len(all), limit)], len(all) > limit, err
}

// Subject is where one subject stands; KindNotFound subject_unknown.
func (s *Service) Subject(ctx context.Context, id string) (SubjectLine, error) {
	all, err := s.subjectLines(ctx, "s.id = @id", map[string]any{"id": storable(id)})
	if err != nil {
		return SubjectLine{}, err
	}
	if len(all) == 0 {
		return SubjectLine{}, &Error{Kind: KindNotFound, Code: "subject_unknown"}
	}
	return all[0], nil
}

func (s *Service) subjectLines(ctx context.Context, where string, with map[string]any) ([]SubjectLine, error) {
	var all []SubjectLine
	err := s.db.WithContext(ctx).Raw(`SELECT s.id, s.kind, `+subjectState+` AS state, s.attempts, s.failing_since, s.dead_at, s.next_at, s.synced_at, s.last_error
		FROM sync_subjects s WHERE `+where, with).Scan(&all).Error
	if err != nil {
		return nil, fmt.Errorf("list the subjects of the sync: %w", err)
	}
	return all, nil
}
