package stripesim

import (
	"slices"
	"strings"
)

// expandable lists, per kind, what a client may have expanded. A key that
// holds an id is replaced by its object.
// https://docs.stripe.com/api/expanding_objects
var expandable = map[string][]string{
	"balance_transaction":    {"source"},
	"billing_portal.session": {"configuration"},
	"charge":                 {"balance_transaction", "customer", "invoice", "payment_intent", "refunds", "review", "application", "on_behalf_of", "failure_balance_transaction", "transfer", "source_transfer", "application_fee"},
	"checkout.session":       {"customer", "invoice", "line_items", "payment_intent", "payment_link", "setup_intent", "subscription"},
	"customer":               {"subscriptions", "default_source", "invoice_settings.default_payment_method", "sources", "tax_ids", "tax", "test_clock"},
	"dispute":                {"charge", "payment_intent"},
	"invoice":                {"charge", "customer", "default_payment_method", "default_source", "discounts", "payment_intent", "quote", "subscription", "test_clock", "latest_revision", "on_behalf_of", "application"},
	"coupon":                 {"applies_to", "currency_options"},
	"discount":               {"customer"},
	"invoiceitem":            {"customer", "discounts", "invoice", "subscription", "test_clock"},
	"promotion_code":         {"customer"},
	"line_item":              {"subscription", "discounts", "invoice_item"},
	"payment_intent":         {"customer", "invoice", "latest_charge", "payment_method", "review", "application", "on_behalf_of"},
	"payment_method":         {"customer"},
	"price":                  {"product", "currency_options", "tiers"},
	"product":                {"default_price", "tax_code"},
	"refund":                 {"balance_transaction", "charge", "payment_intent", "failure_balance_transaction", "source_transfer_reversal", "transfer_reversal"},
	"subscription":           {"customer", "default_payment_method", "default_source", "discounts", "latest_invoice", "pending_setup_intent", "schedule", "test_clock", "application", "on_behalf_of"},
}

// computed are the keys that Stripe leaves out unless they are expanded.
var computed = map[string]func(*Sim, object) object{
	"charge.refunds":              (*Sim).refundsOf,
	"checkout.session.line_items": (*Sim).lineItemsOf,
	"customer.subscriptions":      (*Sim).subscriptionsOf,
}

// present answers a copy as clients see it: the simulator's notes taken out,
// prices written out where Stripe embeds them, and the wished paths expanded.
func (s *Sim) present(o object, expand []string) (object, *apiError) {
	out := s.shown(o)
	for _, path := range expand {
		if strings.Count(path, ".") > 3 {
			return nil, invalid("", "expand", "You cannot expand more than 4 levels of a property. Property: %s", path)
		}
		if err := s.expand(out, str(out, "object"), "", path, path); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// shown is present without wishes.
func (s *Sim) shown(o object) object {
	out := make(object, len(o))
	for k, v := range o {
		if !strings.HasPrefix(k, "_") {
			out[k] = s.shownValue(v)
		}
	}
	if embeds := []string{"subscription_item", "line_item", "item", "invoiceitem"}; slices.Contains(embeds, str(o, "object")) {
		if price, ok := s.store.find("price", str(o, "price")); ok {
			out["price"] = s.shown(price)
		}
	}
	if str(o, "object") == "event" {
		out["pending_webhooks"] = s.courier.pending(str(o, "id"))
	}
	return out
}

func (s *Sim) shownValue(v any) any {
	switch v := v.(type) {
	case object:
		return s.shown(v)
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = s.shownValue(inner)
		}
		return out
	}
	return v
}

// expand follows one path into o. prefix is the way from the last object of a
// kind through plain hashes; whole is the path for the error message.
func (s *Sim) expand(o object, kind, prefix, path, whole string) *apiError {
	head, rest, _ := strings.Cut(path, ".")
	key := prefix + head
	allowed := slices.Contains(expandable[kind], key)
	if allowed {
		s.fill(o, kind, head, key)
	}
	switch v := o[head].(type) {
	case object:
		return s.expandInto(v, kind, key, rest, whole, allowed)
	case []any:
		return s.expandEach(v, rest, whole)
	}
	if !allowed {
		return cannotExpand(whole)
	}
	return nil
}

// fill puts the object where its id is, or the list that is only computed.
func (s *Sim) fill(o object, kind, head, key string) {
	if compute, ok := computed[kind+"."+key]; ok && o[head] == nil {
		o[head] = s.shown(compute(s, s.store.byID[str(o, "id")]))
	}
	if target, ok := s.store.byID[str(o, head)]; ok {
		o[head] = s.shown(target)
	}
}

func (s *Sim) expandEach(list []any, rest, whole string) *apiError {
	for _, element := range list {
		if err := s.expandElement(element, rest, whole); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sim) expandElement(element any, rest, whole string) *apiError {
	o, ok := element.(object)
	if !ok || rest == "" {
		return cannotExpand(whole)
	}
	return s.expand(o, str(o, "object"), "", rest, whole)
}

func (s *Sim) expandInto(v object, kind, key, rest, whole string, allowed bool) *apiError {
	if rest == "" {
		if allowed {
			return nil
		}
		return cannotExpand(whole)
	}
	if inner := str(v, "object"); inner != "" {
		return s.expand(v, inner, "", rest, whole)
	}
	return s.expand(v, kind, key+".", rest, whole)
}

func cannotExpand(path string) *apiError {
	return invalid("", "expand", "This property cannot be expanded (%s).", path)
}
