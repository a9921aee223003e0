package stripesim

import (
	"maps"
	"slices"
)

// line is a price with how many of it are bought.
type line struct {
	price    object
	quantity int64
}

var subscriptionFilters = fields{
	"collection_method":  oneOf("charge_automatically", "send_invoice"),
	"created":            timeRange(),
	"current_period_end": timeRange(), "current_period_start": timeRange(),
	"customer":   id(),
	"price":      id(),
	"test_clock": id(),
	"status":     oneOf("active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid"),
}

// subscriptionFields are what a subscription can be told at any time.
var subscriptionFields = voucherFields.and(fields{
	"cancel_at":              integer().clearable(),
	"cancel_at_period_end":   boolean(),
	"default_payment_method": id(),
	"description":            text(500).clearable(),
	"metadata":               metadata(),
	"payment_settings":       hash(fields{"save_default_payment_method": oneOf("off", "on_subscription")}),
	"proration_behavior":     oneOf("always_invoice", "create_prorations", "none"),
	"trial_settings":         trialSettings,
})

var subscriptionUpdateFields = subscriptionFields.and(changeFields).and(fields{
	"cancellation_details": cancellationFields,
	"pause_collection": hash(fields{
		"behavior":   oneOf("keep_as_draft", "mark_uncollectible", "void").required(),
		"resumes_at": integer(),
	}).clearable(),
})

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

// newSubscription makes a subscription of lines at a customer, on trial or
// incomplete; then its first invoice decides what becomes of it.
func (s *Sim) newSubscription(customer object, lines []line, with object) object {
	first := lines[0].price
	o := s.store.shape("subscription", s.unix(), object{
		"customer": customer["id"], "currency": first["currency"], "test_clock": customer["test_clock"],
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
	if has(o, "trial_end") {
		s.startTrial(o)
	} else {
		s.plan(s.unix()+23*60*60, "subscription.lapse", id)
	}
	return o
}

// updateSubscription checks everything first, and then changes all of it in one
// event; an invoice that a change of plan makes is tried afterwards.
// https://docs.stripe.com/api/subscriptions/update
func updateSubscription(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("subscription", c.id)
	if err != nil {
		return nil, err
	}
	if ended(o) && !onlyNotes(c.params) {
		return nil, invalid("", "", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	with, err := s.wishes(o, c.params)
	if err != nil {
		return nil, err
	}
	wanted, err := s.voucherFrom(c.params, s.store.byID[str(o, "customer")], "")
	if err != nil {
		return nil, err
	}
	change, err := s.readChange(o, c.params)
	if err == nil {
		err = s.refusedChange(o, change)
	}
	if err != nil {
		return nil, err
	}
	before := cloned(o)
	maps.Copy(o, with)
	s.changeDiscount(o, c.params, wanted)
	var invoice object
	if change != nil {
		invoice = s.changePlan(o, change)
	}
	s.told(o, "customer.subscription.updated", before)
	s.collectChange(o, invoice, str(c.params, "payment_behavior"))
	return o, nil
}

// wishes reads what a subscription shall be besides its items.
func (s *Sim) wishes(o, p object) (object, *apiError) {
	with := pick(p, "description")
	with["metadata"] = withMetadata(o, p)
	if id := str(p, "default_payment_method"); id != "" {
		method, err := s.attach(id, s.store.byID[str(o, "customer")], "default_payment_method")
		if err != nil {
			return nil, err
		}
		with["default_payment_method"] = method["id"]
	}
	if settings := sub(p, "trial_settings"); settings != nil {
		with["trial_settings"] = cloned(settings)
	}
	if details := sub(p, "cancellation_details"); details != nil {
		with["cancellation_details"] = object{"comment": details["comment"], "feedback": details["feedback"], "reason": at(o, "cancellation_details.reason")}
	}
	if pause, sent := p["pause_collection"]; sent {
		s.pause(o, with, pause)
	}
	if err := s.extendTrial(o, with, p); err != nil {
		return nil, err
	}
	return with, s.wishedEnd(o, with, p)
}

// changeDiscount gives the subscription a coupon, or takes its discount away if
// the parameter was sent empty.
func (s *Sim) changeDiscount(o, p object, wanted *voucher) {
	coupon, sent := p["coupon"]
	switch {
	case wanted != nil:
		s.redeem(o, wanted, object{"customer": o["customer"], "subscription": o["id"]})
	case sent && coupon == nil:
		s.dropDiscount(o)
	}
}

func onlyNotes(params object) bool {
	for k := range params {
		if k != "metadata" && k != "cancellation_details" {
			return false
		}
	}
	return true
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
