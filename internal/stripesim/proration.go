package stripesim

import (
	"fmt"
	"time"
)

// itemChange is what becomes of one item of a subscription: item is nil for a
// new one, to has no price if the item goes.
type itemChange struct {
	item object
	to   line
}

// prorations are the invoice items, not yet stored, that a change of items at
// an instant makes: what was paid for and will not be used comes back, what
// is left of the period is billed at the new price, both to the second.
// https://docs.stripe.com/billing/subscriptions/prorations
func (s *Sim) prorations(subscription object, changes []itemChange, at int64, debits bool) []object {
	var out []object
	for _, c := range changes {
		if c.item != nil {
			out = append(out, s.creditItem(subscription, c.item, at))
		}
		if debits && c.to.price != nil {
			out = append(out, s.debitItem(subscription, c, at))
		}
	}
	return out
}

// billed is the piece of a subscription's time that somebody was last billed
// for an item: a line of an invoice, or an invoice item that still waits.
type billed struct {
	net, from, to int64
	credited      any // for proration_details.credited_items
}

// creditItem gives back the unused part of what was billed for an item.
func (s *Sim) creditItem(subscription, item object, at int64) object {
	piece := s.lastBilled(subscription, item, at)
	amount := -share(piece.net, piece.to-at, piece.to-piece.from)
	price := s.store.byID[str(item, "price")]
	o := s.prorationItem(subscription, price, num(item, "quantity"), amount, at, "Unused time on")
	o["subscription_item"], o["_credited"] = item["id"], piece.credited
	return o
}

func (s *Sim) debitItem(subscription object, c itemChange, at int64) object {
	from, to := num(subscription, "current_period_start"), num(subscription, "current_period_end")
	full := num(c.to.price, "unit_amount") * c.to.quantity
	if coupon := sub(s.discountOf(subscription), "coupon"); coupon != nil {
		full -= off(coupon, full, full)
	}
	o := s.prorationItem(subscription, c.to.price, c.to.quantity, share(full, to-at, to-from), at, "Remaining time on")
	if c.item != nil {
		o["subscription_item"] = c.item["id"]
	}
	return o
}

// share is a part of an amount, rounded as Stripe rounds.
func share(amount, part, whole int64) int64 {
	if whole <= 0 {
		return 0
	}
	return rounded(float64(amount) * float64(part) / float64(whole))
}

func (s *Sim) prorationItem(subscription, price object, quantity, amount, at int64, words string) object {
	name := str(s.store.byID[str(price, "product")], "name")
	if quantity > 1 {
		name = fmt.Sprintf("%d × %s", quantity, name)
	}
	unit := num(price, "unit_amount")
	o := s.store.part("invoiceitem", pick(subscription, "currency", "customer", "test_clock"))
	merge(o, object{
		"amount": amount, "date": s.unix(), "discountable": false, "price": price["id"], "proration": true, "quantity": quantity,
		"description":  fmt.Sprintf("%s %s after %s", words, name, time.Unix(at, 0).UTC().Format("02 Jan 2006")),
		"period":       object{"start": at, "end": subscription["current_period_end"]},
		"subscription": subscription["id"], "unit_amount": unit, "unit_amount_decimal": fmt.Sprint(unit),
	})
	return o
}

// lastBilled finds the piece that covers an instant: the newest item that
// waits, or else the newest line of an invoice that was not given up. Without
// either, the period at its price.
func (s *Sim) lastBilled(subscription, item object, at int64) billed {
	for _, waiting := range s.pendingItems(subscription) {
		if covers(waiting, item, at) {
			return billed{num(waiting, "amount"), num(waiting, "period.start"), num(waiting, "period.end"), nil}
		}
	}
	for _, o := range s.store.where("invoice", "subscription", str(subscription, "id")) {
		if status := str(o, "status"); status == "draft" || status == "void" {
			continue
		}
		for _, l := range objects(array(o, "lines.data")) {
			if covers(l, item, at) {
				return billed{
					num(l, "amount") - discounted(l), num(l, "period.start"), num(l, "period.end"),
					object{"invoice": o["id"], "invoice_line_items": []any{l["id"]}},
				}
			}
		}
	}
	price := s.store.byID[str(item, "price")]
	return billed{num(price, "unit_amount") * num(item, "quantity"), num(subscription, "current_period_start"), num(subscription, "current_period_end"), nil}
}

func covers(piece, item object, at int64) bool {
	return piece["subscription_item"] == item["id"] && num(piece, "amount") >= 0 && num(piece, "period.start") <= at && at < num(piece, "period.end")
}

// discounted is what discounts took from a line.
func discounted(l object) int64 {
	sum := int64(0)
	for _, d := range objects(array(l, "discount_amounts")) {
		sum += num(d, "amount")
	}
	return sum
}
