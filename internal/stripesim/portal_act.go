package stripesim

import "slices"

// portalWish is what a reader pressed on the portal's page.
type portalWish struct{ do, subscription, price, card string }

const notHere = "This cannot be done here."

// portalAct answers the words for the reader if it cannot be done.
func (s *Sim) portalAct(portal string, wish portalWish) string {
	session, config, ok := s.openPortal(portal)
	if !ok {
		return ""
	}
	if wish.do == "card" {
		return s.portalCard(s.store.byID[str(session, "customer")], config, wish.card)
	}
	o, known := s.store.find("subscription", wish.subscription)
	if !known || o["customer"] != session["customer"] || ended(o) {
		return "This subscription has ended or is not yours."
	}
	switch wish.do {
	case "renew":
		s.portalEnd(o, false)
		return ""
	case "cancel":
		return s.portalCancel(o, config)
	case "change":
		return s.portalChange(o, config, wish.price)
	}
	return notHere
}

func (s *Sim) portalEnd(o object, atEnd bool) {
	with := object{}
	s.scheduleEnd(o, with, atEnd)
	s.change(o, "customer.subscription.updated", with)
}

// portalCancel ends the subscription as the configuration says.
// https://docs.stripe.com/api/customer_portal/configurations/create#create_portal_configuration-features-subscription_cancel
func (s *Sim) portalCancel(o, config object) string {
	feature := sub(config, "features.subscription_cancel")
	switch {
	case !flag(feature, "enabled"):
		return notHere
	case str(feature, "mode") != "immediately":
		s.portalEnd(o, true)
		return ""
	}
	behavior := str(feature, "proration_behavior")
	s.cancelNow(o, behavior == "create_prorations" || behavior == "always_invoice", behavior == "always_invoice")
	return ""
}

// portalPrices are the prices that the configuration lets a subscription move
// to.
func (s *Sim) portalPrices(o, config object) []object {
	feature := sub(config, "features.subscription_update")
	if !flag(feature, "enabled") || !slices.Contains(array(feature, "default_allowed_updates"), any("price")) {
		return nil
	}
	var out []object
	for _, product := range objects(array(feature, "products")) {
		for _, id := range array(product, "prices") {
			price, ok := s.store.find("price", id.(string))
			if ok && price["id"] != pricesOf(o)[0] && flag(price, "active") && price["currency"] == o["currency"] {
				out = append(out, price)
			}
		}
	}
	return out
}

// portalChange moves the first item to another price. A payment that fails
// changes nothing; that the portal does so is assumed.
func (s *Sim) portalChange(o, config object, price string) string {
	if !slices.ContainsFunc(s.portalPrices(o, config), func(p object) bool { return p["id"] == price }) {
		return notHere
	}
	feature := sub(config, "features.subscription_update")
	change, err := s.readChange(o, object{
		"items":              []any{object{"id": array(o, "items.data")[0].(object)["id"], "price": price}},
		"proration_behavior": firstOf(str(feature, "proration_behavior"), "none"), "payment_behavior": "error_if_incomplete",
	})
	if err == nil {
		err = s.refusedChange(o, change)
	}
	if err != nil {
		return err.message
	}
	before := cloned(o)
	invoice := s.changePlan(o, change)
	s.told(o, "customer.subscription.updated", before)
	s.collectChange(o, invoice, "")
	return ""
}

// portalCard makes a card the one that the customer, and each of their
// subscriptions, is charged to. That it reaches the subscriptions is assumed.
// https://docs.stripe.com/customer-management/configure-portal
func (s *Sim) portalCard(customer, config object, typed string) string {
	if !flag(config, "features.payment_method_update.enabled") {
		return notHere
	}
	number, c, problem := cardFor(typed)
	switch {
	case problem != "":
		return problem
	case c.now != nil:
		return c.now.message
	}
	method := s.newCard(number, c, str(customer, "email"), str(customer, "name"))
	s.give(method, customer)
	settings := cloned(sub(customer, "invoice_settings"))
	settings["default_payment_method"] = method["id"]
	s.change(customer, "customer.updated", object{"invoice_settings": settings})
	for _, o := range s.store.where("subscription", "customer", str(customer, "id")) {
		if !ended(o) && has(o, "default_payment_method") {
			s.change(o, "customer.subscription.updated", object{"default_payment_method": method["id"]})
		}
	}
	return ""
}
