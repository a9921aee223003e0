package stripesim

import "net/http"

var chargeFilters = fields{"customer": id(), "payment_intent": id(), "created": timeRange()}

// newPayment makes a payment intent that nobody has tried to pay yet.
func (s *Sim) newPayment(amount int64, currency string, with object) object {
	with["amount"], with["currency"] = amount, currency
	o := s.add("payment_intent", with)
	o["client_secret"] = str(o, "id") + "_secret_" + letters(24)
	s.emit("payment_intent.created", o, nil)
	return o
}

// pay tries a payment intent with a payment method once. A card's charge
// succeeds unless refused says why not, which is Stripe's 402; if its holder
// must first prove who they are there is no charge yet. A direct debit is only
// begun: without an error the intent is "succeeded" or "processing".
// https://docs.stripe.com/payments/paymentintents/lifecycle
func (s *Sim) pay(intent, method object, refused *decline) *apiError {
	if refused == mustProve {
		return s.askProof(intent, method)
	}
	charge := s.newCharge(intent, method)
	switch {
	case isDebit(method):
		s.startDebit(intent, charge, method, refused)
		return nil
	case refused != nil:
		return s.payFailed(intent, charge, method, refused)
	}
	s.succeed(intent, charge)
	if cardBehind(method).dispute != "" {
		s.plan(s.unix(), "charge.dispute", str(charge, "id"))
	}
	return nil
}

// succeed is what becomes of a charge that brought money.
func (s *Sim) succeed(intent, charge object) {
	merge(charge, object{
		"status": "succeeded", "paid": true, "captured": true, "amount_captured": charge["amount"],
		"balance_transaction": s.bookCharge(charge)["id"],
		"outcome": object{"network_status": "approved_by_network", "reason": nil, "risk_level": "normal",
			"risk_score": int64(20), "seller_message": "Payment complete.", "type": "authorized"},
	})
	merge(intent, object{
		"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"],
		"payment_method": charge["payment_method"], "last_payment_error": nil, "next_action": nil,
	})
	s.emit("charge.succeeded", charge, nil)
	s.emit("payment_intent.succeeded", intent, nil)
}

// disputeByMethod is what "charge.dispute" does: some test cards and accounts
// dispute each payment. https://docs.stripe.com/testing#disputes
func (s *Sim) disputeByMethod(id string) {
	charge, ok := s.store.find("charge", id)
	if !ok || flag(charge, "disputed") {
		return
	}
	method := s.store.byID[str(charge, "payment_method")]
	switch c := cardBehind(method); {
	case isDebit(method):
		s.dispute(charge, "debit_not_authorized", "needs_response")
	case c.inquiry:
		s.dispute(charge, c.dispute, "warning_needs_response")
	default:
		s.dispute(charge, c.dispute, "needs_response")
	}
}

func (s *Sim) newCharge(intent, method object) object {
	charge := s.store.shape("charge", s.unix(), pick(intent, "amount", "currency", "customer", "description", "invoice", "metadata", "receipt_email"))
	merge(charge, object{
		"payment_intent": intent["id"], "payment_method": method["id"],
		"billing_details": cloned(sub(method, "billing_details")),
	})
	if isDebit(method) {
		charge["payment_method_details"] = debitDetails(method)
	} else {
		merge(charge, object{"payment_method_details": object{"card": object{
			"brand": at(method, "card.brand"), "network": at(method, "card.brand"), "last4": at(method, "card.last4"),
			"exp_month": at(method, "card.exp_month"), "exp_year": at(method, "card.exp_year"),
			"fingerprint": at(method, "card.fingerprint"), "overcapture": object{"maximum_amount_capturable": intent["amount"]},
		}}})
	}
	s.store.put(charge)
	return charge
}

func (s *Sim) payFailed(intent, charge, method object, why *decline) *apiError {
	merge(charge, object{
		"status": "failed", "failure_code": why.code, "failure_message": why.message,
		"outcome": object{"network_status": "declined_by_network", "reason": orNull(firstOf(why.reason, why.code)), "risk_level": "normal",
			"risk_score": int64(20), "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined"},
	})
	refusal := object{"charge": charge["id"], "payment_method": s.shown(method)}
	if why.reason != "" {
		refusal["decline_code"] = why.reason
	}
	e := &apiError{status: http.StatusPaymentRequired, kind: "card_error", code: why.code, message: why.message, more: refusal}
	merge(intent, object{"status": "requires_payment_method", "latest_charge": charge["id"], "next_action": nil})
	intent["last_payment_error"] = e.body()["error"]
	s.emit("charge.failed", charge, nil)
	s.emit("payment_intent.payment_failed", intent, nil)
	e.more = cloned(refusal)
	e.more["payment_intent"] = s.shown(intent)
	return e
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
