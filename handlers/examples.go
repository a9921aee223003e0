package handlers

import (
	"time"

	"github.com/google/uuid"

	"newsroom.example/membership/models"
)

// The examples of the API's description. People write their clients from them, so
// that they change only when the API does.

func examplePlans() plansBody {
	return plansBody{
		Plans: []planBody{{
			ID: "member", Name: "Member", Description: "Every article, and the sources behind it.",
			Features: []string{"articles:full", "sources:links"},
			Prices: []priceBody{
				{ID: "price_1OQ8Xy2eZvKYlo2C", Interval: models.Monthly, Amount: 800, Currency: "eur"},
				{ID: "price_1OQ8Xz2eZvKYlo2D", Interval: models.Yearly, Amount: 8000, Currency: "eur"},
			},
		}},
		Donations: []donationBody{{
			Currency: "eur", Minimum: 200, Maximum: 500000, Presets: []int64{500, 1000, 2500},
			Intervals: []models.Interval{models.Once, models.Monthly},
		}},
	}
}

func exampleMe() meBody {
	since := time.Date(2026, time.January, 14, 9, 30, 0, 0, time.UTC)
	until := time.Date(2026, time.December, 14, 9, 30, 0, 0, time.UTC)
	return meBody{
		MemberID: "mem_019ab0c4-6b1e-7c3f-9a54-2f4f0a6d9e11", Proven: true, Tier: "Member", MemberSince: &since,
		Entitlements: []entitlementBody{
			{Feature: "articles:full", Until: &until, Sources: []models.GrantSource{models.FromSubscription}},
			{Feature: "sources:links", Sources: []models.GrantSource{models.FromNewsletter, models.FromSubscription}},
		},
	}
}

func exampleDevices() devicesBody {
	at := time.Date(2026, time.November, 22, 9, 0, 0, 0, time.UTC)
	return devicesBody{Sessions: []deviceBody{
		{ID: uuid.MustParse("019ab0c4-6b1e-7c3f-9a54-2f4f0a6d9e11"), Device: "Firefox on Windows", SignedInAt: at.AddDate(0, -1, 0), LastSeenAt: at, Current: true, Proven: true},
		{ID: uuid.MustParse("019ab0c4-7d02-7c3f-9a54-2f4f0a6d9e12"), Device: "Safari on iPhone", SignedInAt: at.AddDate(0, -5, 0), LastSeenAt: at.AddDate(0, 0, -3), Proven: true},
	}}
}

func exampleToken() tokenBody {
	return tokenBody{
		AccessToken: "eyJhbGciOiJFUzI1NiIsImtpZCI6Ij…", TokenType: "Bearer", ExpiresIn: 600,
	}
}

func exampleExchanged() exchangedBody {
	return exchangedBody{
		AccessToken: "eyJhbGciOiJFUzI1NiIsImtpZCI6Ij…", TokenType: "Bearer", ExpiresIn: 600, SessionExpiresIn: 7776000,
	}
}
