package stripesim

import "strings"

// lineFields describe what is bought: a price, or the data of one.
var lineFields = hash(fields{
	"price":    id(),
	"quantity": integer(),
	"price_data": hash(fields{
		"currency":     currency().required(),
		"product":      id(),
		"product_data": hash(fields{"description": text(40000), "images": arrayOf(text(5000)), "metadata": metadata(), "name": text(5000).required(), "tax_code": text(5000)}),
		"recurring":    hash(fields{"interval": oneOf("day", "week", "month", "year").required(), "interval_count": integer()}),
		"tax_behavior": oneOf("exclusive", "inclusive", "unspecified"),
		"unit_amount":  integer(),
	}),
})

var messageFields = hash(fields{"message": text(1200).required()})

var sessionFields = fields{
	"allow_promotion_codes":      boolean(),
	"automatic_tax":              hash(fields{"enabled": boolean().required()}),
	"billing_address_collection": oneOf("auto", "required"),
	"cancel_url":                 text(5000),
	"client_reference_id":        text(200),
	"currency":                   currency(),
	"custom_text":                hash(fields{"after_submit": messageFields, "shipping_address": messageFields, "submit": messageFields, "terms_of_service_acceptance": messageFields}),
	"customer":                   id(),
	"customer_creation":          oneOf("always", "if_required"),
	"customer_email":             text(800),
	"customer_update":            hash(fields{"address": oneOf("auto", "never"), "name": oneOf("auto", "never"), "shipping": oneOf("auto", "never")}),
	"discounts":                  discountFields,
	"expires_at":                 integer(),
	"line_items":                 arrayOf(lineFields),
	"locale":                     oneOf(locales...),
	"metadata":                   metadata(),
	"mode":                       oneOf("payment", "subscription").required(), // "setup" is not simulated
	"payment_intent_data":        hash(fields{"description": text(1000), "metadata": metadata(), "receipt_email": text(800), "setup_future_usage": oneOf("off_session", "on_session"), "statement_descriptor": text(22), "statement_descriptor_suffix": text(22)}),
	"payment_method_collection":  oneOf("always", "if_required"),
	"payment_method_types":       arrayOf(oneOf("card", "sepa_debit", "bacs_debit")), // others are not simulated
	"phone_number_collection":    hash(fields{"enabled": boolean().required()}),
	"submit_type":                oneOf("auto", "book", "donate", "pay"),
	"subscription_data":          hash(fields{"description": text(500), "metadata": metadata(), "proration_behavior": oneOf("create_prorations", "none"), "trial_end": integer(), "trial_period_days": integer(), "trial_settings": trialSettings}),
	"success_url":                text(5000).required(),
	"tax_id_collection":          hash(fields{"enabled": boolean().required()}),
	"ui_mode":                    oneOf("hosted"),
}

var sessionFilters = fields{
	"created": timeRange(), "customer": id(), "customer_details": hash(fields{"email": text(800).required()}),
	"payment_intent": id(), "status": oneOf("complete", "expired", "open"), "subscription": id(),
}

// locales are the languages of Stripe's own pages.
// https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-locale
var locales = strings.Fields("auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW")

const day = 24 * 60 * 60 // seconds

// createSession makes a session with its hosted page. In payment mode the
// payment intent is made when the page is submitted, not now.
// https://docs.stripe.com/api/checkout/sessions/create
func createSession(s *Sim, c *call) (object, *apiError) {
	p := c.params
	if err := s.checkSession(p); err != nil {
		return nil, err
	}
	lines, err := s.sessionLines(p)
	if err != nil {
		return nil, err
	}
	v, err := s.sessionVoucher(p, lines)
	if err != nil {
		return nil, err
	}
	with := pick(p, "allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id", "customer",
		"customer_email", "locale", "mode", "payment_method_collection", "submit_type", "success_url")
	with["payment_method_types"] = s.offered(array(p, "payment_method_types"), str(lines[0].price, "currency"))
	with["expires_at"] = s.unix() + day
	if at, sent := p["expires_at"]; sent {
		with["expires_at"] = at
	}
	with["metadata"] = withMetadata(nil, p)
	with["currency"] = lines[0].price["currency"]
	o := s.add("checkout.session", with)
	keepVoucher(o, v)
	s.fillSession(o, p, lines)
	o["url"] = s.hosted(c) + "/checkout/" + str(o, "id")
	s.plan(num(o, "expires_at"), "session.expire", str(o, "id"))
	return o, nil
}

// hosted is the base of the hosted pages' addresses.
func (s *Sim) hosted(c *call) string {
	return firstOf(strings.TrimSuffix(s.cfg.PublicURL, "/"), c.base)
}

func (s *Sim) fillSession(o, p object, lines []line) {
	items := make([]any, len(lines))
	for i, l := range lines {
		product := s.store.byID[str(l.price, "product")]
		items[i] = s.store.part("item", object{"currency": o["currency"], "description": product["name"], "price": l.price["id"], "quantity": l.quantity})
	}
	o["_lines"] = items
	o["_payment"] = sub(p, "payment_intent_data")
	o["_subscription"] = sub(p, "subscription_data")
	s.totalSession(o)
	merge(o, pick(p, "custom_text", "phone_number_collection"))
	switch {
	case str(o, "mode") == "subscription":
		o["payment_method_collection"] = firstOf(str(o, "payment_method_collection"), "always")
	case !has(o, "customer"):
		o["customer_creation"] = firstOf(str(p, "customer_creation"), "if_required")
	}
	if email := str(s.store.byID[str(o, "customer")], "email"); email != "" {
		o["customer_details"] = customerDetails(email, "")
	}
	if at(p, "automatic_tax.enabled") == true {
		merge(o, object{"automatic_tax": object{"enabled": true, "status": "requires_location_inputs"}})
	}
}

func customerDetails(email, name string) object {
	return object{"address": nil, "email": orNull(email), "name": orNull(name), "phone": nil, "tax_exempt": "none", "tax_ids": []any{}}
}

// lineItemsOf is what line_items expands to.
func (s *Sim) lineItemsOf(o object) object {
	return object{"object": "list", "data": array(o, "_lines"), "has_more": false,
		"url": "/v1/checkout/sessions/" + str(o, "id") + "/line_items"}
}

func sessionLineItems(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("checkout.session", c.id)
	if err != nil {
		return nil, err
	}
	return page(objects(array(o, "_lines")), "item", c)
}

// expireSessionNow closes an open session.
// https://docs.stripe.com/api/checkout/sessions/expire
func expireSessionNow(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("checkout.session", c.id)
	if err != nil {
		return nil, err
	}
	if status := str(o, "status"); status != "open" {
		return nil, invalid("", "", `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of %s.`, status)
	}
	s.expireSession(c.id)
	return o, nil
}

// expireSession is what "session.expire" does.
func (s *Sim) expireSession(id string) {
	o, ok := s.store.find("checkout.session", id)
	if !ok || str(o, "status") != "open" {
		return
	}
	o["status"], o["url"] = "expired", nil
	s.emit("checkout.session.expired", o, nil)
}
