package stripesim

import "slices"

// voucher is a coupon that somebody wants to use, and the promotion code that
// it came by, if it did.
type voucher struct{ coupon, code object }

var voucherFields = fields{"coupon": id().clearable(), "promotion_code": id().clearable()}

// voucherFrom reads the parameters coupon and promotion_code; nil for neither.
// customer may be nil: then nobody is known yet.
func (s *Sim) voucherFrom(p, customer object, where string) (*voucher, *apiError) {
	couponID, codeID := str(p, "coupon"), str(p, "promotion_code")
	switch {
	case couponID != "" && codeID != "":
		return nil, invalid("", under(where, "coupon"), "You may only specify one of these parameters: coupon, promotion_code.")
	case couponID != "":
		coupon, err := s.named("coupon", couponID, under(where, "coupon"))
		if err != nil {
			return nil, err
		}
		return &voucher{coupon: coupon}, s.usable(coupon, under(where, "coupon"))
	case codeID != "":
		code, err := s.named("promotion_code", codeID, under(where, "promotion_code"))
		if err != nil {
			return nil, err
		}
		return s.voucherBy(code, customer, under(where, "promotion_code"))
	}
	return nil, nil
}

func (s *Sim) usable(coupon object, param string) *apiError {
	if !flag(coupon, "valid") {
		return invalid("coupon_expired", param, "Coupon expired: %s", str(coupon, "id"))
	}
	return nil
}

// voucherBy checks a promotion code's own conditions, but for the amount.
// https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes
func (s *Sim) voucherBy(code, customer object, param string) (*voucher, *apiError) {
	coupon, known := s.store.find("coupon", str(code, "coupon.id"))
	switch {
	case !flag(code, "active") || !known || !flag(coupon, "valid"):
		return nil, invalid("", param, "This promotion code cannot be redeemed because it is not active.")
	case has(code, "customer") && code["customer"] != customer["id"]:
		return nil, invalid("", param, "This promotion code cannot be redeemed because it is for another customer.")
	case flag(code, "restrictions.first_time_transaction") && s.hasBought(customer):
		return nil, invalid("", param, "This promotion code cannot be redeemed because the associated customer has prior transactions.")
	}
	return &voucher{coupon, code}, nil
}

// hasBought says whether a customer has paid before or has an invoice that was
// not voided. https://docs.stripe.com/api/promotion_codes/object#promotion_code_object-restrictions-first_time_transaction
func (s *Sim) hasBought(customer object) bool {
	id := str(customer, "id")
	return slices.ContainsFunc(s.store.where("charge", "customer", id), func(o object) bool { return flag(o, "paid") }) ||
		slices.ContainsFunc(s.store.where("invoice", "customer", id), func(o object) bool { return str(o, "status") != "void" })
}

// fits refuses a voucher for an amount that it is not meant for.
func (v *voucher) fits(amount int64, currency, param string) *apiError {
	least, money := num(v.code, "restrictions.minimum_amount"), str(v.code, "restrictions.minimum_amount_currency")
	switch {
	case has(v.coupon, "amount_off") && str(v.coupon, "currency") != currency:
		return invalid("", param, "The coupon %s is in %s and cannot be used for %s.", str(v.coupon, "id"), str(v.coupon, "currency"), currency)
	case least > 0 && (money != currency || amount < least):
		return invalid("", param, "This promotion code cannot be redeemed because the amount is less than %s.", formatted(least, money))
	}
	return nil
}

// sumOf is what the lines cost before any discount.
func sumOf(lines []line) int64 {
	sum := int64(0)
	for _, l := range lines {
		sum += num(l.price, "unit_amount") * l.quantity
	}
	return sum
}
