package stripesim

import (
	"slices"
	"strings"
)

var addressFields = fields{
	"city": text(5000).clearable(), "country": text(5000).clearable(), "line1": text(5000).clearable(),
	"line2": text(5000).clearable(), "postal_code": text(5000).clearable(), "state": text(5000).clearable(),
}

var customerFields = fields{
	"address":           hash(addressFields).clearable(),
	"description":       text(5000).clearable(),
	"email":             text(512).clearable(),
	"metadata":          metadata(),
	"name":              text(256).clearable(),
	"phone":             text(20).clearable(),
	"preferred_locales": arrayOf(text(255)),
	"balance":           integer(),
	"coupon":            id().clearable(),
	"promotion_code":    id(),
	"invoice_settings":  hash(fields{"default_payment_method": id().clearable()}),
}

// newCustomerFields are those of a customer who is made.
var newCustomerFields = customerFields.and(fields{"payment_method": id(), "test_clock": id()})

// customerKeys are the parameters that become keys as they are.
var customerKeys = []string{"balance", "description", "email", "name", "phone", "preferred_locales"}

func createCustomer(s *Sim, c *call) (object, *apiError) {
	with, err := customerFrom(nil, c.params)
	if err != nil {
		return nil, err
	}
	if clock := str(c.params, "test_clock"); clock != "" {
		if _, err := s.named(testClock, clock, "test_clock"); err != nil {
			return nil, err
		}
		with["test_clock"] = clock
	}
	wanted, err := s.voucherFrom(c.params, nil, "")
	if err != nil {
		return nil, err
	}
	var method object
	if id := str(c.params, "payment_method"); id != "" {
		if method, err = s.freeMethod(id, "payment_method"); err != nil {
			return nil, err
		}
	}
	o := s.newCustomer(with)
	if method != nil {
		s.give(method, o)
	}
	return o, s.settleCustomer(o, c.params, wanted)
}

// settleCustomer sets what needs the customer to be there: the payment method
// that invoices take, and the discount.
func (s *Sim) settleCustomer(o, p object, wanted *voucher) *apiError {
	if id, sent := at(p, "invoice_settings.default_payment_method").(string); sent {
		method, err := s.named("payment_method", id, "invoice_settings[default_payment_method]")
		if err == nil && method["customer"] != o["id"] {
			err = invalid("", "invoice_settings[default_payment_method]", "The payment method %s must be attached to the customer.", id)
		}
		if err != nil {
			return err
		}
		settings := cloned(sub(o, "invoice_settings"))
		settings["default_payment_method"] = id
		s.change(o, "customer.updated", object{"invoice_settings": settings})
	}
	if wanted != nil {
		s.redeem(o, wanted, object{"customer": o["id"]})
	} else if coupon, sent := p["coupon"]; sent && coupon == nil {
		s.dropDiscount(o)
	}
	return nil
}

func (s *Sim) newCustomer(with object) object {
	with["invoice_prefix"] = strings.ToUpper(letters(8))
	o := s.add("customer", with)
	s.emit("customer.created", o, nil)
	return o
}

func customerFrom(old, params object) (object, *apiError) {
	with := pick(params, customerKeys...)
	if email := str(with, "email"); email != "" && !looksLikeMail(email) {
		return nil, invalid("email_invalid", "email", "Invalid email address: %s", email)
	}
	if with["preferred_locales"] == nil {
		delete(with, "preferred_locales")
	}
	with["metadata"] = withMetadata(old, params)
	if patch, sent := params["address"]; sent {
		with["address"] = withAddress(sub(old, "address"), patch)
	}
	return with, nil
}

func withAddress(old object, patch any) any {
	given, ok := patch.(object)
	if !ok {
		return nil
	}
	out := cloned(old)
	if out == nil {
		out = object{"city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil}
	}
	merge(out, given)
	return out
}

// looksLikeMail is as strict as Stripe: one @ with something around it.
func looksLikeMail(s string) bool {
	before, after, ok := strings.Cut(s, "@")
	return ok && before != "" && strings.Contains(after, ".") && !strings.ContainsAny(s, " \t\r\n<>,") && !strings.Contains(after, "@")
}

func updateCustomer(s *Sim, c *call) (object, *apiError) {
	o, err := s.liveCustomer(c.id)
	if err != nil {
		return nil, err
	}
	with, err := customerFrom(o, c.params)
	if err != nil {
		return nil, err
	}
	wanted, err := s.voucherFrom(c.params, o, "")
	if err != nil {
		return nil, err
	}
	s.change(o, "customer.updated", with)
	return o, s.settleCustomer(o, c.params, wanted)
}

func (s *Sim) liveCustomer(id string) (object, *apiError) {
	o, err := s.mustFind("customer", id)
	if err == nil && flag(o, "deleted") {
		err = missing("customer", id)
	}
	return o, err
}

// deleteCustomer ends the customer's subscriptions at once. The customer can
// still be fetched, and is then only {id, object, deleted}.
// https://docs.stripe.com/api/customers/delete
func deleteCustomer(s *Sim, c *call) (object, *apiError) {
	o, err := s.liveCustomer(c.id)
	if err != nil {
		return nil, err
	}
	for _, subscription := range s.store.where("subscription", "customer", c.id) {
		if !ended(subscription) {
			s.endSubscription(subscription, "cancellation_requested")
		}
	}
	s.emit("customer.deleted", o, nil)
	gone := deleted(o)
	s.store.put(gone)
	return gone, nil
}

// subscriptionsOf is what customer.subscriptions expands to: those not ended.
func (s *Sim) subscriptionsOf(customer object) object {
	id := str(customer, "id")
	live := slices.DeleteFunc(s.store.where("subscription", "customer", id), ended)
	return listOf("/v1/customers/"+id+"/subscriptions", live, false)
}
