package billing

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Errands lists those in a state, the oldest first, at most limit.
func (s *Service) Errands(ctx context.Context, status models.ErrandStatus, limit int) ([]models.Errand, error) {
	var all []models.Errand
	err := s.db.WithContext(ctx).Where("status = ? AND livemode = ?", status, s.cfg.Livemode).Order("owed_at, id").Limit(limit).Find(&all).Error
	if err != nil {
		return nil, fmt.Errorf("list the errands: %w", err)
	}
	return all, nil
}

// StaffsTurn are the states in which nobody but staff can bring an errand to an end.
var StaffsTurn = []models.ErrandStatus{models.ErrandWaiting, models.ErrandRefused}

// errandsForStaff are a member's.
func (s *Service) errandsForStaff(ctx context.Context, member uuid.UUID) ([]models.Errand, error) {
	var all []models.Errand
	err := s.db.WithContext(ctx).Where("member_id = ? AND livemode = ? AND status IN ?", member, s.cfg.Livemode, StaffsTurn).Order("owed_at, id").Find(&all).Error
	if err != nil {
		return nil, fmt.Errorf("list the errands of member %s: %w", member, err)
	}
	return all, nil
}

// cameBack says that a refund was given and failed at the bank.
func cameBack(e models.Errand) bool { return e.LastError == errCameBack.Error() }

// openWords say what of an errand waits for staff.
func openWords(e models.Errand) Sentence {
	facts := map[string]any{"Ref": e.Target, "Errand": e.ID.String(), "Date": e.OwedAt}
	switch {
	case e.Status == models.ErrandWaiting:
		return say("errand.open.waiting", facts)
	case cameBack(e):
		return say("errand.open.came_back", facts)
	case e.Kind == models.RefundPayment:
		return say("errand.open.refund_refused", facts)
	}
	return say("errand.open.cancel_refused", facts)
}

// DecideErrand has a waiting or refused errand carried out, or dismisses it. A refund
// that failed at the bank is then made anew.
// KindNotFound errand_unknown; KindConflict errand_decided, errand_outdated; and what
// Why refuses.
func (s *Service) DecideErrand(ctx context.Context, id string, approve bool, by Why) (models.Errand, error) {
	var e models.Errand
	if err := by.check(); err != nil {
		return e, err
	}
	err := s.db.Write(ctx, func(tx *gorm.DB) (err error) {
		if e, err = s.errandOf(tx, id); err != nil {
			return err
		}
		if e.MemberID, err = lockMember(tx, e.MemberID); err != nil {
			return err
		}
		return s.decide(tx, &e, approve, by)
	})
	return e, err
}

// errandOf loads an errand. KindNotFound errand_unknown.
func (s *Service) errandOf(db *gorm.DB, id string) (models.Errand, error) {
	var e models.Errand
	key, ok := parseID(id)
	if !ok {
		return e, &Error{Kind: KindNotFound, Code: "errand_unknown"}
	}
	err := db.Where("id = ? AND livemode = ?", key, s.cfg.Livemode).Take(&e).Error
	if models.NotFound(err) {
		return e, &Error{Kind: KindNotFound, Code: "errand_unknown"}
	}
	if err != nil {
		return e, fmt.Errorf("load errand %s: %w", id, err)
	}
	return e, nil
}

// standsStill refuses an errand that is not called for any more.
func standsStill(db *gorm.DB, e models.Errand) error {
	called, err := stands(db, e)
	if err == nil && !called {
		return &Error{Kind: KindConflict, Code: "errand_outdated"}
	}
	return err
}

func (s *Service) decide(tx *gorm.DB, e *models.Errand, approve bool, by Why) error {
	was, now, action := e.Status, s.real(), "errand.dismissed"
	e.Status = models.ErrandDismissed
	if approve {
		e.Status, action = models.ErrandOwed, "errand.approved"
		if err := standsStill(tx, *e); err != nil {
			return err
		}
	}
	done := tx.Model(&models.Errand{}).Where("id = ? AND status IN ?", e.ID, []models.ErrandStatus{models.ErrandWaiting, models.ErrandRefused}).
		Updates(map[string]any{"status": e.Status, "next_at": now, "owed_at": now, "attempts": 0, "spent": gorm.Expr("spent + 1")})
	if done.Error != nil {
		return fmt.Errorf("decide errand %s: %w", e.ID, done.Error)
	}
	if done.RowsAffected == 0 {
		return &Error{Kind: KindConflict, Code: "errand_decided"}
	}
	entry := s.entry(by, action, e.ID.String(), &e.MemberID, map[string]any{"status": was}, map[string]any{"status": e.Status})
	if err := models.Audit(tx, entry); err != nil {
		return err
	}
	_, err := models.MarkDirty(tx, s.subject(models.SubjectCustomer, e.CustomerID), now) // an approved cancellation owes its refunds
	return err
}
