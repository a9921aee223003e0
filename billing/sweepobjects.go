package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

const (
	// unseenAfter is how long a live subscription may go without Stripe showing it.
	unseenAfter = 24 * time.Hour
	// seenFor is how long "seen" holds before it is written anew: twice a day, not at
	// every pass.
	seenFor = 12 * time.Hour
	// unseenRows is how many of our own rows one page of the second list reads.
	unseenRows = 1000
)

// unseenSince is how long what a pass has not come by must have been unseen: a day
// when the pass began, not when it ends. A pass that takes a day makes nothing unseen.
func unseenSince(_ models.Sweep, clock time.Time) *time.Time {
	since := clock.Add(-unseenAfter)
	return &since
}

// subscriptionsPage lists all subscriptions, the canceled and the oldest included:
// Stripe can list by age only, and what was cancelled today may have begun years ago.
func (s *Service) subscriptionsPage(ctx context.Context, at place) (sheet, error) {
	return s.subscriptionsTold(ctx, at, func(*stripe.Subscription) {})
}

// subscriptionsTold is subscriptionsPage, and tells the doctor of each subscription.
func (s *Service) subscriptionsTold(ctx context.Context, at place, each func(*stripe.Subscription)) (sheet, error) {
	params := &stripe.SubscriptionListParams{ListParams: pageFrom(ctx, at.cursor), Status: stripe.String("all")}
	params.AddExpand("data.latest_invoice")
	found := s.stripe.Subscriptions.List(params)
	if err := found.Err(); err != nil {
		return sheet{}, err
	}
	data := found.SubscriptionList().Data
	page := sheetOf(found.Meta(), data, func(sub *stripe.Subscription) string { return sub.ID })
	page.compare = func(tx *gorm.DB) ([]Difference, error) { return s.compareSubscriptions(tx, data, at.asked) }
	page.note = func(tx *gorm.DB) error { return noteSeen(tx, data, at.asked) }
	page.done = func() {
		for _, sub := range data {
			each(sub)
		}
	}
	return page, nil
}

// noteSeen keeps that Stripe showed these subscriptions. A row that a sync holds just
// now is passed over: the sync notes it.
func noteSeen(tx *gorm.DB, data []*stripe.Subscription, asked time.Time) error {
	err := tx.Exec(`UPDATE subscriptions SET seen_at = @asked WHERE id IN (
		SELECT id FROM subscriptions WHERE id IN @ids AND (seen_at IS NULL OR seen_at < @stale) FOR UPDATE SKIP LOCKED)`,
		map[string]any{"asked": asked, "stale": asked.Add(-seenFor), "ids": append(idsOf(data), "")}).Error
	if err != nil {
		return fmt.Errorf("note what Stripe showed: %w", err)
	}
	return nil
}

func idsOf(data []*stripe.Subscription) []string {
	ids := make([]string, 0, len(data)+1)
	for _, sub := range data {
		ids = append(ids, sub.ID)
	}
	return ids
}

// unseenRow is a live subscription of our books that Stripe has not shown for long.
type unseenRow struct {
	ID, CustomerID, Account string
	Status                  models.SubscriptionStatus
	MemberID                *uuid.UUID
	SeenAt, SyncedAt        *time.Time
	AskedAt                 *time.Time // when its customer was last synced, by the real clock
}

// unseenPage goes through the live subscriptions of our books for those that Stripe's
// list does not show. It comes after that list, so that an outage makes nothing unseen.
func (s *Service) unseenPage(ctx context.Context, at place) (sheet, error) {
	rows, err := s.liveSubscriptions(ctx, at.cursor)
	if err != nil {
		return sheet{}, err
	}
	page := sheet{listed: len(rows)}
	if len(rows) == unseenRows {
		page.next = rows[len(rows)-1].ID
	}
	page.compare = func(*gorm.DB) ([]Difference, error) {
		var found []Difference
		for _, row := range rows {
			askedNow := row.AskedAt != nil && row.AskedAt.After(s.real().Add(-unseenAfter))
			if row.unseenSince(deref(at.since)) && !askedNow {
				found = append(found, s.unseen(row))
			}
		}
		return found, nil
	}
	return page, nil
}

func (s *Service) liveSubscriptions(ctx context.Context, after string) ([]unseenRow, error) {
	var rows []unseenRow
	err := s.db.WithContext(ctx).Raw(`
		SELECT s.id, s.customer_id, s.account, s.status, s.seen_at, s.synced_at, c.member_id, b.synced_at AS asked_at
		FROM subscriptions s JOIN customers c ON c.id = s.customer_id LEFT JOIN sync_subjects b ON b.id = s.customer_id
		WHERE s.livemode = ? AND s.status IN ? AND s.id > ? ORDER BY s.id LIMIT ?`,
		s.cfg.Livemode, models.LiveStatuses, after, unseenRows).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list the live subscriptions: %w", err)
	}
	return rows, nil
}

func (r unseenRow) seen() time.Time { return later(deref(r.SeenAt), deref(r.SyncedAt)) }

func (r unseenRow) unseenSince(at time.Time) bool { return r.seen().Before(at) }

func (s *Service) unseen(row unseenRow) Difference {
	return Difference{
		Kind: "subscription.unseen", Object: row.ID, Member: row.MemberID,
		Words: fmt.Sprintf("Subscription %s%s: our books say %s; Stripe has not listed it since %s.",
			row.ID, ofMember(row.MemberID), row.Status, on(row.seen())),
		subject: s.subject(models.SubjectCustomer, row.CustomerID),
	}
}
