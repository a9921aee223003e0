package handlers

import (
	"time"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
)

func plansBodyOf(offers billing.Offers) plansBody {
	body := plansBody{Plans: []planBody{}, Donations: []donationBody{}}
	for _, p := range offers.Plans {
		body.Plans = append(body.Plans, planBodyOf(p))
	}
	for _, d := range offers.Donations {
		body.Donations = append(body.Donations, donationBodyOf(d))
	}
	return body
}

func planBodyOf(p billing.PlanOffer) planBody {
	body := planBody{ID: p.ID, Name: p.Name, Description: p.Description, Features: []string{}, Prices: []priceBody{}}
	for _, f := range p.Features {
		body.Features = append(body.Features, f.ID)
	}
	for _, price := range p.Prices {
		body.Prices = append(body.Prices, priceBody{price.ID, price.Interval, price.Amount.Minor, price.Amount.Currency})
	}
	return body
}

func donationBodyOf(d billing.DonationOffer) donationBody {
	body := donationBody{Currency: d.Currency, Minimum: d.Minimum.Minor, Maximum: d.Maximum.Minor, Presets: []int64{}, Intervals: []models.Interval{}}
	for _, preset := range d.Presets {
		body.Presets = append(body.Presets, preset.Minor)
	}
	if d.Once {
		body.Intervals = append(body.Intervals, models.Once)
	}
	if d.Monthly {
		body.Intervals = append(body.Intervals, models.Monthly)
	}
	return body
}

func meBodyOf(v auth.Visitor, held billing.Entitlements) meBody {
	body := meBody{
		MemberID: auth.Subject(v.Member.ID), Proven: !v.Session.Limited, Tier: held.Tier,
		MemberSince: instant(held.MemberSince), Entitlements: []entitlementBody{},
	}
	for _, h := range held.Features {
		body.Entitlements = append(body.Entitlements, entitlementBody{h.Feature, instant(h.Until), h.InGrace, h.Sources})
	}
	if held.Grace != nil {
		body.Grace = &graceBody{held.Grace.Until.UTC(), held.Grace.Reason}
	}
	return body
}

// instant leaves out the time that stands for none.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
