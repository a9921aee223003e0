package billing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Complimentary is access that the newsroom gives away.
type Complimentary struct {
	MemberID uuid.UUID
	PlanID   string
	Until    *time.Time // nil: without end
	Why
}

// revokedByStaff is why a grant counts no more that somebody here ended.
const revokedByStaff = "ended_by_staff"

// GrantComplimentary gives a member a plan, from now on. The same gift again (plan,
// end and reason) changes nothing, and made says so; one that was ended meanwhile
// begins anew. Tokens follow within their ten minutes. KindInvalid plan_unknown,
// until_past and what Why refuses.
func (s *Service) GrantComplimentary(ctx context.Context, c Complimentary) (grant models.Grant, made bool, err error) {
	if err := c.check(); err != nil {
		return grant, false, err
	}
	now := s.clock()
	if c.Until != nil && !c.Until.After(now) {
		return grant, false, invalid("until_past", "until", map[string]any{"Date": *c.Until})
	}
	if err := s.planOnOffer(ctx, c.PlanID); err != nil {
		return grant, false, err
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		if c.MemberID, err = lockMember(tx, c.MemberID); err != nil {
			return err
		}
		grant, made, err = s.giveComplimentary(tx, c)
		return err
	})
	return grant, made, err
}

// planOnOffer refuses a plan that is not in the catalogue, or not any more, and
// names those that are.
func (s *Service) planOnOffer(ctx context.Context, id string) error {
	var plans []string
	err := s.db.WithContext(ctx).Model(&models.Plan{}).Where("retired_at IS NULL").Order("rank, id").Pluck("id", &plans).Error
	if err != nil {
		return fmt.Errorf("list the plans: %w", err)
	}
	for _, plan := range plans {
		if plan == id {
			return nil
		}
	}
	return invalid("plan_unknown", "plan", map[string]any{"Plans": strings.Join(plans, ", ")})
}

// giveComplimentary writes the grant and its entry in the audit log. The caller
// holds the member's lock.
func (s *Service) giveComplimentary(tx *gorm.DB, c Complimentary) (models.Grant, bool, error) {
	key := models.Grant{
		MemberID: c.MemberID, Source: models.FromComplimentary, SourceRef: c.ref(),
		Livemode: s.cfg.Livemode, PlanID: c.PlanID,
	}
	known, err := grantOf(tx, key)
	if err != nil || (known.ID != uuid.Nil && known.RevokedAt == nil) {
		return known, false, err
	}
	if err := s.setGrant(tx, key, models.Terms{ValidFrom: s.clock(), ValidUntil: c.Until}, "given"); err != nil {
		return known, false, err
	}
	given, err := grantOf(tx, key)
	if err != nil {
		return known, false, err
	}
	return given, true, models.Audit(tx, s.entry(c.Why, auditGrantAdded, given.ID.String(), &c.MemberID, termsOf(known), termsOf(given)))
}

// ref makes the same gift the same grant.
func (c Complimentary) ref() string {
	until := "without end"
	if c.Until != nil {
		until = c.Until.UTC().Format(time.RFC3339Nano)
	}
	digest := sha256.Sum256([]byte(c.PlanID + "\x00" + until + "\x00" + strings.TrimSpace(c.Reason)))
	return hex.EncodeToString(digest[:16])
}

// grantOf is the grant of a source; the zero one where there is none.
func grantOf(tx *gorm.DB, key models.Grant) (models.Grant, error) {
	var known models.Grant
	err := tx.Where("member_id = ? AND source = ? AND source_ref = ? AND part = ?", key.MemberID, key.Source, key.SourceRef, key.Part).Take(&known).Error
	if err != nil && !models.NotFound(err) {
		return known, fmt.Errorf("load the grant of %s %s: %w", key.Source, key.SourceRef, err)
	}
	return known, nil
}

// termsOf is what the audit log keeps of a grant; nil of none.
func termsOf(g models.Grant) any {
	if g.ID == uuid.Nil {
		return nil
	}
	return map[string]any{
		"plan": g.PlanID, "from": g.ValidFrom, "until": g.ValidUntil, "revoked_at": g.RevokedAt, "revoked_reason": g.RevokedReason,
	}
}

// EndGrant ends a grant that somebody here gave, or that no fact explains, at once.
// Ending it again changes nothing, and ended says so. What was bought is ended where it
// was bought: KindInvalid grant_bought, grant_newsletter, grant_not_ours; KindNotFound
// grant_unknown.
func (s *Service) EndGrant(ctx context.Context, id uuid.UUID, by Why) (grant models.Grant, ended bool, err error) {
	if err := by.check(); err != nil {
		return grant, false, err
	}
	err = s.db.WithContext(ctx).Where("id = ?", id).Take(&grant).Error
	if models.NotFound(err) {
		return grant, false, &Error{Kind: KindNotFound, Code: "grant_unknown"}
	}
	if err != nil {
		return grant, false, fmt.Errorf("load grant %s: %w", id, err)
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		if grant.MemberID, err = lockMember(tx, grant.MemberID); err != nil {
			return err
		}
		if err := endable(tx, grant); err != nil {
			return err
		}
		grant, ended, err = s.endGrant(tx, grant, by)
		return err
	})
	return grant, ended, err
}

func endable(tx *gorm.DB, g models.Grant) error {
	switch g.Source {
	case models.FromComplimentary, models.FromStaff:
		return nil
	case models.FromSubscription, models.FromPayment:
		if explained, err := explained(tx, g); err != nil || !explained {
			return err
		}
		return invalid("grant_bought", "", map[string]any{"Ref": g.SourceRef})
	case models.FromNewsletter:
		return invalid("grant_newsletter", "", nil)
	}
	return invalid("grant_not_ours", "", map[string]any{"Source": string(g.Source)})
}

// endGrant revokes a grant that is still live. The caller holds the member's lock.
func (s *Service) endGrant(tx *gorm.DB, key models.Grant, by Why) (models.Grant, bool, error) {
	known, err := grantOf(tx, key)
	if err != nil {
		return known, false, err
	}
	now := s.clock()
	if over := end(known); !over.IsZero() && !over.After(now) {
		return known, false, nil
	}
	terms := known.Terms
	terms.RevokedAt, terms.RevokedReason = &now, revokedByStaff
	if err := s.setGrant(tx, key, terms, revokedByStaff); err != nil {
		return known, false, err
	}
	ended, err := grantOf(tx, key)
	if err != nil {
		return known, false, err
	}
	return ended, true, models.Audit(tx, s.entry(by, auditGrantEnded, ended.ID.String(), &ended.MemberID, termsOf(known), termsOf(ended)))
}

// AddMember makes a member under an address that nobody has proven yet: whoever
// proves it later signs in as them. One who is there already is returned, and made
// says so. KindInvalid address_invalid.
func (s *Service) AddMember(ctx context.Context, address string, by Why) (m models.Member, made bool, err error) {
	if err := by.check(); err != nil {
		return m, false, err
	}
	email, err := models.CanonicalEmail(address)
	if err != nil {
		return m, false, invalid("address_invalid", "", nil)
	}
	now := s.clock()
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		m = models.Member{ID: models.NewID(), Email: &email, Locale: "en", CreatedAt: now, UpdatedAt: now}
		done := tx.Exec(`INSERT INTO members (id, email, name, locale, created_at, updated_at) VALUES (?, ?, '', ?, ?, ?)
			ON CONFLICT (email) DO NOTHING`, m.ID, email, m.Locale, now, now)
		if made = done.RowsAffected == 1; done.Error != nil || !made {
			return done.Error
		}
		return models.Audit(tx, s.entry(by, auditMemberAdded, m.ID.String(), &m.ID, nil, map[string]any{"proven": false}))
	})
	if err != nil || made {
		return m, made, err
	}
	m, err = s.FindMember(ctx, email)
	return m, false, err
}
