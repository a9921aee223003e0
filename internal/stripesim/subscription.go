package stripesim

import "slices"

// line is a price with how many of it are bought.
type line struct {
	price    object
	quantity int64
}

var subscriptionFilters = fields{
	"collection_method":  oneOf("charge_automatically", "send_invoice"),
	"created":            timeRange(),
	"current_period_end": timeRange(), "current_period_start": timeRange(),
	"customer": id(),
	"price":    id(),
	"status":   oneOf("active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid"),
}

var cancellationFields = hash(fields{
	"comment":  text(5000).clearable(),
	"feedback": oneOf("customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex", "too_expensive", "unused").clearable(),
})

var subscriptionFields = fields{
	"cancel_at_period_end":   boolean(),
	"cancellation_details":   cancellationFields,
	"default_payment_method": id(),
	"description":            text(500).clearable(),
	"metadata":               metadata(),
	"pause_collection": hash(fields{
		"behavior":   oneOf("keep_as_draft", "mark_uncollectible", "void").required(),
		"resumes_at": integer(),
	}).clearable(),
}

var cancelFields = fields{"cancellation_details": cancellationFields, "invoice_now": boolean(), "prorate": boolean()}

// ended says that a subscription will never bill again.
// https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
func ended(subscription object) bool {
	return slices.Contains([]string{"canceled", "incomplete_expired"}, str(subscription, "status"))
}

// pricesOf lists the ids of the prices that a subscription bills.
func pricesOf(subscription object) []string {
	var out []string
	for _, item := range array(subscription, "items.data") {
		out = append(out, str(item.(object), "price"))
	}
	return out
}

// newSubscription makes an incomplete subscription of lines at a customer; its
// first invoice decides what becomes of it.
func (s *Sim) newSubscription(customer object, lines []line, with object) object {
	first := lines[0].price
	o := s.store.shape("subscription", s.unix(), object{
		"customer": customer["id"], "currency": first["currency"],
		"billing_cycle_anchor": s.unix(), "start_date": s.unix(), "current_period_start": s.unix(),
		"current_period_end": periodEnd(s.unix(), s.unix(), sub(first, "recurring")),
	})
	merge(o, with)
	id := str(o, "id")
	items := make([]any, len(lines))
	for i, l := range lines {
		item := s.store.shape("subscription_item", s.unix(), object{"subscription": id, "price": l.price["id"], "quantity": l.quantity})
		items[i] = item
	}
	merge(o, object{"items": object{"data": items, "url": "/v1/subscription_items?subscription=" + id}})
	s.store.put(o)
	s.plan(s.unix()+23*60*60, "subscription.lapse", id)
	return o
}

func updateSubscription(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("subscription", c.id)
	if err != nil {
		return nil, err
	}
	if ended(o) && !onlyNotes(c.params) {
		return nil, invalid("", "", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	if id := str(c.params, "default_payment_method"); id != "" {
		if _, err := s.named("payment_method", id, "default_payment_method"); err != nil {
			return nil, err
		}
	}
	with := pick(c.params, "default_payment_method", "description")
	with["metadata"] = withMetadata(o, c.params)
	if details := sub(c.params, "cancellation_details"); details != nil {
		with["cancellation_details"] = object{"comment": details["comment"], "feedback": details["feedback"], "reason": at(o, "cancellation_details.reason")}
	}
	if atEnd, sent := c.params["cancel_at_period_end"].(bool); sent {
		s.scheduleEnd(o, with, atEnd)
	}
	if pause, sent := c.params["pause_collection"]; sent {
		s.pause(o, with, pause)
	}
	s.change(o, "customer.subscription.updated", with)
	return o, nil
}

func onlyNotes(params object) bool {
	for k := range params {
		if k != "metadata" && k != "cancellation_details" {
			return false
		}
	}
	return true
}

// scheduleEnd sets or takes back the end at the period's end. canceled_at is
// the moment of the wish, not of the end.
// https://docs.stripe.com/billing/subscriptions/cancel#cancel-at-the-end-of-the-current-billing-cycle
func (s *Sim) scheduleEnd(o, with object, atEnd bool) {
	if flag(o, "cancel_at_period_end") == atEnd {
		return
	}
	details, given := with["cancellation_details"].(object)
	if !given {
		details = cloned(sub(o, "cancellation_details"))
	}
	with["cancel_at_period_end"], with["cancellation_details"] = atEnd, details
	if atEnd {
		with["cancel_at"], with["canceled_at"], details["reason"] = o["current_period_end"], s.unix(), "cancellation_requested"
		return
	}
	with["cancel_at"], with["canceled_at"], details["reason"] = nil, nil, nil
}

// pause sets or clears pause_collection; the status stays as it is.
// https://docs.stripe.com/billing/subscriptions/pause-payment
func (s *Sim) pause(o, with object, pause any) {
	given, ok := pause.(object)
	if !ok {
		with["pause_collection"] = nil
		return
	}
	with["pause_collection"] = object{"behavior": given["behavior"], "resumes_at": given["resumes_at"]}
	if at := num(given, "resumes_at"); at > 0 {
		s.plan(at, "subscription.resume", str(o, "id"))
	}
}

// resumeCollection is what "subscription.resume" does.
func (s *Sim) resumeCollection(id string) {
	o, ok := s.store.find("subscription", id)
	if ok && !ended(o) && sub(o, "pause_collection") != nil && num(o, "pause_collection.resumes_at") <= s.unix() {
		s.change(o, "customer.subscription.updated", object{"pause_collection": nil})
	}
}

// cancelSubscription ends it now. What was paid for is not given back unless
// somebody refunds it. https://docs.stripe.com/api/subscriptions/cancel
func cancelSubscription(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("subscription", c.id)
	if err != nil {
		return nil, err
	}
	if ended(o) {
		return nil, missing("subscription", c.id)
	}
	if flag(c.params, "prorate") || flag(c.params, "invoice_now") {
		return nil, invalid("", "prorate", "Proration on cancellation is not simulated.")
	}
	if details := sub(c.params, "cancellation_details"); details != nil {
		merge(sub(o, "cancellation_details"), details)
	}
	s.endSubscription(o, "cancellation_requested")
	return o, nil
}

// endSubscription cancels now and stops the collection of its open invoices.
func (s *Sim) endSubscription(o object, reason string) {
	if o["canceled_at"] == nil {
		o["canceled_at"] = s.unix()
	}
	o["status"], o["ended_at"] = "canceled", s.unix()
	sub(o, "cancellation_details")["reason"] = reason
	s.stopCollecting(str(o, "id"))
	s.emit("customer.subscription.deleted", o, nil)
}

// statusWanted is the status filter of subscriptions.
// https://docs.stripe.com/api/subscriptions/list#list_subscriptions-status
func statusWanted(have, want string) bool {
	switch want {
	case "all":
		return true
	case "ended":
		return slices.Contains([]string{"canceled", "incomplete_expired"}, have)
	}
	return have == want
}
