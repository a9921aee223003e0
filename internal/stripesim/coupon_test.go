package stripesim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

func (w *world) coupon(p *stripe.CouponParams) *stripe.Coupon {
	w.t.Helper()
	c, err := w.api.Coupons.New(p)
	must(w.t, err)
	return c
}

// percent is a coupon that takes so much off.
func percent(off float64, duration string, months ...int64) *stripe.CouponParams {
	p := &stripe.CouponParams{PercentOff: &off, Duration: &duration}
	if len(months) > 0 {
		p.DurationInMonths = &months[0]
	}
	return p
}

func (w *world) code(p *stripe.PromotionCodeParams) *stripe.PromotionCode {
	w.t.Helper()
	c, err := w.api.PromotionCodes.New(p)
	must(w.t, err)
	return c
}

// with makes a session that has a coupon.
func (w *world) with(coupon string) *stripe.CheckoutSession {
	w.t.Helper()
	p := w.sessionParams()
	p.Discounts = []*stripe.CheckoutSessionDiscountParams{{Coupon: &coupon}}
	s, err := w.api.CheckoutSessions.New(p)
	must(w.t, err)
	return s
}

// totals are what a subscription's invoices ask for, the oldest first.
func (w *world) totals(subscription string) []int64 {
	w.t.Helper()
	var out []int64
	for _, in := range w.invoices(subscription) {
		out = append(out, in.Total)
	}
	return out
}

func TestACouponLastsAsLongAsItSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		coupon *stripe.CouponParams
		want   []int64 // of four invoices
	}{
		"once":       {percent(20, "once"), []int64{400, 500, 500, 500}},
		"two months": {percent(33.3, "repeating", 2), []int64{333, 333, 500, 500}},
		"forever":    {percent(10, "forever"), []int64{450, 450, 450, 450}},
		"an amount":  {&stripe.CouponParams{AmountOff: stripe.Int64(120), Currency: stripe.String("eur"), Duration: stripe.String("once")}, []int64{380, 500, 500, 500}},
		"everything": {percent(100, "repeating", 3), []int64{0, 0, 0, 500}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			session := w.with(w.coupon(c.coupon).ID)
			if session.AmountTotal != c.want[0] || session.TotalDetails.AmountDiscount != 500-c.want[0] {
				t.Errorf("the session asks for %d, less %d", session.AmountTotal, session.TotalDetails.AmountDiscount)
			}
			sub := w.buy(session, simtest.Pays)
			w.to(start.AddDate(0, 3, 0))
			if diff := cmp.Diff(c.want, w.totals(sub.ID)); diff != "" {
				t.Errorf("invoices (-want +got):\n%s", diff)
			}
			in := w.invoices(sub.ID)[0]
			if in.TotalDiscountAmounts[0].Amount != 500-c.want[0] || in.Discount.Subscription != sub.ID || in.Discount.CheckoutSession != session.ID {
				t.Errorf("the first invoice: %+v of %+v", in.TotalDiscountAmounts[0], in.Discount)
			}
			ends := c.want[3] == 500
			if ended := w.has(start, "customer.discount.deleted"); ended != ends || !w.has(start, "customer.discount.created") {
				t.Errorf("told of its end: %v, want %v", ended, ends)
			}
			if now := w.subscription(sub.ID); (now.Discount == nil) != ends {
				t.Errorf("in the end its discount is %+v", now.Discount)
			}
		})
	}
}

// With everything off nothing is paid, and the membership is there all the
// same. https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-payment_status
func TestEverythingOffNeedsNoPayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.with(w.coupon(percent(100, "forever")).ID)
	sub := w.buy(session, simtest.Pays)
	done, err := w.api.CheckoutSessions.Get(session.ID, nil)
	must(t, err)
	if done.PaymentStatus != stripe.CheckoutSessionPaymentStatusNoPaymentRequired || done.PaymentIntent != nil {
		t.Errorf("session %s, payment %v", done.PaymentStatus, done.PaymentIntent)
	}
	if sub.Status != "active" || !sub.LatestInvoice.Paid || sub.LatestInvoice.PaymentIntent != nil || sub.LatestInvoice.AmountPaid != 0 {
		t.Errorf("subscription %s, invoice %+v", sub.Status, sub.LatestInvoice)
	}
	w.to(firstEnd.Add(time.Hour))
	if now := w.subscription(sub.ID); now.Status != "active" || !now.LatestInvoice.Paid || len(w.Sim.Payments()) != 0 {
		t.Errorf("renewed: %s, paid %v, %d payments", now.Status, now.LatestInvoice.Paid, len(w.Sim.Payments()))
	}
}

func TestATypedCodeIsTakenOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	coupon := w.coupon(percent(40, "once")).ID
	code := w.code(&stripe.PromotionCodeParams{Coupon: &coupon, Code: stripe.String("SPRING"), MaxRedemptions: stripe.Int64(1)})
	p := w.sessionParams()
	p.AllowPromotionCodes = stripe.Bool(true)
	session, err := w.api.CheckoutSessions.New(p)
	must(t, err)
	if got := w.PayCode(t, session.URL, simtest.Pays, "WINTER"); got.Problem != "This code is invalid." {
		t.Errorf("a wrong code: %d %q", got.Status, got.Problem)
	}
	if got := w.ApplyCode(t, session.URL, "spring"); !strings.Contains(got.Body, "€3.00") || !strings.Contains(got.Body, "-€2.00") {
		t.Errorf("applied: %s", got.Body)
	}
	if got := w.PayCode(t, session.URL, simtest.Pays, "spring"); got.Status != http.StatusSeeOther {
		t.Fatalf("paid: %d %q", got.Status, got.Problem)
	}
	done, err := w.api.CheckoutSessions.Get(session.ID, nil)
	must(t, err)
	sub := w.subscription(done.Subscription.ID)
	if done.AmountTotal != 300 || sub.LatestInvoice.AmountPaid != 300 || sub.LatestInvoice.Discount.PromotionCode.ID != code.ID {
		t.Errorf("paid %d, discount %+v", sub.LatestInvoice.AmountPaid, sub.LatestInvoice.Discount)
	}
	used, err := w.api.PromotionCodes.Get(code.ID, nil)
	must(t, err)
	if used.Active || used.TimesRedeemed != 1 || used.Coupon.TimesRedeemed != 1 {
		t.Errorf("the code is active %v after %d", used.Active, used.TimesRedeemed)
	}
	second, err := w.api.CheckoutSessions.New(p)
	must(t, err)
	if got := w.PayCode(t, second.URL, simtest.Pays, "SPRING"); got.Problem != "This code is invalid." {
		t.Errorf("used twice: %d %q", got.Status, got.Problem)
	}
}

func TestCodesKeepTheirConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	coupon := w.coupon(percent(40, "once")).ID
	sub := w.subscribe(simtest.Pays)
	fresh, err := w.api.Customers.New(nil)
	must(t, err)
	subscribe := func(customer, code string) error {
		_, err := w.api.Subscriptions.New(&stripe.SubscriptionParams{
			Customer: &customer, PromotionCode: &code, PaymentBehavior: stripe.String("default_incomplete"),
			Items: []*stripe.SubscriptionItemsParams{{Price: &w.price.ID}},
		})
		return err
	}
	for name, c := range map[string]struct {
		change   func(*stripe.PromotionCodeParams)
		customer string
		refused  bool
	}{
		"none":                  {func(*stripe.PromotionCodeParams) {}, sub.Customer.ID, false},
		"first time, a reader":  {func(p *stripe.PromotionCodeParams) { p.Restrictions.FirstTimeTransaction = stripe.Bool(true) }, sub.Customer.ID, true},
		"first time, a new one": {func(p *stripe.PromotionCodeParams) { p.Restrictions.FirstTimeTransaction = stripe.Bool(true) }, "new", false},
		"another customer's":    {func(p *stripe.PromotionCodeParams) { p.Customer = &fresh.ID }, sub.Customer.ID, true},
		"too small an amount":   {least(501, "eur"), sub.Customer.ID, true},
		"just enough":           {least(500, "eur"), sub.Customer.ID, false},
		"switched off":          {func(p *stripe.PromotionCodeParams) { p.Active = stripe.Bool(false) }, sub.Customer.ID, true},
		"run out":               {func(p *stripe.PromotionCodeParams) { p.ExpiresAt = stripe.Int64(start.Unix()) }, sub.Customer.ID, true},
	} {
		p := &stripe.PromotionCodeParams{Coupon: &coupon, Restrictions: &stripe.PromotionCodeRestrictionsParams{}}
		c.change(p)
		code := w.code(p)
		w.Sim.RunDue()
		customer := c.customer
		if customer == "new" {
			made, err := w.api.Customers.New(nil)
			must(t, err)
			customer = made.ID
		}
		if err := subscribe(customer, code.ID); (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func least(amount int64, currency string) func(*stripe.PromotionCodeParams) {
	return func(p *stripe.PromotionCodeParams) {
		p.Restrictions.MinimumAmount, p.Restrictions.MinimumAmountCurrency = &amount, &currency
	}
}

func TestCouponsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, p := range map[string]*stripe.CouponParams{
		"neither":         {Duration: stripe.String("once")},
		"both":            {PercentOff: stripe.Float64(5), AmountOff: stripe.Int64(5), Currency: stripe.String("eur"), Duration: stripe.String("once")},
		"too much":        percent(101, "once"),
		"no currency":     {AmountOff: stripe.Int64(5), Duration: stripe.String("once")},
		"no months":       percent(5, "repeating"),
		"months for ever": percent(5, "forever", 3),
		"past":            {PercentOff: stripe.Float64(5), Duration: stripe.String("once"), RedeemBy: stripe.Int64(start.Unix() - 1)},
	} {
		if _, err := w.api.Coupons.New(p); stripeError(t, err).HTTPStatusCode != http.StatusBadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	soon := start.Add(time.Hour)
	coupon := w.coupon(&stripe.CouponParams{ID: stripe.String("WELCOME"), PercentOff: stripe.Float64(5), Duration: stripe.String("once"), RedeemBy: stripe.Int64(soon.Unix())})
	_, err := w.api.Coupons.New(&stripe.CouponParams{ID: stripe.String("WELCOME"), PercentOff: stripe.Float64(5), Duration: stripe.String("once")})
	if got := stripeError(t, err); got.Code != stripe.ErrorCodeResourceAlreadyExists {
		t.Errorf("an id twice: %+v", got)
	}
	w.to(soon)
	p := w.sessionParams()
	p.Discounts = []*stripe.CheckoutSessionDiscountParams{{Coupon: &coupon.ID}}
	_, err = w.api.CheckoutSessions.New(p)
	if got := stripeError(t, err); got.Code != stripe.ErrorCodeCouponExpired {
		t.Errorf("after redeem_by: %+v", got)
	}
}

func TestCouponsAndCodesAreListedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	coupon := w.coupon(percent(12.5, "forever"))
	code := w.code(&stripe.PromotionCodeParams{Coupon: &coupon.ID})
	changed, err := w.api.Coupons.Update(coupon.ID, &stripe.CouponParams{Name: stripe.String("Friends")})
	must(t, err)
	if changed.Name != "Friends" || changed.PercentOff != 12.5 {
		t.Errorf("changed to %+v", changed)
	}
	found := w.api.PromotionCodes.List(&stripe.PromotionCodeListParams{Code: &code.Code, Coupon: &coupon.ID})
	if !found.Next() || found.PromotionCode().ID != code.ID || found.Next() {
		t.Errorf("not found by its code: %v", found.Err())
	}
	customer, err := w.api.Customers.New(&stripe.CustomerParams{PromotionCode: &code.ID})
	must(t, err)
	sub := w.subscribeThrough(customer.ID)
	if sub.LatestInvoice.Total != 437 { // 62.5 off is rounded to 63
		t.Errorf("the customer's discount: %d", sub.LatestInvoice.Total)
	}
	_, err = w.api.Coupons.Del(coupon.ID, nil)
	must(t, err)
	if now, err := w.api.PromotionCodes.Get(code.ID, nil); err != nil || now.Active {
		t.Errorf("the deleted coupon's code: %+v, %v", now, err)
	}
	w.to(firstEnd.Add(time.Hour))
	if got := w.subscription(sub.ID).LatestInvoice.Total; got != 437 {
		t.Errorf("the discount ended with its coupon: %d", got)
	}
	_, err = w.api.Customers.DeleteDiscount(customer.ID, nil)
	must(t, err)
	w.to(firstEnd.AddDate(0, 1, 5))
	if got := w.subscription(sub.ID).LatestInvoice.Total; got != 500 {
		t.Errorf("after its discount was taken: %d", got)
	}
}

// subscribeThrough makes a paid subscription through the API.
func (w *world) subscribeThrough(customer string, change ...func(*stripe.SubscriptionParams)) *stripe.Subscription {
	w.t.Helper()
	p := &stripe.SubscriptionParams{
		Customer: &customer, DefaultPaymentMethod: stripe.String("pm_card_visa"), Items: []*stripe.SubscriptionItemsParams{{Price: &w.price.ID}},
	}
	for _, f := range change {
		f(p)
	}
	s, err := w.api.Subscriptions.New(p)
	must(w.t, err)
	return w.subscription(s.ID)
}

// The state file keeps fractions, and the promises that were made.
func TestADiscountOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	c := &clock{now: start}
	cfg := stripesim.Config{Clock: c.Now, StatePath: t.TempDir() + "/state.json"}
	first, err := stripesim.New(cfg)
	must(t, err)
	made := ask(t, first, "POST", "/v1/coupons", "id=HALF&percent_off=12.5&duration=forever")
	must(t, first.Close())
	second, err := stripesim.New(cfg)
	must(t, err)
	defer func() { must(t, second.Close()) }()
	if got := ask(t, second, "GET", "/v1/coupons/HALF", ""); got.Body.String() != made.Body.String() {
		t.Errorf("before %s\nafter %s", made.Body, got.Body)
	}
}

// A proration is reduced as the line was that it credits.
// https://docs.stripe.com/billing/subscriptions/prorations#prorations-and-discounts
func TestProrationsAreReducedByTheDiscount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.buy(w.with(w.coupon(percent(50, "forever")).ID), simtest.Pays)
	w.to(midMonth)
	_, err := w.api.Subscriptions.Update(sub.ID, move(sub, w.newPrice(2000, "month").ID, "always_invoice"))
	must(t, err)
	in := w.subscription(sub.ID).LatestInvoice
	got := pieces(in)
	if got[0].Amount != part(1000) || got[1].Amount != -part(250) || in.Total != part(1000)-part(250) {
		t.Errorf("prorated %d and %d, total %d", got[0].Amount, got[1].Amount, in.Total)
	}
}
