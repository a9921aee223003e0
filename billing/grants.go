package billing

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// given is what one price of a subscription gives.
type given struct {
	key   models.Grant
	terms models.Terms
}

// given is everything that a subscription gives a member by its facts: one grant for
// each price that paid for part of it. A price that the catalogue never sold gives
// nothing. Facts of which the policy says nothing are an error, and no access.
func (r rules) given(sub models.Subscription, member uuid.UUID) ([]given, error) {
	var all []given
	if err := understood(sub); err != nil {
		return nil, err
	}
	for _, price := range pricesOf(sub.Stretches) {
		if !r.prices.has(price) {
			continue
		}
		plan := r.plans[r.prices[price].PlanID]
		sp, gives := spanOf(sub, r.policy.Policy, plan.GraceDays, price)
		if !gives {
			continue
		}
		all = append(all, given{models.Grant{
			MemberID: member, Source: models.FromSubscription, SourceRef: sub.ID, Part: price,
			Account: sub.Account, Livemode: sub.Livemode, PlanID: plan.ID,
		}, sp.terms()})
	}
	return all, nil
}

// understood refuses facts of which the policy says nothing. What they should give is
// not to be guessed.
func understood(sub models.Subscription) error {
	for _, each := range sub.Stretches {
		if loss := each.UnknownLoss(); loss != "" {
			return fmt.Errorf("subscription %s: the money of invoice %s went back as %q, of which this version's policy says nothing: run the version that wrote it down",
				sub.ID, each.Invoice, loss)
		}
	}
	return nil
}

// writeGrants brings the grants of a subscription to what its facts give.
func (s *Service) writeGrants(tx *gorm.DB, sub models.Subscription, member uuid.UUID, r rules, reason string) error {
	all, err := r.given(sub, member)
	if err != nil {
		return err
	}
	for _, each := range all {
		if err := s.setGrant(tx, each.key, each.terms, reason); err != nil {
			return err
		}
	}
	return s.endWaiting(tx, sub, all, reason)
}

// endWaiting ends the access that was given while a first debit was on its way, and
// to which the facts give nothing any more: the debit failed, or the policy changed.
func (s *Service) endWaiting(tx *gorm.DB, sub models.Subscription, still []given, reason string) error {
	var waiting []models.Grant
	err := tx.Where("source = ? AND source_ref = ? AND grace_reason = ? AND grace_until > ?", models.FromSubscription, sub.ID, GraceFirst, s.clock()).
		Find(&waiting).Error
	if err != nil {
		return fmt.Errorf("load the grants of %s: %w", sub.ID, err)
	}
	for _, g := range waiting {
		if slices.ContainsFunc(still, func(each given) bool { return each.key.Part == g.Part }) {
			continue
		}
		terms, now := g.Terms, later(s.clock(), *g.ValidUntil)
		terms.GraceUntil = &now
		if err := s.setGrant(tx, g, terms, reason); err != nil {
			return err
		}
	}
	return nil
}

// pricesOf lists the prices of some stretches, each once.
func pricesOf(all []models.Stretch) []string {
	var prices []string
	for _, each := range all {
		if !slices.Contains(prices, each.Price) {
			prices = append(prices, each.Price)
		}
	}
	return prices
}

func (sp span) terms() models.Terms {
	terms := models.Terms{ValidFrom: sp.from, ValidUntil: &sp.until, RevokedReason: sp.revoked}
	if sp.grace != nil && sp.grace.Until.After(sp.until) {
		terms.GraceUntil, terms.GraceReason = &sp.grace.Until, sp.grace.Reason
	}
	if sp.revoked != "" {
		terms.RevokedAt = &sp.revokedAt
	}
	return terms
}

// GrantNewsletter gives the plan that newsletter readers are given, without end.
// Giving it twice changes nothing. Without such a plan nothing is given.
func (s *Service) GrantNewsletter(ctx context.Context, memberID uuid.UUID) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		var plan models.Plan
		err := tx.Where("given_to = ? AND retired_at IS NULL", models.GivenToNewsletter).Take(&plan).Error
		if models.NotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("load the newsletter's plan: %w", err)
		}
		if memberID, err = lockMember(tx, memberID); err != nil {
			return err
		}
		key := models.Grant{
			MemberID: memberID, Source: models.FromNewsletter, SourceRef: memberID.String(),
			Livemode: s.cfg.Livemode, PlanID: plan.ID,
		}
		return s.setGrant(tx, key, models.Terms{ValidFrom: s.clock()}, "confirmed")
	})
}

// setGrant brings the grant of a source to these terms: inserts it with the plan's
// features frozen, or changes it. Every change leaves an event and raises the
// member's entitlement version; one that takes access away revokes the tokens of
// before. The same terms leave nothing. The caller holds the member's lock.
func (s *Service) setGrant(tx *gorm.DB, key models.Grant, terms models.Terms, reason string) error {
	now := s.clock()
	terms.RecordedAt, terms.EffectiveAt = now, now
	var known models.Grant
	err := tx.Where("member_id = ? AND source = ? AND source_ref = ? AND part = ?", key.MemberID, key.Source, key.SourceRef, key.Part).Take(&known).Error
	if models.NotFound(err) {
		return s.insertGrant(tx, key, terms, reason)
	}
	if err != nil {
		return fmt.Errorf("load the grant of %s %s: %w", key.Source, key.SourceRef, err)
	}
	terms.RecordedAt = following(known.RecordedAt, now)
	terms.Tier, terms.Rank, terms.Features = known.Tier, known.Rank, known.Features
	if terms.ValidUntil == nil {
		terms.ValidFrom = known.ValidFrom // an open grant begins once
	}
	change := changeOf(known.Terms, terms)
	if change == "" {
		return nil
	}
	was := known.Terms
	known.Terms = terms
	known.EffectiveAt = effective(terms, now)
	if err := tx.Save(&known).Error; err != nil {
		return fmt.Errorf("change grant %s: %w", known.ID, err)
	}
	if err := s.record(tx, known, change, reason); err != nil || !takes(was, terms, now) {
		return err
	}
	return models.RevokeAccess(tx, known.MemberID, now)
}

// takes says whether a token may be about that was signed by the terms of before and
// opens what those of now do not. It looks at one grant alone: where another gives
// the same, its reader's next token comes early, and nothing is lost.
func takes(was, is models.Terms, now time.Time) bool {
	opens, closes := later(was.ValidFrom, now), models.TokensDead(now)
	if over := end(models.Grant{Terms: was}); !over.IsZero() {
		closes = earlier(over, closes)
	}
	if !opens.Before(closes) {
		return false
	}
	over := end(models.Grant{Terms: is})
	return is.ValidFrom.After(opens) || (!over.IsZero() && over.Before(closes))
}

func (s *Service) insertGrant(tx *gorm.DB, grant models.Grant, terms models.Terms, reason string) error {
	var plan models.Plan
	if err := tx.Where("id = ?", grant.PlanID).Take(&plan).Error; err != nil {
		return fmt.Errorf("load plan %s: %w", grant.PlanID, err)
	}
	features, err := planFeatures(tx, plan.ID)
	if err != nil {
		return err
	}
	grant.ID = models.NewID()
	grant.Terms = terms
	grant.Tier, grant.Rank, grant.Features = plan.Name, plan.Rank, features
	grant.EffectiveAt = terms.ValidFrom
	if err := tx.Create(&grant).Error; err != nil {
		return fmt.Errorf("make the grant of %s %s: %w", grant.Source, grant.SourceRef, err)
	}
	return s.record(tx, grant, models.Granted, reason)
}

func (s *Service) record(tx *gorm.DB, grant models.Grant, change models.GrantChange, reason string) error {
	event := models.GrantEvent{
		ID: models.NewID(), GrantID: grant.ID, MemberID: grant.MemberID,
		Change: change, Reason: reason, Terms: grant.Terms,
	}
	if err := tx.Create(&event).Error; err != nil {
		return fmt.Errorf("record the change of grant %s: %w", grant.ID, err)
	}
	err := tx.Model(&models.Member{}).Where("id = ?", grant.MemberID).
		Update("entitlement_version", gorm.Expr("entitlement_version + 1")).Error
	if err != nil {
		return fmt.Errorf("raise the entitlement version of %s: %w", grant.MemberID, err)
	}
	return nil
}

// changeOf names what became of a grant; "" for nothing.
func changeOf(was, is models.Terms) models.GrantChange {
	was.RecordedAt, was.EffectiveAt = is.RecordedAt, is.EffectiveAt
	if sameTerms(was, is) {
		return ""
	}
	switch before, after := end(models.Grant{Terms: was}), end(models.Grant{Terms: is}); {
	case was.RevokedAt == nil && is.RevokedAt != nil:
		return models.Revoked
	case was.RevokedAt != nil && is.RevokedAt == nil:
		return models.Restored
	case after.After(before):
		return models.Extended
	case after.Before(before):
		return models.Shortened
	}
	return models.Changed
}

func sameTerms(a, b models.Terms) bool {
	return sameInstant(&a.ValidFrom, &b.ValidFrom) && sameInstant(a.ValidUntil, b.ValidUntil) &&
		sameInstant(a.GraceUntil, b.GraceUntil) && sameInstant(a.RevokedAt, b.RevokedAt) &&
		a.GraceReason == b.GraceReason && a.RevokedReason == b.RevokedReason &&
		a.Tier == b.Tier && a.Rank == b.Rank && reflect.DeepEqual(a.Features, b.Features)
}

func sameInstant(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

// effective is when new terms took effect: a revocation when the money went back,
// everything else when we learned of it.
func effective(terms models.Terms, now time.Time) time.Time {
	if terms.RevokedAt != nil {
		return *terms.RevokedAt
	}
	return now
}
