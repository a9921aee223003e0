package stripesim

import "strconv"

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
})

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
	with, err := s.signup(customer, p)
	if err != nil {
		return nil, err
	}
	if err := s.checkFirstPayment(customer, lines, p, with); err != nil {
		return nil, err
	}
	o := s.begin(customer, lines, with)
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
func (s *Sim) signup(customer, p object) (object, *apiError) {
	with := pick(p, "description")
	with["metadata"] = withMetadata(nil, p)
	if id := str(p, "default_payment_method"); id != "" {
		method, err := s.attach(id, customer, "default_payment_method")
		if err != nil {
			return nil, err
		}
		with["default_payment_method"] = method["id"]
	}
	return with, nil
}

// checkFirstPayment refuses, before anything is made, a subscription that
// cannot be paid and would not be left incomplete either.
func (s *Sim) checkFirstPayment(customer object, lines []line, p, with object) *apiError {
	due := int64(0)
	for _, l := range lines {
		due += num(l.price, "unit_amount") * l.quantity
	}
	behavior := str(p, "payment_behavior")
	if due == 0 || behavior == "default_incomplete" {
		return nil
	}
	method := s.methodFor(object{"customer": customer["id"], "default_payment_method": with["default_payment_method"]})
	if method == nil {
		return noMethod()
	}
	if behavior != "error_if_incomplete" {
		return nil
	}
	if why := cardBehind(method).later; why != nil {
		return why.error()
	}
	return nil
}

func noMethod() *apiError {
	return invalid("resource_missing", "", "This customer has no attached payment source or default payment method. Please consider adding a default payment method. "+
		"For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.")
}

// begin makes a subscription and its first invoice, which is open.
func (s *Sim) begin(customer object, lines []line, with object) object {
	o := s.newSubscription(customer, lines, with)
	customer["currency"] = o["currency"]
	invoice := s.newInvoice(o, "subscription_create", s.unix(), s.unix())
	o["latest_invoice"] = invoice["id"]
	s.emit("customer.subscription.created", o, nil)
	s.emit("invoice.created", invoice, nil)
	s.finalize(invoice)
	return o
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
		s.emit("invoice.payment_failed", invoice, nil)
		return
	}
	s.activate(o)
}

// activate starts a subscription whose first invoice is paid.
func (s *Sim) activate(o object) {
	s.change(o, "customer.subscription.updated", object{"status": "active"})
	s.planRenewal(o)
}
