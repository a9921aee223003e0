package stripesim

// draftLife is how long a renewal's invoice stays a draft, in seconds.
// https://docs.stripe.com/billing/invoices/subscription#subscription-lifecycle-events
const draftLife = 60 * 60

// renew is what "subscription.renew" does at a period's end: the period moves
// first, then the invoice is drafted. The card is tried an hour later.
func (s *Sim) renew(id string) {
	o, ok := s.store.find("subscription", id)
	if !ok || ended(o) || str(o, "status") == "incomplete" || str(o, "status") == "paused" || num(o, "current_period_end") != s.unix() {
		return
	}
	if num(o, "cancel_at") == s.unix() {
		s.endSubscription(o, "cancellation_requested")
		return
	}
	if str(o, "status") == "trialing" && !s.leaveTrial(o) {
		return
	}
	from, to := num(o, "current_period_start"), num(o, "current_period_end")
	before := cloned(o)
	s.nextPeriod(o)
	if str(o, "status") == "trialing" {
		o["status"] = "active"
	}
	invoice := s.newInvoice(o, "subscription_cycle", from, to)
	o["latest_invoice"] = invoice["id"]
	invoice["_declined"] = o["_decline"]
	delete(o, "_decline")
	s.emit("customer.subscription.updated", o, difference(before, o))
	s.planRenewal(o)

	if s.keepsDraft(o, invoice) {
		invoice["auto_advance"] = false
	} else {
		invoice["next_payment_attempt"] = s.unix() + draftLife
		s.plan(s.unix()+draftLife, "invoice.finalize", str(invoice, "id"))
	}
	s.emit("invoice.created", invoice, nil)
}

// keepsDraft notes what a pause means for an invoice made during it, and says
// whether nothing more will happen to it. An unpaid subscription's invoices
// stay drafts too.
// https://docs.stripe.com/billing/subscriptions/overview#unpaid
func (s *Sim) keepsDraft(subscription, invoice object) bool {
	invoice["_pause"] = str(subscription, "pause_collection.behavior")
	return invoice["_pause"] == "keep_as_draft" || str(subscription, "status") == "unpaid"
}

func (s *Sim) planRenewal(subscription object) {
	end, id := num(subscription, "current_period_end"), str(subscription, "id")
	s.plan(end, "subscription.renew", id)
	if end-upcomingLead > s.unix() {
		s.plan(end-upcomingLead, "subscription.upcoming", id)
	}
}

// finalizeDraft is what "invoice.finalize" does, an hour after a renewal.
func (s *Sim) finalizeDraft(id string) {
	o, ok := s.store.find("invoice", id)
	if !ok || str(o, "status") != "draft" || !flag(o, "auto_advance") {
		return
	}
	s.finalize(o)
	if behavior := str(o, "_pause"); behavior != "" {
		s.forgo(o, behavior)
		return
	}
	s.charge(o, s.store.byID[str(o, "subscription")])
}

// forgo ends an open invoice without a payment, as pause_collection asks.
func (s *Sim) forgo(o object, behavior string) {
	status, at, event := "void", "voided_at", "invoice.voided"
	if behavior == "mark_uncollectible" {
		status, at, event = "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible"
	}
	if status == "void" {
		s.returnBalance(o)
	}
	if intent, ok := s.store.find("payment_intent", str(o, "payment_intent")); ok && status == "void" {
		merge(intent, object{"status": "canceled", "canceled_at": s.unix(), "cancellation_reason": "void_invoice"})
		s.emit("payment_intent.canceled", intent, nil)
	}
	merge(o, object{"status": status, "auto_advance": false, "status_transitions": object{at: s.unix()}})
	s.emit(event, o, nil)
}

// charge tries a renewal's open invoice and draws the consequences. A direct
// debit has none yet.
func (s *Sim) charge(o, subscription object) {
	method := s.methodFor(subscription)
	if err := s.collect(o, method, s.laterDecline(o, method)); err == nil {
		s.recover(subscription)
		return
	}
	s.missed(o, subscription)
}

// missed is what an unpaid invoice means for its subscription: a retry, or the
// end. What waits for its reader's proof is not retried.
func (s *Sim) missed(o, subscription object) {
	retry := int(num(o, "attempt_count")) - 1
	switch {
	case needsProof(s.store.byID[str(o, "payment_intent")]):
		o["next_payment_attempt"] = nil
		s.plan(s.unix()+s.proofTime(), "invoice.unproven", str(o, "id"))
	case retry >= len(s.cfg.Retries):
		s.giveUp(o, subscription)
		return
	default:
		next := s.unix() + int64(s.cfg.Retries[retry].Seconds())
		o["next_payment_attempt"] = next
		s.plan(next, "invoice.retry", str(o, "id"))
	}
	s.tellUnpaid(o)
	s.change(subscription, "customer.subscription.updated", object{"status": "past_due"})
}

// laterDecline says how a charge without the card's holder fares.
func (s *Sim) laterDecline(invoice, method object) *decline {
	if flag(invoice, "_declined") {
		return generic
	}
	return cardBehind(method).later
}

// recover makes a subscription active again once its latest invoice is paid or
// given up. Drafts do not count: an unpaid subscription goes on making them.
// https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
func (s *Sim) recover(subscription object) {
	latest := s.latestFinalized(subscription)
	if status := str(latest, "status"); !ended(subscription) && (status == "paid" || status == "uncollectible") {
		s.change(subscription, "customer.subscription.updated", object{"status": "active"})
	}
}

func (s *Sim) latestFinalized(subscription object) object {
	for _, o := range s.store.where("invoice", "subscription", str(subscription, "id")) {
		if str(o, "status") != "draft" {
			return o
		}
	}
	return nil
}

// retryInvoice is what "invoice.retry" does.
func (s *Sim) retryInvoice(id string) {
	o, ok := s.store.find("invoice", id)
	if ok && str(o, "status") == "open" && num(o, "next_payment_attempt") == s.unix() {
		s.charge(o, s.store.byID[str(o, "subscription")])
	}
}

// giveUp is what happens when the last retry has failed.
// https://docs.stripe.com/billing/revenue-recovery/smart-retries
func (s *Sim) giveUp(o, subscription object) {
	o["next_payment_attempt"] = nil
	s.emit("invoice.payment_failed", o, nil)
	switch s.cfg.AfterRetries {
	case "unpaid", "past_due":
		s.change(subscription, "customer.subscription.updated", object{"status": s.cfg.AfterRetries})
	default:
		s.endSubscription(subscription, "payment_failed")
	}
}

// lapseIncomplete is what "subscription.lapse" does: a first payment that is
// not made within 23 hours ends the subscription.
// https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
func (s *Sim) lapseIncomplete(id string) {
	o, ok := s.store.find("subscription", id)
	if !ok || str(o, "status") != "incomplete" {
		return
	}
	if invoice, ok := s.store.find("invoice", str(o, "latest_invoice")); ok && str(invoice, "status") == "open" {
		s.forgo(invoice, "void")
	}
	s.change(o, "customer.subscription.updated", object{"status": "incomplete_expired"})
}
