package stripesim

var discountFields = arrayOf(hash(voucherFields))

// sessionVoucher reads discounts: at most one, and not beside a field where
// readers type their own.
// https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-discounts
func (s *Sim) sessionVoucher(p object, lines []line) (*voucher, *apiError) {
	given := array(p, "discounts")
	switch {
	case len(given) == 0:
		return nil, nil
	case len(given) > 1:
		return nil, invalid("", "discounts", "You can only pass one discount.")
	case has(p, "allow_promotion_codes"):
		return nil, invalid("", "discounts", "You may only specify one of these parameters: allow_promotion_codes, discounts.")
	}
	v, err := s.voucherFrom(given[0].(object), s.store.byID[str(p, "customer")], "discounts[0]")
	if err == nil && v != nil {
		err = v.fits(sumOf(lines), str(lines[0].price, "currency"), "discounts[0]")
	}
	return v, err
}

// keepVoucher notes on a session what will be redeemed when it is paid.
func keepVoucher(session object, v *voucher) {
	if v != nil {
		session["_voucher"] = object{"coupon": v.coupon["id"], "code": v.code["id"]}
	}
}

// voucherOf answers what keepVoucher has noted; nil for nothing, or if it has
// been deleted since.
func (s *Sim) voucherOf(session object) *voucher {
	coupon, ok := s.store.find("coupon", str(session, "_voucher.coupon"))
	if !ok {
		return nil
	}
	code, _ := s.store.find("promotion_code", str(session, "_voucher.code"))
	return &voucher{coupon, code}
}

// enterCode applies what a reader typed as a promotion code to an open session,
// and answers the words for the reader if it cannot be.
func (s *Sim) enterCode(session object, typed string) string {
	const sorry = "This code is invalid."
	if typed == "" || !flag(session, "allow_promotion_codes") {
		return ""
	}
	code := s.activeCode(typed)
	if code == nil {
		return sorry
	}
	v, err := s.voucherBy(code, s.store.byID[str(session, "customer")], "")
	if err == nil {
		err = v.fits(sumOf(s.linesOf(session)), str(session, "currency"), "")
	}
	if err != nil {
		return sorry
	}
	keepVoucher(session, v)
	s.totalSession(session)
	return ""
}

// totalSession writes what is due today, after trial and discount, on a session
// and its line items. That a trial's items show nothing due is assumed.
func (s *Sim) totalSession(o object) {
	lines, subtotal := objects(array(o, "_lines")), int64(0)
	trial := hasTrial(sub(o, "_subscription"))
	for _, l := range lines {
		price := s.store.byID[str(l, "price")]
		l["amount_subtotal"] = num(price, "unit_amount") * num(l, "quantity")
		if trial && sub(price, "recurring") != nil {
			l["amount_subtotal"] = int64(0)
		}
		subtotal += num(l, "amount_subtotal")
	}
	v, discount := s.voucherOf(o), int64(0)
	for _, l := range lines {
		amount, less := num(l, "amount_subtotal"), int64(0)
		if v != nil {
			less = off(v.coupon, amount, subtotal)
		}
		l["amount_discount"], l["amount_total"] = less, amount-less
		discount += less
	}
	o["amount_subtotal"], o["amount_total"] = subtotal, subtotal-discount
	o["total_details"] = object{"amount_discount": discount, "amount_shipping": int64(0), "amount_tax": int64(0)}
}

func hasTrial(data object) bool { return has(data, "trial_period_days") || has(data, "trial_end") }

// sessionTrial is when the trial ends if the session is paid now; 0 for none.
func (s *Sim) sessionTrial(data object) int64 {
	if days := num(data, "trial_period_days"); days > 0 {
		return s.unix() + days*day
	}
	return num(data, "trial_end")
}

// needsCard says whether the page asks for a card although nothing may be due.
// https://docs.stripe.com/payments/checkout/free-trials
func needsCard(session object) bool {
	return num(session, "amount_total") > 0 || str(session, "payment_method_collection") == "always"
}
