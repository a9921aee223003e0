package stripesim

import "maps"

// trialEnding is how long before its end a trial is announced, in seconds.
// https://docs.stripe.com/billing/subscriptions/trials#manage-trial
const trialEnding = 3 * day

var trialSettings = hash(fields{
	"end_behavior": hash(fields{"missing_payment_method": oneOf("cancel", "create_invoice", "pause").required()}).required(),
})

// trialFrom reads when a new subscription's trial ends; no earlier than least
// seconds from now.
func (s *Sim) trialFrom(p, with object, where string, least int64) *apiError {
	days, byDays := p["trial_period_days"].(int64)
	end, byTime := p["trial_end"].(int64)
	switch {
	case byDays && byTime:
		return invalid("", under(where, "trial_end"), "You may only specify one of these parameters: trial_end, trial_period_days.")
	case byDays && (days < 1 || days > 730):
		return invalid("", under(where, "trial_period_days"), "Invalid trial_period_days: must be between 1 and 730.")
	case byDays:
		end, byTime = s.unix()+days*day, true
	case byTime && end < s.unix()+least:
		return invalid("", under(where, "trial_end"), "Invalid timestamp: the trial must end at least %d hours from now.", least/3600)
	}
	if byTime {
		with["trial_end"] = end
	}
	if settings := sub(p, "trial_settings"); settings != nil {
		with["trial_settings"] = cloned(settings)
	}
	return nil
}

// startTrial turns a new subscription into one on trial: its first period is
// the trial, and its billing cycle begins when the trial ends.
// https://docs.stripe.com/billing/subscriptions/trials
func (s *Sim) startTrial(o object) {
	end := num(o, "trial_end")
	merge(o, object{"status": "trialing", "trial_start": s.unix(), "current_period_end": end, "billing_cycle_anchor": end})
	s.plan(max(s.unix(), end-trialEnding), "trial.ending", str(o, "id"))
}

// extendTrial moves the end of a trial that is under way.
func (s *Sim) extendTrial(o, with, p object) *apiError {
	end, sent := p["trial_end"].(int64)
	switch {
	case !sent:
		return nil
	case !inTrial(o):
		return invalid("", "trial_end", "A trial after the first payment is not simulated.")
	case end <= s.unix():
		return invalid("", "trial_end", "The trial must end in the future; pass `now` to end it at once.")
	}
	maps.Copy(with, object{"trial_end": end, "current_period_end": end, "billing_cycle_anchor": end})
	s.plan(end, "subscription.renew", str(o, "id"))
	s.plan(max(s.unix(), end-trialEnding), "trial.ending", str(o, "id"))
	return nil
}

// inTrial says whether the present period is the trial.
func inTrial(subscription object) bool {
	return has(subscription, "trial_end") && num(subscription, "trial_end") == num(subscription, "current_period_end")
}

// announceTrialEnd is what "trial.ending" does.
func (s *Sim) announceTrialEnd(id string) {
	o, ok := s.store.find("subscription", id)
	if ok && str(o, "status") == "trialing" && num(o, "trial_end")-trialEnding <= s.unix() {
		s.emit("customer.subscription.trial_will_end", o, nil)
	}
}

// leaveTrial says whether a trial that ends goes on as a subscription. Without
// a payment method, trial_settings decide.
// https://docs.stripe.com/billing/subscriptions/trials#create-free-trials-without-payment
func (s *Sim) leaveTrial(o object) bool {
	if s.methodFor(o) != nil {
		return true
	}
	switch str(o, "trial_settings.end_behavior.missing_payment_method") {
	case "cancel":
		s.endSubscription(o, "")
		return false
	case "pause":
		s.change(o, "customer.subscription.updated", object{"status": "paused"})
		s.emit("customer.subscription.paused", o, nil)
		return false
	}
	return true
}

var resumeFields = fields{
	"billing_cycle_anchor": oneOf("now"), // an unchanged anchor is not simulated
	"proration_behavior":   oneOf("always_invoice", "create_prorations", "none"),
}

// resumeSubscription begins a new billing cycle for a paused subscription, and
// collects its invoice now. https://docs.stripe.com/api/subscriptions/resume
func resumeSubscription(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("subscription", c.id)
	if err != nil {
		return nil, err
	}
	if str(o, "status") != "paused" {
		return nil, invalid("", "", "Only subscriptions with a status of `paused` can be resumed. This subscription has a status of `%s`.", str(o, "status"))
	}
	before := cloned(o)
	s.restartCycle(o)
	o["status"] = "active"
	invoice := s.newInvoice(o, "subscription_update", s.unix(), s.unix())
	o["latest_invoice"] = invoice["id"]
	s.emit("customer.subscription.updated", o, difference(before, o))
	s.emit("customer.subscription.resumed", o, nil)
	s.planRenewal(o)
	s.emit("invoice.created", invoice, nil)
	s.finalize(invoice)
	s.charge(invoice, o)
	return o, nil
}

// restartCycle begins a subscription's billing cycle anew, now.
func (s *Sim) restartCycle(o object) {
	price := s.store.byID[pricesOf(o)[0]]
	end := periodEnd(s.unix(), s.unix(), sub(price, "recurring"))
	merge(o, object{"billing_cycle_anchor": s.unix(), "current_period_start": s.unix(), "current_period_end": end})
	if flag(o, "cancel_at_period_end") {
		o["cancel_at"] = end
	}
}
