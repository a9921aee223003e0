package billing

import (
	"context"
	"fmt"

	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// Offers is what can be bought or given now.
type Offers struct {
	Plans     []PlanOffer     // by rank, the lowest first
	Donations []DonationOffer // the first is the default
}

// PlanOffer is a plan that is for sale.
type PlanOffer struct {
	ID, Name, Description string
	Features              []FeatureOffer
	Prices                []PriceOffer
}

// FeatureOffer is what a plan opens, in words.
type FeatureOffer struct{ ID, Description string }

// PriceOffer is one way to pay for a plan. Its ID is Stripe's price id.
type PriceOffer struct {
	ID       string
	Interval models.Interval
	Amount   money.Money
}

// DonationOffer is what may be given in one currency.
type DonationOffer struct {
	Currency         string
	Minimum, Maximum money.Money
	Presets          []money.Money
	Once, Monthly    bool
}

// Offers reads what the catalogue sells now, in this Stripe mode.
func (s *Service) Offers(ctx context.Context) (Offers, error) {
	plans, err := s.planOffers(ctx)
	if err != nil {
		return Offers{}, err
	}
	donations, err := s.donationOffers(ctx)
	return Offers{Plans: plans, Donations: donations}, err
}

func (s *Service) planOffers(ctx context.Context) ([]PlanOffer, error) {
	var plans []models.Plan
	if err := s.db.WithContext(ctx).Where("retired_at IS NULL").Order("rank, id").Find(&plans).Error; err != nil {
		return nil, fmt.Errorf("list the plans: %w", err)
	}
	prices, err := s.priceOffers(ctx)
	if err != nil {
		return nil, err
	}
	features, err := s.featureOffers(ctx)
	if err != nil {
		return nil, err
	}
	var offers []PlanOffer
	for _, plan := range plans {
		if len(prices[plan.ID]) > 0 {
			offers = append(offers, PlanOffer{plan.ID, plan.Name, plan.Description, features[plan.ID], prices[plan.ID]})
		}
	}
	return offers, nil
}

// priceOffers are the prices that are sold, by plan.
func (s *Service) priceOffers(ctx context.Context) (map[string][]PriceOffer, error) {
	var prices []models.Price
	err := s.db.WithContext(ctx).Where("retired_at IS NULL AND livemode = ?", s.cfg.Livemode).Order("currency, amount").Find(&prices).Error
	if err != nil {
		return nil, fmt.Errorf("list the prices: %w", err)
	}
	byPlan := map[string][]PriceOffer{}
	for _, p := range prices {
		byPlan[p.PlanID] = append(byPlan[p.PlanID], PriceOffer{p.ID, p.Interval, money.Of(p.Amount, p.Currency)})
	}
	return byPlan, nil
}

// featureOffers are the features in words, by plan.
func (s *Service) featureOffers(ctx context.Context) (map[string][]FeatureOffer, error) {
	var rows []struct{ PlanID, ID, Description string }
	err := s.db.WithContext(ctx).Raw(`SELECT pf.plan_id, f.id, f.description
		FROM plan_features pf JOIN features f ON f.id = pf.feature_id ORDER BY f.id`).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list the features: %w", err)
	}
	byPlan := map[string][]FeatureOffer{}
	for _, row := range rows {
		byPlan[row.PlanID] = append(byPlan[row.PlanID], FeatureOffer{row.ID, row.Description})
	}
	return byPlan, nil
}

func (s *Service) donationOffers(ctx context.Context) ([]DonationOffer, error) {
	var options []models.DonationOption
	var presets []models.DonationPreset
	db := s.db.WithContext(ctx)
	if err := db.Order("position").Find(&options).Error; err != nil {
		return nil, fmt.Errorf("list the donation options: %w", err)
	}
	if err := db.Order("amount").Find(&presets).Error; err != nil {
		return nil, fmt.Errorf("list the donation presets: %w", err)
	}
	offers := make([]DonationOffer, 0, len(options))
	for _, o := range options {
		offer := DonationOffer{
			Currency: o.Currency,
			Minimum:  money.Of(o.Minimum, o.Currency),
			Maximum:  money.Of(o.Maximum, o.Currency),
			Once:     o.Once, Monthly: o.Monthly,
		}
		for _, p := range presets {
			if p.Currency == o.Currency {
				offer.Presets = append(offer.Presets, money.Of(p.Amount, p.Currency))
			}
		}
		offers = append(offers, offer)
	}
	return offers, nil
}
