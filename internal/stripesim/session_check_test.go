package stripesim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

func TestSessionsThatStripeRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	retired := w.newPrice(700, "month")
	_, err := w.api.Prices.Update(retired.ID, &stripe.PriceParams{Active: stripe.Bool(false)})
	must(t, err)
	monthly := func(price string) []*stripe.CheckoutSessionLineItemParams {
		return []*stripe.CheckoutSessionLineItemParams{{Price: &price, Quantity: stripe.Int64(1)}}
	}
	for name, c := range map[string]struct {
		change      func(*stripe.CheckoutSessionParams)
		code, param string
		message     string
	}{
		"recurring in payment mode": {func(p *stripe.CheckoutSessionParams) { p.LineItems = monthly(w.price.ID) }, "", "mode", "passed a recurring price"},
		"one-off in subscription mode": {func(p *stripe.CheckoutSessionParams) {
			p.Mode, p.SubmitType, p.PaymentIntentData = stripe.String("subscription"), nil, nil
		}, "", "mode", "at least one recurring price"},
		"submit_type in subscription mode": {func(p *stripe.CheckoutSessionParams) {
			p.Mode, p.PaymentIntentData, p.LineItems = stripe.String("subscription"), nil, monthly(w.price.ID)
		}, "", "submit_type", "`submit_type`"},
		"retired price": {func(p *stripe.CheckoutSessionParams) { p.LineItems = monthly(retired.ID) }, "", "line_items[0][price]", "inactive"},
		"unknown price": {func(p *stripe.CheckoutSessionParams) { p.LineItems = monthly("price_none") }, "resource_missing", "line_items[0][price]", "No such price: 'price_none'"},
		"no lines":      {func(p *stripe.CheckoutSessionParams) { p.LineItems = nil }, "parameter_missing", "line_items", ""},
		"no quantity":   {func(p *stripe.CheckoutSessionParams) { p.LineItems[0].Quantity = nil }, "parameter_missing", "line_items[0][quantity]", ""},
		"two currencies": {func(p *stripe.CheckoutSessionParams) {
			p.LineItems = append(p.LineItems, donation(500, "usd").LineItems...)
		}, "", "line_items", "same currency"},
		"below the minimum": {func(p *stripe.CheckoutSessionParams) { p.LineItems = donation(49, "eur").LineItems }, "amount_too_small", "line_items", "€0.50"},
		"too much":          {func(p *stripe.CheckoutSessionParams) { p.LineItems = donation(100000000, "eur").LineItems }, "amount_too_large", "unit_amount", ""},
		"negative":          {func(p *stripe.CheckoutSessionParams) { p.LineItems = donation(-5, "eur").LineItems }, "parameter_invalid_integer", "unit_amount", ""},
		"unknown currency":  {func(p *stripe.CheckoutSessionParams) { p.LineItems = donation(500, "zzz").LineItems }, "", "line_items[0][price_data][currency]", "Invalid currency: zzz"},
		"bad address":       {func(p *stripe.CheckoutSessionParams) { p.SuccessURL = stripe.String("/thanks") }, "url_invalid", "success_url", ""},
		"unknown customer":  {func(p *stripe.CheckoutSessionParams) { p.Customer = stripe.String("cus_none") }, "resource_missing", "customer", ""},
		"bad e-mail":        {func(p *stripe.CheckoutSessionParams) { p.CustomerEmail = stripe.String("nobody") }, "email_invalid", "customer_email", ""},
		"expires too soon":  {func(p *stripe.CheckoutSessionParams) { p.ExpiresAt = stripe.Int64(start.Add(29 * time.Minute).Unix()) }, "", "expires_at", "30 minutes"},
		"expires too late":  {func(p *stripe.CheckoutSessionParams) { p.ExpiresAt = stripe.Int64(start.Add(25 * time.Hour).Unix()) }, "", "expires_at", "24 hours"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			params := donation(1000, "eur")
			c.change(params)
			_, err := w.api.CheckoutSessions.New(params)
			got := stripeError(t, err)
			if got.HTTPStatusCode != 400 || string(got.Code) != c.code || got.Param != c.param || !strings.Contains(got.Msg, c.message) {
				t.Errorf("got %d %q %q %q", got.HTTPStatusCode, got.Code, got.Param, got.Msg)
			}
		})
	}
}

// https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
func TestMinimumAmounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for code, least := range map[string]int64{"eur": 50, "gbp": 30, "jpy": 50, "sek": 300, "dkk": 250, "pln": 200, "czk": 1500, "huf": 17500, "hkd": 400, "mxn": 1000, "bgn": 100} {
		if _, err := w.api.CheckoutSessions.New(donation(least, code)); err != nil {
			t.Errorf("%d %s: %v", least, code, err)
		}
		_, err := w.api.CheckoutSessions.New(donation(least-1, code))
		if got := stripeError(t, err); got.Code != stripe.ErrorCodeAmountTooSmall {
			t.Errorf("%d %s: %+v", least-1, code, got)
		}
	}
}
