package models

import "time"

// Feature is one thing that an article service can ask for, like "articles:full".
type Feature struct {
	ID          string    `gorm:"type:text;primaryKey"`
	Description string    `gorm:"type:text;not null"`
	CreatedAt   time.Time `gorm:"type:timestamptz;not null;autoCreateTime:false"`
}

// Plan is a bundle of features under a name; of two, the higher rank names the
// reader's tier.
type Plan struct {
	ID          string     `gorm:"type:text;primaryKey"`
	Name        string     `gorm:"type:text;not null"`
	Description string     `gorm:"type:text;not null"`
	Rank        int        `gorm:"type:integer;not null"`
	GraceDays   int        `gorm:"type:integer;not null"`
	GivenTo     *string    `gorm:"type:text"`
	RetiredAt   *time.Time `gorm:"type:timestamptz"`
	CreatedAt   time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	UpdatedAt   time.Time  `gorm:"type:timestamptz;not null;autoUpdateTime:false"`
}

// GivenToNewsletter marks the plan that confirming the newsletter gives.
const GivenToNewsletter = "newsletter"

// PlanFeature says that a plan has a feature.
type PlanFeature struct {
	PlanID    string `gorm:"type:text;primaryKey"`
	FeatureID string `gorm:"type:text;primaryKey"`
}

// ProductKind is what a Stripe product of ours stands for.
type ProductKind string

// The kinds of products.
const (
	ProductPlan     ProductKind = "plan"
	ProductDonation ProductKind = "donation"
)

// Product is a product in Stripe that the catalogue made.
type Product struct {
	ID        string      `gorm:"type:text;primaryKey"`
	Account   string      `gorm:"type:text;not null"`
	Livemode  bool        `gorm:"type:boolean;not null"`
	Kind      ProductKind `gorm:"type:text;not null"`
	PlanID    *string     `gorm:"type:text"`
	CreatedAt time.Time   `gorm:"type:timestamptz;not null;autoCreateTime:false"`
}

// Interval is how often money moves.
type Interval string

// The intervals of prices and donations.
const (
	Once    Interval = "once"
	Monthly Interval = "month"
	Yearly  Interval = "year"
)

// Price is a Stripe price that the catalogue made. It never changes; a retired one
// is no longer sold and keeps granting.
type Price struct {
	ID        string     `gorm:"type:text;primaryKey"`
	Account   string     `gorm:"type:text;not null"`
	Livemode  bool       `gorm:"type:boolean;not null"`
	ProductID string     `gorm:"type:text;not null"`
	PlanID    string     `gorm:"type:text;not null"`
	Interval  Interval   `gorm:"type:text;not null"`
	Currency  string     `gorm:"type:text;not null"`
	Amount    int64      `gorm:"type:bigint;not null"`
	RetiredAt *time.Time `gorm:"type:timestamptz"`
	CreatedAt time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
}

// DonationOption is what a donor may give in one currency.
type DonationOption struct {
	Currency string `gorm:"type:text;primaryKey"`
	Position int    `gorm:"type:integer;not null"`
	Minimum  int64  `gorm:"type:bigint;not null"`
	Maximum  int64  `gorm:"type:bigint;not null"`
	Once     bool   `gorm:"type:boolean;not null"`
	Monthly  bool   `gorm:"type:boolean;not null"`
}

// DonationPreset is an amount that the form offers.
type DonationPreset struct {
	Currency string `gorm:"type:text;primaryKey"`
	Amount   int64  `gorm:"type:bigint;primaryKey;autoIncrement:false"`
}
