package billing

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// waits is how long a sync may be due before the doctor tells of it.
const waits = 10 * time.Minute

// subjects are those whose sync failed for good, or that nobody has done for long.
func (e *examination) subjects(ctx context.Context) error {
	for after := ""; ; {
		last, more, err := stretchEnd(ctx, e.s.db, &models.SyncSubject{}, after)
		if err != nil {
			return err
		}
		var rows []models.SyncSubject
		err = e.s.db.WithContext(ctx).Where("livemode = ? AND dirty > synced AND id > ? AND id <= ?", e.s.cfg.Livemode, after, last).
			Order("id").Find(&rows).Error
		if err != nil {
			return fmt.Errorf("list what is to be synced: %w", err)
		}
		err = e.settle(ctx, func(tx *gorm.DB) ([]Difference, error) { return e.s.compareSubjects(tx, rows) }, nil)
		if err != nil || !more {
			return err
		}
		after = last
	}
}

func (s *Service) compareSubjects(tx *gorm.DB, rows []models.SyncSubject) ([]Difference, error) {
	var found []Difference
	for _, row := range rows {
		var events waitingEvents
		err := tx.Raw(`SELECT count(*) AS count, min(received_at) AS oldest FROM stripe_events WHERE subject_id = ? AND dirty > ?`, row.ID, row.Synced).
			Scan(&events).Error
		if err != nil {
			return nil, fmt.Errorf("count the events of %s: %w", row.ID, err)
		}
		if row.DeadAt != nil || s.late(row, events) {
			found = append(found, s.waiting(row, events))
		}
	}
	return found, nil
}

// waitingEvents are the events of a subject that no sync has caught up with.
type waitingEvents struct {
	Count  int64
	Oldest *time.Time // by the newsroom's clock
}

// late says that a sync has been due for long: since its oldest event, or without one
// since it was marked.
func (s *Service) late(row models.SyncSubject, events waitingEvents) bool {
	if events.Oldest != nil {
		return events.Oldest.Before(s.clock().Add(-waits))
	}
	return row.NextAt.Before(s.real().Add(-waits))
}

func (s *Service) waiting(row models.SyncSubject, events waitingEvents) Difference {
	words := fmt.Sprintf("The sync of %s has waited", row.ID)
	if events.Oldest != nil {
		words += fmt.Sprintf(" since %s (events: %d)", moment(*events.Oldest), events.Count)
	}
	if row.LastError != "" {
		words += fmt.Sprintf("; it failed %d times, at last with %q", row.Attempts, row.LastError)
	}
	each := Difference{Kind: "subject.waiting", Object: row.ID, subject: s.subject(row.Kind, row.ID)}
	if row.DeadAt != nil {
		each.Kind, each.dead = "subject.dead", true
		words += "; it was given up on " + moment(*row.DeadAt)
	}
	each.Words = words + "."
	return each
}

// errands are those that nobody but staff can bring to an end: that wait for a
// decision, that Stripe refused for a day, or whose refund failed at the bank.
func (e *examination) errands(ctx context.Context) error {
	for _, status := range StaffsTurn {
		rows, err := e.s.Errands(ctx, status, booksPage)
		if err != nil {
			return err
		}
		var found []Difference
		for _, row := range rows {
			found = append(found, Difference{
				Kind: "errand." + string(status), Object: row.ID.String(), Member: &row.MemberID, Words: errandSentence(row),
			})
		}
		if err := e.tell(found); err != nil {
			return err
		}
	}
	return nil
}

func errandSentence(e models.Errand) string {
	do := map[models.ErrandKind]string{models.CancelSubscription: "cancel subscription ", models.RefundPayment: "refund payment "}[e.Kind] + e.Target
	why := map[models.ErrandCause]string{models.CauseDuplicate: "a second membership", models.CauseDisputeLost: "a dispute was lost"}[e.Cause]
	words := fmt.Sprintf("Errand %s%s: to %s (%s) ", e.ID, ofMember(&e.MemberID), do, why)
	if e.Status == models.ErrandWaiting {
		return words + fmt.Sprintf("waits for your decision since %s: membership errands approve or dismiss %s.", moment(e.OwedAt), e.ID)
	}
	if cameBack(e) {
		return words + fmt.Sprintf("failed at the bank, and the money is still here: give it back another way and dismiss it, or approve it to try once more: membership errands approve or dismiss %s.", e.ID)
	}
	return words + fmt.Sprintf("was refused by Stripe for a day, at last with %q: see to it there, then membership errands approve or dismiss %s.", e.LastError, e.ID)
}
