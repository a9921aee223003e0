package billing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// refuseInUse keeps a plan or a feature from being taken out of the file while
// members hold it: they paid for it, and the pages must still be able to name it.
func (s *Service) refuseInUse(ctx context.Context, c Catalog) error {
	var held []struct {
		PlanID   string
		Features models.Strings `gorm:"serializer:json"`
	}
	now := s.clock()
	err := s.db.WithContext(ctx).Raw(`
		SELECT DISTINCT plan_id, features FROM grants
		WHERE revoked_at IS NULL AND (valid_until IS NULL OR coalesce(grace_until, valid_until) > ?)`, now).Scan(&held).Error
	if err != nil {
		return fmt.Errorf("look for what members hold: %w", err)
	}
	var missing []string
	for _, h := range held {
		if _, ok := c.Plans[h.PlanID]; !ok {
			missing = append(missing, "plan "+h.PlanID)
		}
		for _, feature := range h.Features {
			if _, ok := c.Features[feature]; !ok {
				missing = append(missing, "feature "+feature)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return &Error{Kind: KindConflict, Code: "catalog_in_use", Err: fmt.Errorf(
		"members still hold %s: keep it in the file until they no longer do (to stop selling a plan, replace its prices)",
		strings.Join(slices.Compact(missing), ", "))}
}

// compareRows says what of the database the catalogue changes, in words.
func (s *Service) compareRows(ctx context.Context, c Catalog) ([]CatalogStep, error) {
	before, err := s.describeRows(s.db.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	var steps []CatalogStep
	after := c.describe()
	for _, name := range sortedKeys(after) {
		if was, known := before[name]; !known {
			steps = append(steps, CatalogStep{"add", name + ": " + after[name]})
		} else if was != after[name] {
			steps = append(steps, CatalogStep{"change", name + ": " + after[name] + " (was: " + was + ")"})
		}
	}
	for _, name := range sortedKeys(before) {
		if _, kept := after[name]; !kept {
			steps = append(steps, CatalogStep{"retire", name})
		}
	}
	return steps, nil
}

// describe is everything of the catalogue that the database keeps beside Stripe, a
// line each.
func (c Catalog) describe() map[string]string {
	lines := map[string]string{}
	for id, words := range c.Features {
		lines["feature "+id] = words
	}
	for id, p := range c.Plans {
		features := slices.Sorted(slices.Values(p.Features))
		lines["plan "+id] = planLine(p.Name, p.Description, p.Rank, p.GraceDays, p.GivenTo, features)
	}
	for i, d := range c.Donations.rows() {
		lines["donations in "+d.option.Currency] = donationLine(i, d)
	}
	return lines
}

func planLine(name, description string, rank, grace int, given string, features []string) string {
	return fmt.Sprintf("%q (%s), rank %d, grace %d days, given to %q, %s", name, description, rank, grace, given, strings.Join(features, " "))
}

type donationRows struct {
	option  models.DonationOption
	presets []int64
}

func donationLine(position int, d donationRows) string {
	o := d.option
	return fmt.Sprintf("%d to %d, presets %v, once %t, monthly %t, place %d", o.Minimum, o.Maximum, d.presets, o.Once, o.Monthly, position+1)
}

// rows are the donation options as the database keeps them. The file has been
// checked: its amounts can be read.
func (d CatalogDonations) rows() []donationRows {
	var all []donationRows
	for i, c := range d.currencies {
		low, _ := readAmount(c.Minimum, c.Currency)
		high, _ := readAmount(c.Maximum, c.Currency)
		one := donationRows{option: models.DonationOption{
			Currency: c.Currency, Position: i, Minimum: low.Minor, Maximum: high.Minor, Once: d.Once, Monthly: d.Monthly,
		}}
		for _, text := range c.Presets {
			preset, _ := readAmount(text, c.Currency)
			one.presets = append(one.presets, preset.Minor)
		}
		slices.Sort(one.presets)
		all = append(all, one)
	}
	return all
}

func (s *Service) describeRows(tx *gorm.DB) (map[string]string, error) {
	lines := map[string]string{}
	var features []models.Feature
	var plans []models.Plan
	var planFeatures []models.PlanFeature
	for _, load := range []error{
		tx.Where(`EXISTS (SELECT 1 FROM plan_features pf JOIN plans p ON p.id = pf.plan_id WHERE pf.feature_id = features.id AND p.retired_at IS NULL)
			OR NOT EXISTS (SELECT 1 FROM plan_features pf WHERE pf.feature_id = features.id)`).Find(&features).Error,
		tx.Where("retired_at IS NULL").Find(&plans).Error,
		tx.Order("feature_id").Find(&planFeatures).Error,
	} {
		if load != nil {
			return nil, fmt.Errorf("load the catalogue: %w", load)
		}
	}
	for _, f := range features {
		lines["feature "+f.ID] = f.Description
	}
	for _, p := range plans {
		var has []string
		for _, pf := range planFeatures {
			if pf.PlanID == p.ID {
				has = append(has, pf.FeatureID)
			}
		}
		given := ""
		if p.GivenTo != nil {
			given = *p.GivenTo
		}
		lines["plan "+p.ID] = planLine(p.Name, p.Description, p.Rank, p.GraceDays, given, has)
	}
	offers, err := s.donationOffers(tx.Statement.Context)
	if err != nil {
		return nil, err
	}
	for i, o := range offers {
		d := donationRows{option: models.DonationOption{Minimum: o.Minimum.Minor, Maximum: o.Maximum.Minor, Once: o.Once, Monthly: o.Monthly}}
		for _, preset := range o.Presets {
			d.presets = append(d.presets, preset.Minor)
		}
		lines["donations in "+o.Currency] = donationLine(i, d)
	}
	return lines, nil
}

// writeCatalog brings the database to the catalogue in one transaction, after
// Stripe has been brought there. Nothing that a grant or a price names is deleted.
func (s *Service) writeCatalog(ctx context.Context, a *application) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		for _, write := range []func(*gorm.DB, *application) error{s.writeFeatures, s.writePlans, s.writeProducts, s.writeDonations, s.dropFeatures} {
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
