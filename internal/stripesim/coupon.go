package stripesim

import "strings"

var couponUpdateFields = fields{"metadata": metadata(), "name": text(40).clearable()}

var couponFields = couponUpdateFields.and(fields{
	"amount_off":         integer(),
	"currency":           currency(),
	"duration":           oneOf("forever", "once", "repeating"),
	"duration_in_months": integer(),
	"id":                 id(),
	"max_redemptions":    integer(),
	"percent_off":        number(),
	"redeem_by":          integer(),
})

var promotionUpdateFields = fields{"active": boolean(), "metadata": metadata()}

var promotionFields = promotionUpdateFields.and(fields{
	"code":            text(500),
	"coupon":          id().required(),
	"customer":        id(),
	"expires_at":      integer(),
	"max_redemptions": integer(),
	"restrictions": hash(fields{
		"first_time_transaction": boolean(), "minimum_amount": integer(), "minimum_amount_currency": currency(),
	}),
})

var promotionFilters = fields{"active": boolean(), "code": text(5000), "coupon": id(), "created": timeRange(), "customer": id()}

// decimal reads a number that need not be whole.
func decimal(o object, path string) float64 {
	if f, ok := at(o, path).(float64); ok {
		return f
	}
	return float64(num(o, path))
}

// createCoupon: https://docs.stripe.com/api/coupons/create
func createCoupon(s *Sim, c *call) (object, *apiError) {
	p := c.params
	if err := s.checkCoupon(p); err != nil {
		return nil, err
	}
	with := pick(p, "amount_off", "currency", "duration", "duration_in_months", "max_redemptions", "name", "percent_off", "redeem_by")
	with["metadata"] = withMetadata(nil, p)
	if id := str(p, "id"); id != "" {
		if _, taken := s.store.byID[id]; taken {
			return nil, invalid("resource_already_exists", "", "Coupon already exists.")
		}
		with["id"] = id
	}
	o := s.add("coupon", with)
	if at := num(o, "redeem_by"); at > 0 {
		s.plan(at, "coupon.lapse", str(o, "id"))
	}
	s.emit("coupon.created", o, nil)
	return o, nil
}

func (s *Sim) checkCoupon(p object) *apiError {
	percent, amount := decimal(p, "percent_off"), num(p, "amount_off")
	_, months := p["duration_in_months"]
	switch {
	case has(p, "percent_off") == has(p, "amount_off"):
		return invalid("", "", "You must pass either percent_off or amount_off")
	case has(p, "percent_off") && (percent <= 0 || percent > 100):
		return invalid("", "percent_off", "Invalid percent_off: must be greater than 0 and at most 100")
	case has(p, "amount_off") && amount < 1:
		return invalid("parameter_invalid_integer", "amount_off", "This value must be greater than or equal to 1.")
	case has(p, "amount_off") && !has(p, "currency"):
		return invalid("parameter_missing", "currency", "You must pass currency when passing amount_off")
	case months != (str(p, "duration") == "repeating"):
		return invalid("", "duration_in_months", "You must pass duration_in_months if and only if duration is repeating.")
	case has(p, "redeem_by") && num(p, "redeem_by") <= s.unix():
		return invalid("", "redeem_by", "redeem_by must be in the future.")
	}
	return nil
}

func updateCoupon(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("coupon", c.id)
	if err != nil {
		return nil, err
	}
	with := pick(c.params, "name")
	with["metadata"] = withMetadata(o, c.params)
	s.change(o, "coupon.updated", with)
	return o, nil
}

// deleteCoupon leaves the discounts that were given by it.
// https://docs.stripe.com/api/coupons/delete
func deleteCoupon(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("coupon", c.id)
	if err != nil {
		return nil, err
	}
	for _, code := range s.store.all("promotion_code", func(p object) bool { return at(p, "coupon.id") == c.id }) {
		s.change(code, "promotion_code.updated", object{"active": false})
	}
	s.store.remove(o)
	s.emit("coupon.deleted", o, nil)
	return deleted(o), nil
}

// lapseCoupon is what "coupon.lapse" does at redeem_by.
func (s *Sim) lapseCoupon(id string) {
	if o, ok := s.store.find("coupon", id); ok {
		o["valid"] = false
	}
}

// lapseCode is what "promotion_code.lapse" does at expires_at.
func (s *Sim) lapseCode(id string) {
	if o, ok := s.store.find("promotion_code", id); ok {
		s.change(o, "promotion_code.updated", object{"active": false})
	}
}

// createPromotionCode: https://docs.stripe.com/api/promotion_codes/create
func createPromotionCode(s *Sim, c *call) (object, *apiError) {
	p := c.params
	coupon, err := s.named("coupon", str(p, "coupon"), "coupon")
	if err != nil {
		return nil, err
	}
	if !flag(coupon, "valid") {
		return nil, invalid("", "coupon", "Coupon is not valid.")
	}
	if who := str(p, "customer"); who != "" {
		if _, err := s.named("customer", who, "customer"); err != nil {
			return nil, err
		}
	}
	code := firstOf(str(p, "code"), strings.ToUpper(letters(8)))
	if s.activeCode(code) != nil {
		return nil, invalid("", "code", "An active promotion code with `code: %s` already exists.", code)
	}
	with := pick(p, "active", "customer", "expires_at", "max_redemptions")
	with["code"], with["metadata"], with["coupon"] = code, withMetadata(nil, p), s.shown(coupon)
	o := s.add("promotion_code", with)
	merge(o, pick(p, "restrictions"))
	if at := num(o, "expires_at"); at > 0 {
		s.plan(at, "promotion_code.lapse", str(o, "id"))
	}
	s.emit("promotion_code.created", o, nil)
	return o, nil
}

func updatePromotionCode(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("promotion_code", c.id)
	if err != nil {
		return nil, err
	}
	with := pick(c.params, "active")
	with["metadata"] = withMetadata(o, c.params)
	s.change(o, "promotion_code.updated", with)
	return o, nil
}

// activeCode finds what a reader typed, whatever its case; nil for none.
func (s *Sim) activeCode(typed string) object {
	found := s.store.all("promotion_code", func(o object) bool {
		return flag(o, "active") && strings.EqualFold(str(o, "code"), typed)
	})
	if len(found) == 0 {
		return nil
	}
	return found[0]
}
