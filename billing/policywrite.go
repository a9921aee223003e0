package billing

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// PolicyInForce is the policy that grants follow now.
func (s *Service) PolicyInForce(ctx context.Context) (models.PolicyInForce, error) {
	var p models.PolicyInForce
	if err := s.db.WithContext(ctx).Take(&p).Error; err != nil {
		return p, fmt.Errorf("load the policy: %w", err)
	}
	return p, nil
}

// writePolicy puts the file's policy in force, in the transaction that writes the
// file's plans and before them. The version rises, and with it every membership is
// behind until its grants were looked at again.
func (s *Service) writePolicy(tx *gorm.DB, a *application) error {
	var row models.PolicyInForce
	if err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Take(&row).Error; err != nil {
		return fmt.Errorf("lock the policy: %w", err)
	}
	before, after := policyTerms{row.Policy, map[string]int{}}, policyTerms{a.wanted.Policy, map[string]int{}}
	var plans []models.Plan
	if err := tx.Where("id IN ?", append(sortedKeys(a.wanted.Plans), "")).Find(&plans).Error; err != nil {
		return fmt.Errorf("load the plans: %w", err)
	}
	for _, plan := range plans {
		before.GraceDays[plan.ID], after.GraceDays[plan.ID] = plan.GraceDays, a.wanted.Plans[plan.ID].GraceDays
	}
	if before.String() == after.String() {
		return nil
	}
	now := s.clock()
	row.Policy, row.Version, row.ChangedAt = a.wanted.Policy, row.Version+1, &now
	if err := tx.Save(&row).Error; err != nil {
		return fmt.Errorf("change the policy: %w", err)
	}
	return s.auditPolicy(tx, a.wanted.By, before, after)
}

func (s *Service) auditPolicy(tx *gorm.DB, by string, before, after policyTerms) error {
	entry := models.AuditEntry{At: s.clock(), Actor: by, Action: "policy.changed", Subject: "policy", Reason: "catalogue applied"}
	if by == "" {
		entry.Actor = "billing"
	}
	var err error
	if entry.Before, err = json.Marshal(before); err != nil {
		return fmt.Errorf("say the policy before: %w", err)
	}
	if entry.After, err = json.Marshal(after); err != nil {
		return fmt.Errorf("say the policy after: %w", err)
	}
	return models.Audit(tx, entry)
}
