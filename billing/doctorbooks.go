package billing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// booksPage is how many rows of our own one page of the doctor reads.
const booksPage = 500

// unlisted asks Stripe for each live subscription that its list has not shown for a
// day. A sync does not take away what Stripe has forgotten.
func (e *examination) unlisted(ctx context.Context) error {
	for after := ""; ; {
		rows, err := e.s.liveSubscriptions(ctx, after)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !row.unseenSince(e.began.Add(-unseenAfter)) {
				continue
			}
			if err := e.askFor(ctx, row); err != nil {
				return err
			}
		}
		e.Looked("live subscriptions", len(rows))
		if len(rows) < unseenRows {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

func (e *examination) askFor(ctx context.Context, row unseenRow) error {
	_, err := e.s.stripe.Subscriptions.Get(row.ID, &stripe.SubscriptionParams{Params: stripe.Params{Context: ctx}})
	if !missing(err) {
		return tellable("look for subscription "+row.ID, err)
	}
	reads, err := readsOn(e.s.db.WithContext(ctx), row.ID)
	if err != nil {
		return err
	}
	return e.tell([]Difference{{
		Kind: "subscription.extra", Object: row.ID, Member: row.MemberID,
		Words: fmt.Sprintf("Subscription %s%s: Stripe knows no such subscription; our books say %s%s.",
			row.ID, ofMember(row.MemberID), row.Status, reads),
	}})
}

// grants compares the grants with what the policy makes of our own rows.
func (e *examination) grants(ctx context.Context) error {
	for after := ""; ; {
		var rows []models.Subscription
		err := e.s.db.WithContext(ctx).Where("livemode = ? AND kind = ? AND id > ?", e.s.cfg.Livemode, models.SubscriptionMembership, after).
			Order("id").Limit(booksPage).Find(&rows).Error
		if err != nil {
			return fmt.Errorf("list the memberships: %w", err)
		}
		err = e.settle(ctx, func(tx *gorm.DB) ([]Difference, error) { return e.s.compareGrants(tx, rows) }, nil)
		if err != nil {
			return err
		}
		e.Looked("memberships", len(rows))
		if len(rows) < booksPage {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

func (s *Service) compareGrants(tx *gorm.DB, rows []models.Subscription) ([]Difference, error) {
	r, err := rulesInForce(tx)
	if err != nil {
		return nil, err
	}
	refs, customers := []string{""}, []string{""}
	for _, row := range rows {
		refs, customers = append(refs, row.ID), append(customers, row.CustomerID)
	}
	members, _, err := ownersOf(tx, customers)
	if err != nil {
		return nil, err
	}
	var grants []models.Grant
	if err := tx.Where("source = ? AND source_ref IN ?", models.FromSubscription, refs).Find(&grants).Error; err != nil {
		return nil, fmt.Errorf("load the grants of a page: %w", err)
	}
	var found []Difference
	for _, row := range rows {
		if member := members[row.CustomerID]; member != nil && row.FactsKnown() {
			found = append(found, s.grantsDiffer(row, *member, r, grants)...)
		}
	}
	return found, nil
}

func (s *Service) grantsDiffer(row models.Subscription, member uuid.UUID, r rules, grants []models.Grant) []Difference {
	var found []Difference
	for _, due := range r.given(row, member) {
		at := slices.IndexFunc(grants, func(g models.Grant) bool {
			return g.SourceRef == row.ID && g.Part == due.key.Part && g.MemberID == member
		})
		want, has := accessWords(due.terms), "nothing"
		if at >= 0 {
			has = accessWords(grants[at].Terms)
		}
		if want == has {
			continue
		}
		found = append(found, Difference{
			Kind: "grant.differs", Object: row.ID, Member: &member, subject: s.subject(models.SubjectCustomer, row.CustomerID),
			Words: fmt.Sprintf("Subscription %s%s: by the policy it gives %s; the grant gives %s.", row.ID, ofMember(&member), want, has),
		})
	}
	return found
}

// accessWords says what terms give, all of it, so that the same words are the same
// terms.
func accessWords(t models.Terms) string {
	if t.RevokedAt != nil {
		return fmt.Sprintf("nothing (%s on %s)", t.RevokedReason, moment(*t.RevokedAt))
	}
	words := "access from " + moment(t.ValidFrom)
	if t.ValidUntil != nil {
		words += " to " + moment(*t.ValidUntil)
	}
	if t.GraceUntil != nil {
		words += fmt.Sprintf(", and until %s by grace (%s)", moment(*t.GraceUntil), t.GraceReason)
	}
	return words
}

// strayGrants are those of subscriptions that our books do not have. A sync does not
// take them away.
func (e *examination) strayGrants(ctx context.Context) error {
	for after := uuid.Nil; ; {
		var rows []models.Grant
		err := e.s.db.WithContext(ctx).Where(`livemode = ? AND source = ? AND revoked_at IS NULL AND id > ?
			AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.id = grants.source_ref)`, e.s.cfg.Livemode, models.FromSubscription, after).
			Order("id").Limit(booksPage).Find(&rows).Error
		if err != nil {
			return fmt.Errorf("list the stray grants: %w", err)
		}
		var found []Difference
		for _, row := range rows {
			found = append(found, Difference{
				Kind: "grant.stray", Object: row.ID.String(), Member: &row.MemberID,
				Words: fmt.Sprintf("Grant %s%s: it gives %s for subscription %s, which our books do not have.", row.ID, ofMember(&row.MemberID), accessWords(row.Terms), row.SourceRef),
			})
		}
		if err := e.tell(found); err != nil || len(rows) < booksPage {
			return err
		}
		after = rows[len(rows)-1].ID
	}
}

// waits is how long a sync may be due before the doctor tells of it.
const waits = 10 * time.Minute

// subjects are those whose sync failed for good, or that nobody has done for long.
func (e *examination) subjects(ctx context.Context) error {
	for after := ""; ; {
		var rows []models.SyncSubject
		err := e.s.db.WithContext(ctx).Where("livemode = ? AND dirty > synced AND id > ?", e.s.cfg.Livemode, after).
			Order("id").Limit(booksPage).Find(&rows).Error
		if err != nil {
			return fmt.Errorf("list what is to be synced: %w", err)
		}
		err = e.settle(ctx, func(tx *gorm.DB) ([]Difference, error) { return e.s.compareSubjects(tx, rows) }, nil)
		if err != nil || len(rows) < booksPage {
			return err
		}
		after = rows[len(rows)-1].ID
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
