package stripesim

import "net/http"

// askProof stops a payment until the card's holder has proved who they are:
// 3-D Secure. No charge is made. https://docs.stripe.com/payments/3d-secure
func (s *Sim) askProof(intent, method object) *apiError {
	merge(intent, object{
		"status": "requires_action", "payment_method": method["id"],
		"next_action": object{"type": "use_stripe_sdk", "use_stripe_sdk": object{"type": "three_d_secure_redirect"}},
	})
	s.emit("payment_intent.requires_action", intent, nil)
	e := mustProve.error()
	e.more["payment_intent"] = s.shown(intent)
	e.more["payment_method"] = s.shown(method)
	return e
}

// needsProof says that a payment waits for its card's holder.
func needsProof(intent object) bool { return str(intent, "status") == "requires_action" }

// proofFailed is the end of a payment whose holder could not prove it; intent is
// nil where a trial has no payment yet.
// https://docs.stripe.com/error-codes#payment-intent-authentication-failure
func (s *Sim) proofFailed(intent, method object) *apiError {
	e := &apiError{
		status: http.StatusPaymentRequired, kind: "card_error", code: "payment_intent_authentication_failure",
		message: "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
		more:    object{"payment_method": s.shown(method)},
	}
	if intent == nil {
		return e
	}
	merge(intent, object{"status": "requires_payment_method", "next_action": nil, "payment_method": nil})
	intent["last_payment_error"] = e.body()["error"]
	s.emit("payment_intent.payment_failed", intent, nil)
	return e
}

// tellUnpaid tells that an invoice was not paid, and whether its reader can
// still prove the payment. https://docs.stripe.com/billing/subscriptions/webhooks
func (s *Sim) tellUnpaid(invoice object) {
	if needsProof(s.store.byID[str(invoice, "payment_intent")]) {
		s.emit("invoice.payment_action_required", invoice, nil)
	}
	s.emit("invoice.payment_failed", invoice, nil)
}

// unproven is what "invoice.unproven" does: a renewal that waited for its reader
// was neither proved nor paid otherwise, so it has failed for good.
// https://docs.stripe.com/billing/subscriptions/overview#requires-action
func (s *Sim) unproven(id string) {
	o, ok := s.store.find("invoice", id)
	subscription := s.store.byID[str(o, "subscription")]
	if ok && s.payable(o) && !has(o, "next_payment_attempt") && !ended(subscription) {
		s.giveUp(o, subscription)
	}
}

// proofTime is how long a renewal waits to be proved: as long as retries take.
func (s *Sim) proofTime() (seconds int64) {
	for _, wait := range s.cfg.Retries {
		seconds += int64(wait.Seconds())
	}
	return seconds
}
