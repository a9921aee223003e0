package billing

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// writeCatalog brings the database to the catalogue in one transaction, after
// Stripe has been brought there. Nothing that a grant or a price names is deleted.
func (s *Service) writeCatalog(ctx context.Context, a *application) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		for _, write := range []func(*gorm.DB, *application) error{s.writePolicy, s.writeFeatures, s.writePlans, s.writeProducts, s.writeDonations, s.dropFeatures} {
			if err := write(tx, a); err != nil {
				return fmt.Errorf("write the catalogue: %w", err)
			}
		}
		return nil
	})
}

func (s *Service) writeFeatures(tx *gorm.DB, a *application) error {
	for _, id := range sortedKeys(a.wanted.Features) {
		row := models.Feature{ID: id, Description: a.wanted.Features[id], CreatedAt: s.clock()}
		err := tx.Clauses(onConflict("id", "description")).Create(&row).Error
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) writePlans(tx *gorm.DB, a *application) error {
	now := s.clock()
	kept := sortedKeys(a.wanted.Plans)
	if err := tx.Model(&models.Plan{}).Where("retired_at IS NULL AND id NOT IN ?", append(kept, "")).Update("retired_at", now).Error; err != nil {
		return err
	}
	// One plan is given to newsletter readers: the old one makes way for the new.
	if err := tx.Model(&models.Plan{}).Where("given_to IS NOT NULL").Update("given_to", nil).Error; err != nil {
		return err
	}
	for _, id := range kept {
		plan := a.wanted.Plans[id]
		row := models.Plan{ID: id, Name: plan.Name, Description: plan.Description, Rank: plan.Rank, GraceDays: plan.GraceDays, CreatedAt: now, UpdatedAt: now}
		if plan.GivenTo != "" {
			row.GivenTo = &plan.GivenTo
		}
		err := tx.Clauses(onConflict("id", "name", "description", "rank", "grace_days", "given_to", "retired_at", "updated_at")).Create(&row).Error
		if err != nil {
			return err
		}
		if err := tx.Where("plan_id = ?", id).Delete(&models.PlanFeature{}).Error; err != nil {
			return err
		}
		for _, feature := range plan.Features {
			if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&models.PlanFeature{PlanID: id, FeatureID: feature}).Error; err != nil {
				return err
			}
		}
	}
	return nil
}

// writeProducts books products and prices, and retires what is sold no longer.
func (s *Service) writeProducts(tx *gorm.DB, a *application) error {
	now := s.clock()
	sold := []string{""}
	for _, p := range a.products {
		for _, each := range p.prices {
			sold = append(sold, each.id)
		}
	}
	err := tx.Model(&models.Price{}).Where("retired_at IS NULL AND livemode = ? AND id NOT IN ?", s.cfg.Livemode, sold).
		Update("retired_at", now).Error
	if err != nil {
		return err
	}
	for _, plan := range sortedKeys(a.products) {
		if err := s.writeProduct(tx, plan, a.products[plan]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) writeProduct(tx *gorm.DB, plan string, p *product) error {
	now := s.clock()
	row := models.Product{ID: p.id, Livemode: s.cfg.Livemode, Kind: models.ProductDonation, CreatedAt: now}
	if plan != "" {
		row.Kind, row.PlanID = models.ProductPlan, &plan
	}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
		return err
	}
	for _, each := range p.prices {
		row := models.Price{
			ID: each.id, Livemode: s.cfg.Livemode, ProductID: p.id, PlanID: plan, Interval: each.interval,
			Currency: each.amount.Currency, Amount: each.amount.Minor, CreatedAt: now,
		}
		if err := tx.Clauses(onConflict("id", "retired_at")).Create(&row).Error; err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) writeDonations(tx *gorm.DB, a *application) error {
	if err := tx.Where("true").Delete(&models.DonationOption{}).Error; err != nil {
		return err
	}
	for _, d := range a.wanted.Donations.rows() {
		if err := tx.Create(&d.option).Error; err != nil {
			return err
		}
		for _, preset := range d.presets {
			if err := tx.Create(&models.DonationPreset{Currency: d.option.Currency, Amount: preset}).Error; err != nil {
				return err
			}
		}
	}
	return nil
}

// dropFeatures takes out features that no plan has any more, retired ones
// included.
func (s *Service) dropFeatures(tx *gorm.DB, a *application) error {
	return tx.Where("id NOT IN ? AND NOT EXISTS (SELECT 1 FROM plan_features WHERE feature_id = features.id)",
		append(sortedKeys(a.wanted.Features), "")).Delete(&models.Feature{}).Error
}

func onConflict(key string, columns ...string) clause.OnConflict {
	return clause.OnConflict{Columns: []clause.Column{{Name: key}}, DoUpdates: clause.AssignmentColumns(columns)}
}
