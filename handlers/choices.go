package handlers

import (
	"slices"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// planChoice is a plan in one currency.
type planChoice struct {
	billing.PlanOffer
	Choices []priceChoice
}

// priceChoice is one radio button: what is paid today, and what comes after.
type priceChoice struct {
	billing.PriceOffer
	Saving  money.Money // against twelve months; zero Minor: none to speak of
	Renews  time.Time
	Checked bool
}

// Yearly says how often the price is paid.
func (p priceChoice) Yearly() bool { return p.Interval == models.Yearly }

// currencyChoice is a link to the same page in another currency.
type currencyChoice struct {
	Code, URL string
	Current   bool
}

// soldIn lists the currencies that plans are sold in: those of donations first, in
// the publisher's order.
func soldIn(offers billing.Offers) []string {
	var priced, all []string
	for _, plan := range offers.Plans {
		for _, price := range plan.Prices {
			priced = append(priced, price.Amount.Currency)
		}
	}
	for _, d := range offers.Donations {
		if slices.Contains(priced, d.Currency) {
			all = append(all, d.Currency)
		}
	}
	for _, currency := range priced {
		if !slices.Contains(all, currency) {
			all = append(all, currency)
		}
	}
	return all
}

// pick is the wanted currency if it is offered, else the first.
func pick(offered []string, wanted string) string {
	if len(offered) == 0 || slices.Contains(offered, wanted) {
		return wanted
	}
	return offered[0]
}

func currencyLinks(path string, offered []string, current, returnTo string) []currencyChoice {
	if len(offered) < 2 {
		return nil
	}
	links := make([]currencyChoice, 0, len(offered))
	for _, code := range offered {
		link := currencyChoice{Code: code, URL: withReturn(path, returnTo), Current: code == current}
		joint := "?"
		if returnTo != "" {
			joint = "&"
		}
		link.URL += joint + "currency=" + code
		links = append(links, link)
	}
	return links
}

func (s *server) planChoices(plans []billing.PlanOffer, currency, chosen string) []planChoice {
	var all []planChoice
	for _, plan := range plans {
		choice := planChoice{PlanOffer: plan}
		for _, price := range plan.Prices {
			if price.Amount.Currency == currency {
				choice.Choices = append(choice.Choices, priceChoice{
					PriceOffer: price, Saving: saving(plan, price), Renews: renewal(s.Clock(), price.Interval), Checked: price.ID == chosen,
				})
			}
		}
		if len(choice.Choices) > 0 {
			all = append(all, checkFirst(choice))
		}
	}
	return all
}

// checkFirst marks the first price of a plan of which none is chosen.
func checkFirst(choice planChoice) planChoice {
	slices.SortStableFunc(choice.Choices, func(a, b priceChoice) int { return int(a.Amount.Minor - b.Amount.Minor) })
	if !slices.ContainsFunc(choice.Choices, func(p priceChoice) bool { return p.Checked }) {
		choice.Choices[0].Checked = true
	}
	return choice
}

// saving is what a year costs less than twelve months.
func saving(plan billing.PlanOffer, yearly billing.PriceOffer) money.Money {
	none := money.Of(0, yearly.Amount.Currency)
	if yearly.Interval != models.Yearly {
		return none
	}
	for _, p := range plan.Prices {
		if p.Interval == models.Monthly && p.Amount.Currency == yearly.Amount.Currency {
			return money.Of(max(0, 12*p.Amount.Minor-yearly.Amount.Minor), p.Amount.Currency)
		}
	}
	return none
}

// renewal is when a membership bought now is paid for again: on the same day of the
// month, or the month's last if it is shorter, as Stripe counts.
// https://stripe.com/docs/billing/subscriptions/billing-cycle
func renewal(now time.Time, every models.Interval) time.Time {
	months := 1
	if every == models.Yearly {
		months = 12
	}
	next := now.AddDate(0, months, 0)
	if next.Day() != now.Day() {
		next = next.AddDate(0, 0, -next.Day())
	}
	return next
}
