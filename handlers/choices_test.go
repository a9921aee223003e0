package handlers

import (
	"testing"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

func TestRenewalFallsOnTheSameDayOrTheMonthsLast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bought string
		every  models.Interval
		want   string
	}{
		{"2026-11-22", models.Monthly, "2026-12-22"},
		{"2026-12-31", models.Monthly, "2027-01-31"},
		{"2027-01-31", models.Monthly, "2027-02-28"},
		{"2028-01-31", models.Monthly, "2028-02-29"},
		{"2026-11-22", models.Yearly, "2027-11-22"},
		{"2028-02-29", models.Yearly, "2029-02-28"},
	} {
		bought, err := time.Parse(time.DateOnly, c.bought)
		if err != nil {
			t.Fatal(err)
		}
		if got := renewal(bought, c.every).Format(time.DateOnly); got != c.want {
			t.Errorf("bought on %s per %s: renews on %s, want %s", c.bought, c.every, got, c.want)
		}
	}
}

func TestSavingIsToldOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	plan := func(month, year int64) billing.PlanOffer {
		return billing.PlanOffer{Prices: []billing.PriceOffer{
			{ID: "month", Interval: models.Monthly, Amount: money.Of(month, "eur")},
			{ID: "year", Interval: models.Yearly, Amount: money.Of(year, "eur")},
			{ID: "dollars", Interval: models.Yearly, Amount: money.Of(1, "usd")},
		}}
	}
	for _, c := range []struct{ month, year, want int64 }{{800, 8000, 1600}, {800, 9600, 0}, {800, 12000, 0}} {
		p := plan(c.month, c.year)
		if got := saving(p, p.Prices[1]); got != money.Of(c.want, "eur") {
			t.Errorf("%d a month, %d a year: saves %s", c.month, c.year, got)
		}
		if got := saving(p, p.Prices[0]); got.Minor != 0 {
			t.Errorf("a month saves %s", got)
		}
		if got := saving(p, p.Prices[2]); got.Minor != 0 {
			t.Errorf("a year in a currency without a monthly price saves %s", got)
		}
	}
}
