package stripesim

import (
	"maps"
	"math"
)

// discountOf is what a subscription's invoices are reduced by: its own
// discount, or its customer's; nil for none.
// https://docs.stripe.com/billing/subscriptions/coupons
func (s *Sim) discountOf(subscription object) object {
	if own := sub(subscription, "discount"); own != nil {
		return own
	}
	return sub(s.store.byID[str(subscription, "customer")], "discount")
}

// discountLines notes on an invoice and its lines what a discount takes away,
// and answers the sum. Prorations are reduced already where they are made.
// https://docs.stripe.com/billing/subscriptions/prorations#prorations-and-discounts
func (s *Sim) discountLines(o, discount object, lines []object) int64 {
	if discount == nil {
		return 0
	}
	id, sum, open := discount["id"], int64(0), int64(0)
	for _, l := range lines {
		if flag(l, "discountable") {
			open += num(l, "amount")
		}
	}
	for _, l := range lines {
		if !flag(l, "discountable") {
			continue
		}
		off := off(sub(discount, "coupon"), num(l, "amount"), open)
		sum += off
		l["discount_amounts"] = []any{object{"amount": off, "discount": id}}
		l["amount_excluding_tax"] = num(l, "amount") - off
	}
	o["discount"], o["discounts"] = cloned(discount), []any{id}
	o["total_discount_amounts"] = []any{object{"amount": sum, "discount": id}}
	return sum
}

// off is what a coupon takes from an amount that is a part of whole: its
// percentage, or its amount's share.
func off(coupon object, amount, whole int64) int64 {
	if percent := decimal(coupon, "percent_off"); percent > 0 {
		return rounded(float64(amount) * percent / 100)
	}
	if whole <= 0 {
		return 0
	}
	return rounded(float64(min(num(coupon, "amount_off"), whole)) * float64(amount) / float64(whole))
}

// rounded is half away from zero, as Stripe rounds.
func rounded(f float64) int64 { return int64(math.Round(f)) }

// redeem gives a voucher to a subscription or a customer.
func (s *Sim) redeem(holder object, v *voucher, with object) {
	s.dropDiscount(holder)
	o := s.store.part("discount", with)
	s.countRedemption(v)
	maps.Copy(o, object{"coupon": s.shown(v.coupon), "start": s.unix()})
	if v.code != nil {
		o["promotion_code"] = v.code["id"]
	}
	if str(v.coupon, "duration") == "repeating" {
		o["end"] = addMonths(s.now, int(num(v.coupon, "duration_in_months"))).Unix()
		s.plan(num(o, "end"), "discount.end", str(holder, "id"))
	}
	s.store.put(o)
	holder["discount"] = o
	s.emit("customer.discount.created", o, nil)
}

// countRedemption uses one of the redemptions that a coupon and a code have.
func (s *Sim) countRedemption(v *voucher) {
	if useOne(v.coupon) {
		v.coupon["valid"] = false
	}
	if v.code == nil {
		return
	}
	last := useOne(v.code)
	v.code["coupon"] = s.shown(v.coupon)
	if last {
		s.change(v.code, "promotion_code.updated", object{"active": false})
	}
}

// useOne counts, and says whether that was the last.
func useOne(o object) bool {
	used := num(o, "times_redeemed") + 1
	o["times_redeemed"] = used
	most, limited := o["max_redemptions"].(int64)
	return limited && used >= most
}

// spend takes a coupon of duration "once" away after its invoice.
func (s *Sim) spend(subscription object) {
	if str(subscription, "discount.coupon.duration") == "once" {
		s.dropDiscount(subscription)
		return
	}
	customer := s.store.byID[str(subscription, "customer")]
	if sub(subscription, "discount") == nil && str(customer, "discount.coupon.duration") == "once" {
		s.dropDiscount(customer)
	}
}

// dropDiscount takes the discount from a subscription or a customer.
func (s *Sim) dropDiscount(holder object) {
	if sub(holder, "discount") == nil {
		return
	}
	gone := cloned(sub(holder, "discount"))
	if gone["end"] == nil {
		gone["end"] = s.unix()
	}
	holder["discount"] = nil
	s.emit("customer.discount.deleted", gone, nil)
}

// endDiscount is what "discount.end" does.
func (s *Sim) endDiscount(id string) {
	if holder := s.store.byID[id]; holder != nil && num(holder, "discount.end") == s.unix() {
		s.dropDiscount(holder)
	}
}

// deleteDiscount takes the discount from the subscription or customer that the
// address names. https://docs.stripe.com/api/discounts/subscription_delete
func deleteDiscount(kind string) handler {
	return func(s *Sim, c *call) (object, *apiError) {
		holder, err := s.mustFind(kind, c.id)
		if err != nil {
			return nil, err
		}
		if sub(holder, "discount") == nil {
			return nil, invalid("", "", "No active discount for %s: %s", kind, c.id)
		}
		gone := cloned(sub(holder, "discount"))
		s.dropDiscount(holder)
		gone["deleted"] = true
		delete(gone, "end")
		return gone, nil
	}
}
