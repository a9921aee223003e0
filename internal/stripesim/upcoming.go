package stripesim

// upcomingLead is how long before a renewal invoice.upcoming is sent, in
// seconds. The Dashboard lets one choose; a week is assumed.
// https://docs.stripe.com/billing/subscriptions/webhooks
const upcomingLead = 7 * day

var upcomingFields = fields{
	"coupon":                            id().clearable(),
	"customer":                          id(),
	"subscription":                      id(),
	"subscription_billing_cycle_anchor": oneOf("now", "unchanged"),
	"subscription_cancel_at_period_end": boolean(),
	"subscription_items":                changeFields["items"],
	"subscription_proration_behavior":   changeFields["proration_behavior"],
	"subscription_proration_date":       integer(),
	"subscription_trial_end":            instant(),
}

// upcomingInvoice shows the next invoice of a subscription, also as it would be
// after a change of plan. Nothing is stored.
// https://docs.stripe.com/api/invoices/upcoming
func upcomingInvoice(s *Sim, c *call) (object, *apiError) {
	o, err := s.upcomingOf(c.params)
	if err != nil {
		return nil, err
	}
	ghost := cloned(o)
	if atEnd, sent := c.params["subscription_cancel_at_period_end"].(bool); sent {
		ghost["cancel_at_period_end"] = atEnd
	}
	if id := str(c.params, "coupon"); id != "" {
		coupon, err := s.named("coupon", id, "coupon")
		if err != nil {
			return nil, err
		}
		ghost["discount"] = s.store.part("discount", object{"coupon": s.shown(coupon), "customer": o["customer"], "subscription": o["id"], "start": s.unix()})
	}
	change, err := s.readChange(ghost, object{
		"items": c.params["subscription_items"], "proration_behavior": c.params["subscription_proration_behavior"],
		"proration_date": c.params["subscription_proration_date"], "billing_cycle_anchor": c.params["subscription_billing_cycle_anchor"],
		"trial_end": c.params["subscription_trial_end"],
	})
	if err != nil {
		return nil, err
	}
	return s.preview(ghost, change)
}

func (s *Sim) upcomingOf(p object) (object, *apiError) {
	if id := str(p, "subscription"); id != "" {
		o, err := s.named("subscription", id, "subscription")
		if err == nil && ended(o) {
			err = noneUpcoming(str(o, "customer"))
		}
		return o, err
	}
	customer, err := s.named("customer", str(p, "customer"), "customer")
	if err != nil {
		return nil, err
	}
	var soonest object
	for _, o := range s.store.where("subscription", "customer", str(customer, "id")) {
		if !ended(o) && (soonest == nil || num(o, "current_period_end") < num(soonest, "current_period_end")) {
			soonest = o
		}
	}
	if soonest == nil {
		return nil, noneUpcoming(str(customer, "id"))
	}
	return soonest, nil
}

func noneUpcoming(customer string) *apiError {
	e := invalid("invoice_upcoming_none", "", "No upcoming invoices for customer: '%s'", customer)
	e.status = 404
	return e
}

// preview composes the next invoice of a copy of a subscription, after a change
// if there is one.
func (s *Sim) preview(ghost object, change *planChange) (object, *apiError) {
	lines := itemLines(s.pendingItems(ghost))
	if change != nil {
		lines = append(itemLines(s.changeItems(ghost, change)), lines...)
		s.replaceItems(ghost, change)
	}
	from, to, at := num(ghost, "current_period_start"), num(ghost, "current_period_end"), s.unix()
	switch {
	case change != nil && change.invoicesNow():
		if change.restarts {
			s.restartCycle(ghost)
			lines = append(lines, s.cycleLines(ghost)...)
		}
	case !flag(ghost, "cancel_at_period_end"):
		s.nextPeriod(ghost)
		lines, at = append(lines, s.cycleLines(ghost)...), to
	}
	if len(lines) == 0 {
		return nil, noneUpcoming(str(ghost, "customer"))
	}
	return s.upcoming(ghost, from, to, at, lines), nil
}

// upcoming is an invoice without an id, as nobody has made it yet.
func (s *Sim) upcoming(ghost object, from, to, at int64, lines []object) object {
	o := s.compose(ghost, "upcoming", from, to, lines)
	delete(o, "id")
	sub(o, "lines")["url"] = "/v1/invoices/upcoming/lines?subscription=" + str(ghost, "id")
	o["created"], o["next_payment_attempt"] = at, at+draftLife
	_, o["ending_balance"] = dueOf(num(o, "total"), num(o, "starting_balance"), str(o, "currency"))
	return o
}

// nextPeriod moves a subscription into its next period.
func (s *Sim) nextPeriod(o object) {
	end := num(o, "current_period_end")
	price := s.store.byID[pricesOf(o)[0]]
	o["current_period_start"] = end
	o["current_period_end"] = periodEnd(num(o, "billing_cycle_anchor"), end, sub(price, "recurring"))
}

// announceRenewal is what "invoice.upcoming" does, some days before a renewal.
func (s *Sim) announceRenewal(id string) {
	o, ok := s.store.find("subscription", id)
	if !ok || num(o, "current_period_end") != s.unix()+upcomingLead || str(o, "status") != "active" && str(o, "status") != "trialing" {
		return
	}
	if invoice, err := s.preview(cloned(o), nil); err == nil {
		s.emit("invoice.upcoming", invoice, nil)
	}
}
