package stripesim

var portalFeatures = hash(fields{
	"customer_update":       hash(fields{"allowed_updates": arrayOf(oneOf("address", "email", "name", "phone", "shipping", "tax_id")), "enabled": boolean().required()}),
	"invoice_history":       hash(fields{"enabled": boolean().required()}),
	"payment_method_update": hash(fields{"enabled": boolean().required()}),
	"subscription_cancel": hash(fields{
		"cancellation_reason": hash(fields{"enabled": boolean().required(), "options": arrayOf(text(5000)).required()}),
		"enabled":             boolean().required(),
		"mode":                oneOf("at_period_end", "immediately"),
		"proration_behavior":  oneOf("always_invoice", "create_prorations", "none"),
	}),
	"subscription_pause": hash(fields{"enabled": boolean()}),
	"subscription_update": hash(fields{
		"default_allowed_updates": arrayOf(oneOf("price", "promotion_code", "quantity")).required(),
		"enabled":                 boolean().required(),
		"products":                arrayOf(hash(fields{"product": id().required(), "prices": arrayOf(id()).required()})).required(),
		"proration_behavior":      oneOf("always_invoice", "create_prorations", "none"),
	}),
})

var portalUpdateFields = fields{
	"active":             boolean(),
	"business_profile":   hash(fields{"headline": text(60).clearable(), "privacy_policy_url": text(5000), "terms_of_service_url": text(5000)}),
	"default_return_url": text(5000).clearable(),
	"features":           portalFeatures,
	"metadata":           metadata(),
}

var portalConfigFields = fields{
	"business_profile":   portalUpdateFields["business_profile"].required(),
	"default_return_url": text(5000).clearable(),
	"features":           portalFeatures.required(),
	"metadata":           metadata(),
}

var portalSessionFields = fields{
	"configuration": id(),
	"customer":      id().required(),
	"flow_data": hash(fields{
		"type":                oneOf("payment_method_update", "subscription_cancel", "subscription_update").required(),
		"subscription_cancel": hash(fields{"subscription": id().required()}),
		"subscription_update": hash(fields{"subscription": id().required()}),
		"after_completion":    hash(fields{"type": oneOf("hosted_confirmation", "portal_homepage", "redirect").required(), "redirect": hash(fields{"return_url": text(5000).required()})}),
	}),
	"locale":     oneOf(locales...),
	"return_url": text(5000),
}

func createPortalConfig(s *Sim, c *call) (object, *apiError) {
	return s.addPortalConfig(c.params), nil
}

// addPortalConfig lays the wishes over a configuration that allows nothing.
func (s *Sim) addPortalConfig(with object) object {
	o := s.add("billing_portal.configuration", nil)
	merge(o, cloned(with))
	o["metadata"] = withMetadata(nil, with)
	o["updated"] = s.unix()
	s.emit("billing_portal.configuration.created", o, nil)
	return o
}

func updatePortalConfig(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("billing_portal.configuration", c.id)
	if err != nil {
		return nil, err
	}
	with := cloned(o)
	merge(with, c.params)
	with["metadata"] = withMetadata(o, c.params)
	with["updated"] = s.unix()
	s.change(o, "billing_portal.configuration.updated", with)
	return o, nil
}

// createPortalSession takes the account's default configuration if none is
// named. https://docs.stripe.com/api/customer_portal/sessions/create
func createPortalSession(s *Sim, c *call) (object, *apiError) {
	customer, err := s.named("customer", str(c.params, "customer"), "customer")
	if err != nil {
		return nil, err
	}
	config, err := s.portalConfig(str(c.params, "configuration"))
	if err != nil {
		return nil, err
	}
	back := firstOf(str(c.params, "return_url"), str(config, "default_return_url"))
	flow, err := s.portalFlow(customer, sub(c.params, "flow_data"))
	if err != nil {
		return nil, err
	}
	o := s.add("billing_portal.session", pick(c.params, "customer", "locale"))
	id := str(o, "id")
	o["configuration"], o["return_url"], o["flow"] = config["id"], orNull(back), flow
	o["url"] = s.hosted(c) + "/portal/" + id
	s.emit("billing_portal.session.created", o, nil)
	return o, nil
}

func (s *Sim) portalConfig(id string) (object, *apiError) {
	if id != "" {
		config, err := s.named("billing_portal.configuration", id, "configuration")
		if err == nil && !flag(config, "active") {
			err = invalid("", "configuration", "The configuration %s is not active.", id)
		}
		return config, err
	}
	for _, config := range s.store.all("billing_portal.configuration", nil) {
		if flag(config, "is_default") && flag(config, "active") {
			return config, nil
		}
	}
	return nil, invalid("", "configuration", "No configuration provided and your test mode default configuration has not been created. "+
		"Provide a configuration or create your default by saving your customer portal settings in test mode.")
}

// portalFlow checks a deep link to one thing: a subscription's end or its plan,
// or the payment method.
// https://docs.stripe.com/customer-management/portal-deep-links
func (s *Sim) portalFlow(customer, wish object) (any, *apiError) {
	if wish == nil {
		return nil, nil
	}
	kind := str(wish, "type")
	flow := object{
		"type": kind, "after_completion": object{"type": "portal_homepage", "hosted_confirmation": nil, "redirect": nil},
		"subscription_cancel": nil, "subscription_update": nil, "subscription_update_confirm": nil,
	}
	merge(flow, pick(wish, "after_completion"))
	if kind == "payment_method_update" {
		return flow, nil
	}
	id, param := str(wish, kind+".subscription"), under(under("flow_data", kind), "subscription")
	subscription, err := s.named("subscription", id, param)
	if err != nil {
		return nil, err
	}
	if subscription["customer"] != customer["id"] || ended(subscription) {
		return nil, invalid("", param, "The subscription %s cannot be changed by this customer.", id)
	}
	flow[kind] = object{"subscription": id}
	if kind == "subscription_cancel" {
		flow[kind] = object{"retention": nil, "subscription": id}
	}
	return flow, nil
}
