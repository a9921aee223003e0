package billing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
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
	before, err := s.describeRows(s.db.WithContext(ctx), c)
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
		features := slices.Compact(slices.Sorted(slices.Values(p.Features)))
		lines["plan "+id] = planLine(p.Name, p.Description, p.Rank, p.GraceDays, p.GivenTo, features)
	}
	for i, d := range c.Donations.rows() {
		lines["donations in "+d.option.Currency] = donationLine(i, d)
	}
	policyLines(c.Policy, lines)
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

// describeRows is what the database holds of the catalogue, in the same lines.
func (s *Service) describeRows(tx *gorm.DB, wanted Catalog) (map[string]string, error) {
	lines := map[string]string{}
	err := errors.Join(describeFeatures(tx, wanted, lines), describePlans(tx, lines), s.describeDonations(tx, lines), describePolicy(tx, lines))
	if err != nil {
		return nil, fmt.Errorf("load the catalogue: %w", err)
	}
	return lines, nil
}

// describeFeatures leaves out those that only retired plans have and that the file
// does not name: they stay.
func describeFeatures(tx *gorm.DB, wanted Catalog, lines map[string]string) error {
	var features []models.Feature
	err := tx.Where(`id IN ? OR EXISTS (SELECT 1 FROM plan_features pf JOIN plans p ON p.id = pf.plan_id WHERE pf.feature_id = features.id AND p.retired_at IS NULL)
		OR NOT EXISTS (SELECT 1 FROM plan_features pf WHERE pf.feature_id = features.id)`, append(sortedKeys(wanted.Features), "")).Find(&features).Error
	for _, f := range features {
		lines["feature "+f.ID] = f.Description
	}
	return err
}

func describePlans(tx *gorm.DB, lines map[string]string) error {
	var plans []models.Plan
	if err := tx.Where("retired_at IS NULL").Find(&plans).Error; err != nil {
		return err
	}
	for _, p := range plans {
		has, err := planFeatures(tx, p.ID)
		if err != nil {
			return err
		}
		given := ""
		if p.GivenTo != nil {
			given = *p.GivenTo
		}
		lines["plan "+p.ID] = planLine(p.Name, p.Description, p.Rank, p.GraceDays, given, has)
	}
	return nil
}

// planFeatures are the ids of a plan's features, sorted.
func planFeatures(tx *gorm.DB, plan string) ([]string, error) {
	var ids []string
	err := tx.Model(&models.PlanFeature{}).Where("plan_id = ?", plan).Order("feature_id").Pluck("feature_id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("load the features of plan %s: %w", plan, err)
	}
	return ids, nil
}

func (s *Service) describeDonations(tx *gorm.DB, lines map[string]string) error {
	offers, err := s.donationOffers(tx.Statement.Context)
	for i, o := range offers {
		d := donationRows{option: models.DonationOption{Minimum: o.Minimum.Minor, Maximum: o.Maximum.Minor, Once: o.Once, Monthly: o.Monthly}}
		for _, preset := range o.Presets {
			d.presets = append(d.presets, preset.Minor)
		}
		lines["donations in "+o.Currency] = donationLine(i, d)
	}
	return err
}

func describePolicy(tx *gorm.DB, lines map[string]string) error {
	var row models.PolicyInForce
	err := tx.Take(&row).Error
	policyLines(row.Policy, lines)
	return err
}
