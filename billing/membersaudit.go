package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"newsroom.example/membership/models"
)

// What is done by hand, as the audit log names it. A refund is requested before Stripe
// is asked, and made or refused after.
const (
	auditMemberAdded     = "member.added"
	auditMemberMerged    = "member.merged"
	auditStrayDisowned   = "purchase.disowned"
	auditGrantAdded      = "grant.added"
	auditGrantEnded      = "grant.ended"
	auditRefundRequested = "refund.requested"
	auditRefundMade      = "refund.made"
	auditRefundRefused   = "refund.refused"
	auditStripeSetup     = "stripe.setup"
	// Ended by no event: Stripe holds it no more.
	auditSubscriptionEnded = "subscription.ended"
)

// aboutMember is true of entries about a member, also from when a purchase was still
// that of another, who was merged.
const aboutMember = `member_id IN (SELECT id FROM members WHERE id = @id OR merged_into = @id)`

// AuditFilter says which entries of the audit log to list; zero values list all.
type AuditFilter struct {
	Member *uuid.UUID
	Since  time.Time
}

// auditPage is how many entries are held at once.
const auditPage = 500

// Audit hands each entry of the audit log to each, the oldest first, a page at a
// time, and stops at the first error.
func (s *Service) Audit(ctx context.Context, filter AuditFilter, each func(AuditLine) error) error {
	last := models.AuditEntry{At: filter.Since}
	for {
		query := s.db.WithContext(ctx).Where("(at, id) > (?, ?)", last.At, last.ID).Order("at, id").Limit(auditPage)
		if filter.Member != nil {
			query = query.Where(aboutMember, map[string]any{"id": filter.Member})
		}
		var rows []models.AuditEntry
		if err := query.Find(&rows).Error; err != nil {
			return fmt.Errorf("list the audit log: %w", err)
		}
		for _, row := range rows {
			if err := each(auditLine(row)); err != nil {
				return err
			}
		}
		if len(rows) < auditPage {
			return nil
		}
		last = rows[auditPage-1]
	}
}

func auditLine(e models.AuditEntry) AuditLine {
	line := AuditLine{ID: e.ID, At: e.At, Actor: e.Actor, Action: e.Action, Subject: e.Subject, Member: e.MemberID, Reason: e.Reason}
	if e.Before != nil {
		line.Before = e.Before
	}
	if e.After != nil {
		line.After = e.After
	}
	return line
}

// Why is who does something by hand, and the reason they give. Both are kept for
// good.
type Why struct {
	Actor  string // such as "cli:night-shift"
	Reason string
}

// longestReason is in characters: a sentence or two, not the reader's letter.
const longestReason = 500

// check refuses a reason that says nothing, says too much, or names an address: the
// audit log outlives what readers may ask us to forget. KindInvalid reason_missing,
// reason_too_long, reason_personal.
func (w Why) check() error {
	switch reason := strings.TrimSpace(w.Reason); {
	case reason == "":
		return invalid("reason_missing", "reason", nil)
	case len([]rune(reason)) > longestReason:
		return invalid("reason_too_long", "reason", map[string]any{"Limit": longestReason})
	case strings.Contains(reason, "@"):
		return invalid("reason_personal", "reason", nil)
	}
	return nil
}

// entry is a line for the audit log; was and is are what changed, nil for nothing.
func (s *Service) entry(by Why, action, subject string, member *uuid.UUID, was, is any) models.AuditEntry {
	return models.AuditEntry{
		ID: models.NewID(), At: s.clock(), Actor: by.Actor, Action: action, Subject: subject, MemberID: member,
		Before: asJSON(was), After: asJSON(is), Reason: storable(strings.TrimSpace(by.Reason)),
	}
}

// asJSON is nil for nil. What is audited are maps of plain values, which always
// encode.
func asJSON(facts any) json.RawMessage {
	if facts == nil {
		return nil
	}
	text, err := json.Marshal(facts)
	if err != nil {
		return nil
	}
	return text
}
