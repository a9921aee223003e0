package stripesim

import (
	"fmt"
	"strconv"
)

// newInvoice drafts the invoice for a subscription's present period, with what
// is pending for it. At a renewal, period_start and period_end of the invoice
// itself are those of the period before; its lines carry the period that is
// being paid. https://docs.stripe.com/api/invoices/object#invoice_object-period_end
func (s *Sim) newInvoice(subscription object, reason string, from, to int64) object {
	pending := s.pendingItems(subscription)
	lines := append(itemLines(pending), s.cycleLines(subscription)...)
	return s.draft(subscription, reason, from, to, lines, pending)
}

// draft stores an invoice over lines, and takes the pending items into it.
func (s *Sim) draft(subscription object, reason string, from, to int64, lines, pending []object) object {
	o := s.compose(subscription, reason, from, to, lines)
	id := str(o, "id")
	sub(o, "lines")["url"] = "/v1/invoices/" + id + "/lines"
	for _, l := range lines {
		l["invoice"] = id
	}
	for _, item := range pending {
		item["invoice"] = id
	}
	s.store.put(o)
	s.spend(subscription)
	return o
}

// compose makes an invoice over lines and stores nothing.
func (s *Sim) compose(subscription object, reason string, from, to int64, lines []object) object {
	customer := s.store.byID[str(subscription, "customer")]
	o := s.store.shape("invoice", s.unix(), pick(subscription, "currency", "customer", "test_clock"))
	merge(o, object{
		"billing_reason": reason, "period_start": from, "period_end": to, "subscription": subscription["id"],
		"subscription_details": object{"metadata": cloned(sub(subscription, "metadata"))},
		"customer_email":       customer["email"], "customer_name": customer["name"],
		"lines": listOf("", lines, false),
	})
	subtotal := int64(0)
	for _, l := range lines {
		subtotal += num(l, "amount")
	}
	total := subtotal - s.discountLines(o, s.discountOf(subscription), lines)
	due, _ := dueOf(total, num(customer, "balance"), str(o, "currency"))
	merge(o, object{
		"subtotal": subtotal, "subtotal_excluding_tax": subtotal, "total": total, "total_excluding_tax": total,
		"starting_balance": num(customer, "balance"), "amount_due": due, "amount_remaining": due,
	})
	return o
}

// dueOf says what an invoice asks for and what the customer's balance is then.
// A negative balance is the customer's credit; what is too little to charge is
// owed until the next invoice. https://docs.stripe.com/billing/customer/balance
func dueOf(total, balance int64, currency string) (due, ending int64) {
	owed := total + balance
	if owed <= 0 || owed < minimums[currency] {
		return 0, owed
	}
	return owed, 0
}

// useBalance applies the customer's balance when an invoice is finalized.
func (s *Sim) useBalance(o object) {
	customer := s.store.byID[str(o, "customer")]
	balance := num(customer, "balance")
	due, ending := dueOf(num(o, "total"), balance, str(o, "currency"))
	merge(o, object{"starting_balance": balance, "ending_balance": ending, "amount_due": due, "amount_remaining": due})
	s.change(customer, "customer.updated", object{"balance": ending})
}

// returnBalance gives back what a voided invoice took from the balance.
func (s *Sim) returnBalance(o object) {
	used := num(o, "ending_balance") - num(o, "starting_balance")
	if customer := s.store.byID[str(o, "customer")]; o["ending_balance"] != nil && used != 0 {
		s.change(customer, "customer.updated", object{"balance": num(customer, "balance") - used})
	}
}

// cycleLines are the lines for a subscription's present period.
func (s *Sim) cycleLines(subscription object) []object {
	var out []object
	for _, item := range array(subscription, "items.data") {
		out = append(out, s.cycleLine(subscription, item.(object)))
	}
	return out
}

func (s *Sim) cycleLine(subscription, item object) object {
	price := s.store.byID[str(item, "price")]
	unit, quantity := num(price, "unit_amount"), num(item, "quantity")
	name := str(s.store.byID[str(price, "product")], "name")
	description := fmt.Sprintf("%d × %s (at %s / %s)", quantity, name, formatted(unit, str(price, "currency")), str(price, "recurring.interval"))
	if inTrial(subscription) {
		unit, description = 0, "Trial period for "+name
	}
	return s.store.part("line_item", object{
		"amount": unit * quantity, "amount_excluding_tax": unit * quantity, "currency": price["currency"], "description": description,
		"period": object{"start": subscription["current_period_start"], "end": subscription["current_period_end"]},
		"price":  price["id"], "quantity": quantity, "subscription": subscription["id"], "subscription_item": item["id"],
		"metadata": cloned(sub(subscription, "metadata")), "unit_amount_excluding_tax": strconv.FormatInt(unit, 10),
	})
}
