package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"newsroom.example/membership/models"
)

// GrantsAsOf are a member's grants with the terms that our books had at known: what
// was recorded later is left out. Those that were not known at all yet, or were another
// member's then, are not among them.
func (s *Service) GrantsAsOf(ctx context.Context, memberID uuid.UUID, known time.Time) ([]models.Grant, error) {
	var rows []models.GrantEvent
	var grants []models.Grant
	db := s.db.WithContext(ctx)
	if err := db.Where("member_id = ?", memberID).Where(s.countingGrants()).Order("id").Find(&grants).Error; err != nil {
		return nil, fmt.Errorf("load the grants of member %s: %w", memberID, err)
	}
	err := db.Raw(`
		SELECT DISTINCT ON (grant_id) * FROM grant_events
		WHERE grant_id IN (SELECT id FROM grants WHERE member_id = @member) AND member_id = @member AND recorded_at <= @known
		ORDER BY grant_id, recorded_at DESC, id DESC`, map[string]any{"member": memberID, "known": known}).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("load the history of member %s: %w", memberID, err)
	}
	then := make(map[uuid.UUID]models.Terms, len(rows))
	for _, row := range rows {
		then[row.GrantID] = row.Terms
	}
	all := grants[:0]
	for _, g := range grants {
		if terms, was := then[g.ID]; was {
			g.Terms = terms
			all = append(all, g)
		}
	}
	return all, nil
}

// EntitlementsAsOf answers what the member may read at one instant, by what our
// books said at another. With both the same it is the answer that was given then;
// with known of today it is what we know now of that day, such as that its payment
// was refunded since. Version is zero: it is not kept for the past.
func (s *Service) EntitlementsAsOf(ctx context.Context, memberID uuid.UUID, at, known time.Time) (Entitlements, error) {
	grants, err := s.GrantsAsOf(ctx, memberID, known)
	if err != nil {
		return Entitlements{}, err
	}
	return Derive(grants, at), nil
}

// following is when a change is recorded: now, or just after the change before it
// where another replica's clock was ahead. The history of one grant never runs
// backwards.
func following(before, now time.Time) time.Time {
	if now.Before(before) {
		return before.Add(time.Microsecond)
	}
	return now
}
