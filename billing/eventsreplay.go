package billing

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Replay says what is to be synced once more. Exactly one of the first four is set.
type Replay struct {
	Event   string
	Subject string
	Since   time.Time // everything acknowledged from then on
	Dead    bool      // everything that was given up
	By      Why
}

// replayBatch bounds how many subjects one transaction locks.
const replayBatch = 1000

// PlanReplay counts the subjects that a replay would mark. KindNotFound
// event_unknown, subject_unknown.
func (s *Service) PlanReplay(ctx context.Context, r Replay) (int64, error) {
	condition, with := r.condition()
	var count int64
	err := s.db.WithContext(ctx).Raw("SELECT count(*) FROM sync_subjects WHERE "+condition, with).Scan(&count).Error
	switch {
	case err != nil:
		return 0, fmt.Errorf("count what to replay: %w", err)
	case count == 0 && r.Event != "":
		return 0, &Error{Kind: KindNotFound, Code: "event_unknown"}
	case count == 0 && r.Subject != "":
		return 0, &Error{Kind: KindNotFound, Code: "subject_unknown"}
	}
	return count, nil
}

// Replay marks subjects to be synced at once, dead ones too, and returns how many.
// The running service does the work. Each batch leaves an entry in the audit log, so
// that one that was broken off has told what it did.
func (s *Service) Replay(ctx context.Context, r Replay) (int64, error) {
	if err := r.By.check(); err != nil {
		return 0, err
	}
	if _, err := s.PlanReplay(ctx, r); err != nil {
		return 0, err
	}
	condition, with := r.condition()
	var marked int64
	for {
		var ids []string
		err := s.db.Write(ctx, func(tx *gorm.DB) error {
			ids = nil
			if err := s.markBatch(tx, condition, with, &ids); err != nil || len(ids) == 0 {
				return err
			}
			return models.Audit(tx, s.entry(r.By, "events.replayed", r.subject(), nil, nil, map[string]any{"subjects": len(ids), "last": ids[len(ids)-1]}))
		})
		if err != nil || len(ids) == 0 {
			return marked, err
		}
		marked += int64(len(ids))
		with["after"] = ids[len(ids)-1]
	}
}

func (s *Service) markBatch(tx *gorm.DB, condition string, with map[string]any, ids *[]string) error {
	with["batch"] = replayBatch
	err := tx.Raw(`SELECT id FROM sync_subjects WHERE `+condition+` ORDER BY id LIMIT @batch FOR UPDATE`, with).Scan(ids).Error
	if err == nil && len(*ids) > 0 {
		err = tx.Exec(`UPDATE sync_subjects SET dirty = dirty + 1, dead_at = NULL, attempts = 0, next_at = ? WHERE id IN ?`, s.real(), *ids).Error
	}
	if err != nil {
		return fmt.Errorf("mark what to replay: %w", err)
	}
	return nil
}

// condition chooses the subjects behind @after.
func (r Replay) condition() (string, map[string]any) {
	with := map[string]any{"after": "", "id": storable(r.Event + r.Subject), "since": r.Since}
	which := "id IN (SELECT subject_id FROM stripe_events WHERE received_at >= @since)"
	switch {
	case r.Event != "":
		which = "id = (SELECT subject_id FROM stripe_events WHERE id = @id)"
	case r.Subject != "":
		which = "id = @id"
	case r.Dead:
		which = "dead_at IS NOT NULL"
	}
	return "id > @after AND " + which, with
}

// subject is what the audit log names.
func (r Replay) subject() string {
	switch {
	case r.Event != "":
		return r.Event
	case r.Subject != "":
		return r.Subject
	case r.Dead:
		return "dead"
	}
	return "since " + r.Since.UTC().Format(time.RFC3339)
}
