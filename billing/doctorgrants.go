package billing

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// grants compares the grants with what the policy makes of our own rows.
func (e *examination) grants(ctx context.Context) error {
	for after := uuid.Nil; ; {
		var looked grantsLooked
		err := e.settle(ctx, func(tx *gorm.DB) (all []Difference, err error) {
			var found []GrantDifference
			found, looked, err = e.s.grantDifferences(tx, after)
			for _, each := range found {
				all = append(all, e.s.grantDiffers(each))
			}
			return all, err
		}, nil)
		if err != nil || looked.last == uuid.Nil {
			return err
		}
		e.Looked("our memberships", looked.judged)
		e.findings.Unjudged += int64(looked.unjudged)
		after = looked.last
	}
}

func (s *Service) grantDiffers(d GrantDifference) Difference {
	found := Difference{Kind: "grant.differs", Object: d.SubscriptionID, Member: &d.MemberID, subject: s.subject(models.SubjectCustomer, d.CustomerID)}
	if d.Should == nil {
		found.Kind, found.subject = "grant.unexplained", models.SyncSubject{}
		found.Words = fmt.Sprintf("Subscription %s%s: by the policy it gives nothing of what grant %s gives: %s. %s",
			d.SubscriptionID, ofMember(&d.MemberID), d.GrantID, accessWords(*d.Is), byHand(d.GrantID))
		return found
	}
	has := "nothing"
	if d.Is != nil {
		has = accessWords(*d.Is)
	}
	found.Words = fmt.Sprintf("Subscription %s%s: by the policy it gives %s; the grant gives %s.",
		d.SubscriptionID, ofMember(&d.MemberID), accessWords(*d.Should), has)
	return found
}

// byHand says what to do about a grant that no sync takes away.
func byHand(grant uuid.UUID) string {
	return fmt.Sprintf("No sync ends it; if nobody means it: membership grants end %s --reason …", grant)
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
		words += fmt.Sprintf(", and until %s by grace (%s)", moment(*t.GraceUntil), graceReasons[t.GraceReason])
	}
	return words
}

// graceReasons are the reasons of a grace in words.
var graceReasons = map[string]string{
	GraceRenewalDue: "a renewal is due",
	GraceProcessing: "the renewal's debit is on its way",
	GracePastDue:    "the renewal's charge failed",
	GraceFirst:      "the first debit is on its way",
}

// strayGrants are those of subscriptions that our books do not have, and that still
// give access.
func (e *examination) strayGrants(ctx context.Context) error {
	for after := uuid.Nil; ; {
		last, more, err := stretchEnd(ctx, e.s.db, &models.Grant{}, after)
		if err != nil {
			return err
		}
		var rows []models.Grant
		err = e.s.db.WithContext(ctx).Where(`livemode = ? AND source = ? AND revoked_at IS NULL AND id > ? AND id <= ? AND coalesce(grace_until, valid_until) > ?
			AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.id = grants.source_ref)`, e.s.cfg.Livemode, models.FromSubscription, after, last, e.began).
			Order("id").Find(&rows).Error
		if err != nil {
			return fmt.Errorf("list the stray grants: %w", err)
		}
		var found []Difference
		for _, row := range rows {
			found = append(found, Difference{
				Kind: "grant.stray", Object: row.ID.String(), Member: &row.MemberID,
				Words: fmt.Sprintf("Grant %s%s: it gives %s for subscription %s, which our books do not have. %s",
					row.ID, ofMember(&row.MemberID), accessWords(row.Terms), row.SourceRef, byHand(row.ID)),
			})
		}
		if err := e.tell(found); err != nil || !more {
			return err
		}
		after = last
	}
}
