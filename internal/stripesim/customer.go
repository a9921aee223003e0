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
}

// customerKeys are the parameters that become keys as they are.
var customerKeys = []string{"description", "email", "name", "phone", "preferred_locales"}

func createCustomer(s *Sim, c *call) (object, *apiError) {
	with, err := customerFrom(nil, c.params)
	if err != nil {
		return nil, err
	}
	return s.newCustomer(with), nil
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
	s.change(o, "customer.updated", with)
	return o, nil
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
