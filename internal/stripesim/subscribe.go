package stripesim

import (
	"maps"
	"strconv"
)

// itemFields describe what a subscription made through the API bills.
var itemFields = fields{
	"metadata": metadata(),
	"price":    id(),
	"price_data": hash(fields{
		"currency": currency().required(), "product": id().required(), "recurring": hash(recurringFields).required(),
		"tax_behavior": oneOf("exclusive", "inclusive", "unspecified"), "unit_amount": integer(),
	}),
	"quantity": integer(),
}

var behaviors = oneOf("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")

var subscribeFields = subscriptionFields.and(fields{
	"customer":          id().required(),
	"collection_method": oneOf("charge_automatically"), // sent invoices are not simulated
	"items":             arrayOf(hash(itemFields)),
	"off_session":       boolean(),
	"payment_behavior":  behaviors,
	"trial_end":         instant(),
	"trial_period_days": integer(),
})

// signup is a subscription that somebody wants to begin.
type signup struct {
	customer object
	lines    []line
	with     object   // its keys besides the items
	voucher  *voucher // nil for none
	session  string   // the Checkout session that it comes from, if it does
}

// createSubscription makes a subscription and tries its first payment at once.
// What a failure means is for payment_behavior to say.
// https://docs.stripe.com/api/subscriptions/create#create_subscription-payment_behavior
func createSubscription(s *Sim, c *call) (object, *apiError) {
	p := c.params
	customer, err := s.named("customer", str(p, "customer"), "customer")
	if err != nil {
		return nil, err
	}
	lines, err := s.subscriptionLines(array(p, "items"))
	if err != nil {
		return nil, err
	}
	up, err := s.signup(customer, lines, p)
	if err != nil {
		return nil, err
	}
	if err := s.checkFirstPayment(up, str(p, "payment_behavior")); err != nil {
		return nil, err
	}
	o := s.begin(up)
	s.payFirst(o, str(p, "payment_behavior"))
	return o, nil
}

// subscriptionLines finds or makes the prices of a subscription's items.
func (s *Sim) subscriptionLines(items []any) ([]line, *apiError) {
	if len(items) == 0 {
		return nil, invalid("parameter_missing", "items", "Missing required param: items.")
	}
	for i, item := range items {
		if err := s.checkItem(item.(object), under("items", strconv.Itoa(i))); err != nil {
			return nil, err
		}
	}
	lines := make([]line, len(items))
	for i, item := range items {
		l, err := s.sessionLine(item.(object), under("items", strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		lines[i] = l
	}
	return lines, sameCycle(lines)
}

// checkItem is checkLine with Stripe's default of one piece.
func (s *Sim) checkItem(item object, where string) *apiError {
	if _, sent := item["quantity"]; !sent {
		item["quantity"] = int64(1)
	}
	if err := s.checkLine(item, where); err != nil {
		return err
	}
	if sub(s.priceOf(item), "recurring") == nil {
		return invalid("", under(where, "price"), "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	}
	return nil
}

// sameCycle refuses what Stripe cannot bill together.
// https://docs.stripe.com/billing/subscriptions/multiple-products
func sameCycle(lines []line) *apiError {
	first := lines[0].price
	for _, l := range lines[1:] {
		switch {
		case l.price["currency"] != first["currency"]:
			return invalid("", "items", "All prices on a subscription must have the same currency.")
		case !sameInterval(l.price, first):
			return invalid("", "items", "All prices on a subscription must have the same `recurring.interval` and `recurring.interval_count`.")
		}
	}
	return nil
}

func sameInterval(a, b object) bool {
	return at(a, "recurring.interval") == at(b, "recurring.interval") && num(a, "recurring.interval_count") == num(b, "recurring.interval_count")
}

// signup reads what a new subscription shall be besides its items.
func (s *Sim) signup(customer object, lines []line, p object) (up signup, err *apiError) {
	up = signup{customer: customer, lines: lines}
	if up.voucher, err = s.voucherFrom(p, customer, ""); err != nil {
		return up, err
	}
	if up.voucher != nil {
		if err := up.voucher.fits(sumOf(lines), str(lines[0].price, "currency"), "coupon"); err != nil {
			return up, err
		}
	}
	up.with = object{}
	if err := s.trialFrom(p, up.with, "", 1); err != nil {
		return up, err
	}
	rest, err := s.wishes(s.unborn(up), without(p, "trial_end"))
	maps.Copy(rest, up.with)
	up.with = rest
	return up, err
}

// unborn is what a subscription will be like, for the checks of its wishes.
func (s *Sim) unborn(up signup) object {
	first := up.lines[0].price
	o := object{
		"customer": up.customer["id"], "currency": first["currency"], "cancellation_details": object{"comment": nil, "feedback": nil, "reason": nil},
		"billing_cycle_anchor": s.unix(), "current_period_end": periodEnd(s.unix(), s.unix(), sub(first, "recurring")),
		"items": object{"data": []any{object{"price": first["id"]}}},
	}
	if end, trial := up.with["trial_end"]; trial {
		o["billing_cycle_anchor"], o["current_period_end"] = end, end
	}
	return o
}

// due is what the first invoice will ask for.
func (up signup) due() int64 {
	if has(up.with, "trial_end") {
		return 0
	}
	total, code := sumOf(up.lines), str(up.lines[0].price, "currency")
	if up.voucher != nil {
		total -= off(up.voucher.coupon, total, total)
	}
	due, _ := dueOf(total, num(up.customer, "balance"), code)
	return due
}

// checkFirstPayment refuses, before anything is made, a subscription that
// cannot be paid and would not be left incomplete either.
func (s *Sim) checkFirstPayment(up signup, behavior string) *apiError {
	if behavior == "pending_if_incomplete" {
		return invalid("", "payment_behavior", "`pending_if_incomplete` can only be used when updating a subscription.")
	}
	if behavior == "default_incomplete" || up.due() == 0 {
		return nil
	}
	method := s.methodFor(object{"customer": up.customer["id"], "default_payment_method": up.with["default_payment_method"]})
	if method == nil {
		return noMethod()
	}
	if why := cardBehind(method).later; why != nil && behavior == "error_if_incomplete" {
		return why.error()
	}
	return nil
}

func noMethod() *apiError {
	return invalid("resource_missing", "", "This customer has no attached payment source or default payment method. Please consider adding a default payment method. "+
		"For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.")
}

// begin makes a subscription and its first invoice, which is open. Prices that
// do not recur are billed with it, once.
func (s *Sim) begin(up signup) object {
	recurring, once := split(up.lines)
	o := s.newSubscription(up.customer, recurring, up.with)
	if up.voucher != nil {
		s.redeem(o, up.voucher, object{"customer": o["customer"], "subscription": o["id"], "checkout_session": orNull(up.session)})
	}
	for _, l := range once {
		s.keepItem(s.onceItem(o, l))
	}
	up.customer["currency"] = o["currency"]
	invoice := s.newInvoice(o, "subscription_create", s.unix(), s.unix())
	o["latest_invoice"] = invoice["id"]
	s.emit("customer.subscription.created", o, nil)
	s.emit("invoice.created", invoice, nil)
	s.finalize(invoice)
	return o
}

// split parts the lines that recur from those that are paid once.
func split(lines []line) (recurring, once []line) {
	for _, l := range lines {
		if sub(l.price, "recurring") != nil {
			recurring = append(recurring, l)
		} else {
			once = append(once, l)
		}
	}
	return recurring, once
}

func (s *Sim) onceItem(subscription object, l line) object {
	unit := num(l.price, "unit_amount")
	return s.store.part("invoiceitem", object{
		"amount": unit * l.quantity, "unit_amount": unit, "unit_amount_decimal": strconv.FormatInt(unit, 10), "quantity": l.quantity,
		"currency": subscription["currency"], "customer": subscription["customer"], "subscription": subscription["id"], "test_clock": subscription["test_clock"],
		"price": l.price["id"], "description": s.store.byID[str(l.price, "product")]["name"], "period": object{"start": s.unix(), "end": s.unix()},
	})
}

// payFirst tries the first invoice. An invoice over nothing is paid by itself;
// default_incomplete leaves any other to the shop.
func (s *Sim) payFirst(o object, behavior string) {
	invoice := s.store.byID[str(o, "latest_invoice")]
	if behavior == "default_incomplete" && num(invoice, "amount_due") > 0 {
		return
	}
	method := s.methodFor(o)
	if err := s.collect(invoice, method, s.laterDecline(invoice, method)); err != nil {
		s.tellUnpaid(invoice)
		return
	}
	s.activate(o)
}

// activate starts a subscription whose first invoice is paid.
func (s *Sim) activate(o object) {
	if str(o, "status") != "trialing" {
		s.change(o, "customer.subscription.updated", object{"status": "active"})
	}
	s.planRenewal(o)
}
