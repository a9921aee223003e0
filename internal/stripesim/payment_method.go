package stripesim

// testMethods are the payment methods that every test account has, by the names
// that https://docs.stripe.com/testing and its pages about direct debits give them,
// with the numbers behind them.
// Attaching one makes a payment method of the customer's own.
var testMethods = map[string]string{
	"pm_card_visa":                               "4242424242424242",
	"pm_card_mastercard":                         "5555555555554444",
	"pm_card_chargeCustomerFail":                 "4000000000000341",
	"pm_card_visa_chargeDeclined":                "4000000000000002",
	"pm_card_chargeDeclined":                     "4000000000000002",
	"pm_card_chargeDeclinedInsufficientFunds":    "4000000000009995",
	"pm_card_visa_chargeDeclinedLostCard":        "4000000000009987",
	"pm_card_chargeDeclinedExpiredCard":          "4000000000000069",
	"pm_card_chargeDeclinedIncorrectCvc":         "4000000000000127",
	"pm_card_chargeDeclinedProcessingError":      "4000000000000119",
	"pm_card_visa_chargeDeclinedProcessingError": "4000000000000119",
	"pm_card_visa_chargeDeclinedStolenCard":      "4000000000009979",
	"pm_card_authenticationRequired":             "4000002760003184",
	"pm_card_authenticationRequiredOnSetup":      "4000002500003155",
	"pm_card_createDispute":                      "4000000000000259",
	"pm_card_createDisputeProductNotReceived":    "4000000000002685",
	"pm_card_createDisputeInquiry":               "4000000000001976",
	"pm_card_pendingRefund":                      "4000000000007726",
	"pm_card_refundFail":                         "4000000000005126",
	"pm_card_bypassPending":                      "4000000000000077",
	"pm_success_at":                              "AT611904300234573201",
	"pm_successDelayed_at":                       "AT321904300235473204",
	"pm_failed_at":                               "AT861904300235473202",
	"pm_failedDelayed_at":                        "AT051904300235473205",
	"pm_disputed_at":                             "AT591904300235473203",
	"pm_insufficientFunds_at":                    "AT981904300002222227",
}

var methodFilters = fields{"customer": id(), "type": oneOf("card", "sepa_debit")}

var attachFields = fields{"customer": id().required()}

var methodUpdateFields = fields{
	"billing_details": hash(fields{
		"address": hash(addressFields).clearable(), "email": text(800).clearable(), "name": text(5000).clearable(), "phone": text(20).clearable(),
	}),
	"metadata": metadata(),
}

// attachMethod gives a payment method to a customer; one of testMethods is
// copied. A card that declines at once cannot be attached.
// https://docs.stripe.com/api/payment_methods/attach
func attachMethod(s *Sim, c *call) (object, *apiError) {
	customer, err := s.named("customer", str(c.params, "customer"), "customer")
	if err != nil {
		return nil, err
	}
	return s.attach(c.id, customer, "id")
}

// attach answers the payment method if it is the customer's already, or gives
// it to them.
func (s *Sim) attach(id string, customer object, param string) (object, *apiError) {
	if o, known := s.store.find("payment_method", id); known && o["customer"] == customer["id"] {
		return o, nil
	}
	o, err := s.freeMethod(id, param)
	if err == nil {
		s.give(o, customer)
	}
	return o, err
}

// freeMethod answers a payment method that nobody has, and refuses others and
// those that no one can have.
func (s *Sim) freeMethod(id, param string) (object, *apiError) {
	o, err := s.methodNamed(id, param)
	switch {
	case err != nil:
		return nil, err
	case has(o, "customer"):
		return nil, invalid("", param, "The payment method you provided has already been attached to a customer.")
	case cardBehind(o).now != nil && cardBehind(o).now != mustProve:
		return nil, cardBehind(o).now.error()
	}
	return o, nil
}

func (s *Sim) give(method, customer object) {
	method["customer"] = customer["id"]
	s.store.put(method)
	s.emit("payment_method.attached", method, nil)
}

// methodNamed answers a payment method, or makes the copy of a test one.
func (s *Sim) methodNamed(id, param string) (object, *apiError) {
	number, isTest := testMethods[id]
	if !isTest {
		return s.named("payment_method", id, param)
	}
	if _, isDebit := debits[number]; isDebit {
		return s.newDebit(number, "", ""), nil
	}
	card, known := cards[number]
	if !known {
		return nil, invalid("", param, "The card behind %s is not simulated.", id)
	}
	return s.newCard(number, card, "", ""), nil
}

// error is the 402 of a card that was refused without a charge.
func (why *decline) error() *apiError {
	e := &apiError{status: 402, kind: "card_error", code: why.code, message: why.message, more: object{}}
	if why.reason != "" {
		e.more["decline_code"] = why.reason
	}
	return e
}

// detachMethod takes a payment method from its customer, for ever.
// https://docs.stripe.com/api/payment_methods/detach
func detachMethod(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("payment_method", c.id)
	if err != nil {
		return nil, err
	}
	customer, attached := s.store.find("customer", str(o, "customer"))
	if !attached {
		return nil, invalid("", "", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	if at(customer, "invoice_settings.default_payment_method") == o["id"] {
		sub(customer, "invoice_settings")["default_payment_method"] = nil
	}
	for _, subscription := range s.store.where("subscription", "customer", str(customer, "id")) {
		if subscription["default_payment_method"] == o["id"] {
			subscription["default_payment_method"] = nil
		}
	}
	s.change(o, "payment_method.detached", object{"customer": nil})
	return o, nil
}

func updateMethod(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("payment_method", c.id)
	if err != nil {
		return nil, err
	}
	details := cloned(sub(o, "billing_details"))
	merge(details, sub(c.params, "billing_details"))
	s.change(o, "payment_method.updated", object{"billing_details": details, "metadata": withMetadata(o, c.params)})
	return o, nil
}

// customerMethods lists what is attached to one customer.
func customerMethods(s *Sim, c *call) (object, *apiError) {
	if _, err := s.liveCustomer(c.id); err != nil {
		return nil, err
	}
	c.params["customer"] = c.id
	return list("payment_method")(s, c)
}

// methodFor is what a subscription is charged to: its own payment method, or
// its customer's; nil for none.
// https://docs.stripe.com/api/subscriptions/object#subscription_object-default_payment_method
func (s *Sim) methodFor(subscription object) object {
	customer := s.store.byID[str(subscription, "customer")]
	return s.store.byID[firstOf(str(subscription, "default_payment_method"), str(customer, "invoice_settings.default_payment_method"))]
}
