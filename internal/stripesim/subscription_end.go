package stripesim

var cancellationFields = hash(fields{
	"comment":  text(5000).clearable(),
	"feedback": oneOf("customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex", "too_expensive", "unused").clearable(),
})

var cancelFields = fields{"cancellation_details": cancellationFields, "invoice_now": boolean(), "prorate": boolean()}

// scheduleEnd sets or takes back the end at the period's end. canceled_at is
// the moment of the wish, not of the end.
// https://docs.stripe.com/billing/subscriptions/cancel#cancel-at-the-end-of-the-current-billing-cycle
func (s *Sim) scheduleEnd(o, with object, atEnd bool) {
	if flag(o, "cancel_at_period_end") == atEnd {
		return
	}
	if atEnd {
		s.wish(o, with, o["current_period_end"], s.unix(), "cancellation_requested")
	} else {
		s.wish(o, with, nil, nil, nil)
	}
	with["cancel_at_period_end"] = atEnd
}

// wishedEnd reads cancel_at and cancel_at_period_end.
func (s *Sim) wishedEnd(o, with, p object) *apiError {
	if atEnd, sent := p["cancel_at_period_end"].(bool); sent {
		if has(p, "cancel_at") {
			return invalid("", "cancel_at", "You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
		}
		s.scheduleEnd(o, with, atEnd)
	}
	end, sent := p["cancel_at"]
	if !sent {
		return nil
	}
	if end == nil {
		s.wish(o, with, nil, nil, nil)
		return nil
	}
	if err := s.checkEnd(o, p, end.(int64)); err != nil {
		return err
	}
	s.wish(o, with, end, s.unix(), "cancellation_requested")
	s.plan(end.(int64), "subscription.cancel", str(o, "id"))
	return nil
}

// wish notes when a subscription is to end, since when, and why; all nil for a
// wish taken back.
func (s *Sim) wish(o, with object, end, since, reason any) {
	details, given := with["cancellation_details"].(object)
	if !given {
		details = cloned(sub(o, "cancellation_details"))
	}
	details["reason"] = reason
	with["cancellation_details"], with["cancel_at"], with["canceled_at"], with["cancel_at_period_end"] = details, end, since, false
}

// checkEnd refuses an end that Stripe would prorate. The end of a period, this
// one or a later, needs none.
// https://docs.stripe.com/api/subscriptions/update#update_subscription-cancel_at
func (s *Sim) checkEnd(o, p object, end int64) *apiError {
	if end <= s.unix() {
		return invalid("", "cancel_at", "The subscription's `cancel_at` must be in the future.")
	}
	ghost := cloned(o)
	for num(ghost, "current_period_end") < end {
		s.nextPeriod(ghost)
	}
	within := end <= num(o, "current_period_end")
	if num(ghost, "current_period_end") != end && (!within || str(p, "proration_behavior") != "none") {
		return invalid("", "cancel_at", "An end within a period is simulated only for the present one, with `proration_behavior=none`.")
	}
	return nil
}

// cancelDue is what "subscription.cancel" does.
func (s *Sim) cancelDue(id string) {
	if o, ok := s.store.find("subscription", id); ok && !ended(o) && num(o, "cancel_at") == s.unix() {
		s.endSubscription(o, "cancellation_requested")
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
	if details := sub(c.params, "cancellation_details"); details != nil {
		merge(sub(o, "cancellation_details"), details)
	}
	s.cancelNow(o, flag(c.params, "prorate"), flag(c.params, "invoice_now"))
	return o, nil
}

// cancelNow ends a subscription; prorate gives back what is not used, and
// invoiceNow bills that and whatever else waits.
func (s *Sim) cancelNow(o object, prorate, invoiceNow bool) {
	var unused []object
	if prorate && !inTrial(o) {
		unused = s.prorations(o, allItems(o), s.unix(), false)
	}
	s.endSubscription(o, "cancellation_requested")
	for _, item := range unused {
		s.keepItem(item)
	}
	if invoiceNow {
		s.lastInvoice(o)
	}
}

// lastInvoice bills what is pending for a subscription that was canceled; what
// comes back goes to the customer's balance.
// https://docs.stripe.com/api/subscriptions/cancel#cancel_subscription-invoice_now
func (s *Sim) lastInvoice(o object) {
	pending := s.pendingItems(o)
	if len(pending) == 0 {
		return
	}
	invoice := s.draft(o, "subscription_update", s.unix(), s.unix(), itemLines(pending), pending)
	o["latest_invoice"] = invoice["id"]
	s.emit("invoice.created", invoice, nil)
	s.finalize(invoice)
	method := s.methodFor(o)
	if err := s.collect(invoice, method, s.laterDecline(invoice, method)); err != nil {
		s.tellUnpaid(invoice)
	}
}

// endSubscription cancels now and stops the collection of its open invoices.
func (s *Sim) endSubscription(o object, reason string) {
	if o["canceled_at"] == nil {
		o["canceled_at"] = s.unix()
	}
	o["status"], o["ended_at"] = "canceled", s.unix()
	sub(o, "cancellation_details")["reason"] = orNull(reason)
	s.stopCollecting(str(o, "id"))
	s.emit("customer.subscription.deleted", o, nil)
}
