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

// pay tries a payment intent with a payment method once: one charge, which
// succeeds unless refused says why not. The error is Stripe's 402.
// https://docs.stripe.com/payments/paymentintents/lifecycle
func (s *Sim) pay(intent, method object, refused *decline) *apiError {
	charge := s.newCharge(intent, method)
	if refused != nil {
		return s.payFailed(intent, charge, method, refused)
	}
	txn := s.settle("charge", charge, num(charge, "amount"), fee(num(charge, "amount")))
	merge(charge, object{
		"status": "succeeded", "paid": true, "captured": true, "amount_captured": charge["amount"],
		"balance_transaction": txn["id"],
		"outcome": object{"network_status": "approved_by_network", "reason": nil, "risk_level": "normal",
			"risk_score": int64(20), "seller_message": "Payment complete.", "type": "authorized"},
	})
	merge(intent, object{
		"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"],
		"payment_method": method["id"], "last_payment_error": nil,
	})
	s.emit("charge.succeeded", charge, nil)
	s.emit("payment_intent.succeeded", intent, nil)
	return nil
}

func (s *Sim) newCharge(intent, method object) object {
	charge := s.store.shape("charge", s.unix(), pick(intent, "amount", "currency", "customer", "description", "invoice", "metadata", "receipt_email"))
	merge(charge, object{
		"payment_intent": intent["id"], "payment_method": method["id"],
		"billing_details": cloned(sub(method, "billing_details")),
		"payment_method_details": object{"card": object{
			"brand": at(method, "card.brand"), "network": at(method, "card.brand"), "last4": at(method, "card.last4"),
			"exp_month": at(method, "card.exp_month"), "exp_year": at(method, "card.exp_year"),
			"fingerprint": at(method, "card.fingerprint"), "overcapture": object{"maximum_amount_capturable": intent["amount"]},
		}},
	})
	s.store.put(charge)
	return charge
}

func (s *Sim) payFailed(intent, charge, method object, why *decline) *apiError {
	merge(charge, object{
		"failure_code": why.code, "failure_message": why.message,
		"outcome": object{"network_status": "declined_by_network", "reason": orNull(firstOf(why.reason, why.code)), "risk_level": "normal",
			"risk_score": int64(20), "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined"},
	})
	refusal := object{"charge": charge["id"], "payment_method": s.shown(method)}
	if why.reason != "" {
		refusal["decline_code"] = why.reason
	}
	e := &apiError{status: http.StatusPaymentRequired, kind: "card_error", code: why.code, message: why.message, more: refusal}
	intent["status"] = "requires_payment_method"
	intent["latest_charge"] = charge["id"]
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

// balanceFilters are the filters of GET /v1/balance_transactions.
var balanceFilters = fields{"created": timeRange(), "currency": currency(), "source": id(), "type": text(255)}

// settle books a movement of the account's balance. amount is signed.
func (s *Sim) settle(typ string, source object, amount, fee int64) object {
	details := []any{}
	if fee != 0 {
		details = append(details, object{"amount": fee, "application": nil, "currency": source["currency"],
			"description": "Stripe processing fees", "type": "stripe_fee"})
	}
	return s.add("balance_transaction", object{
		"type": typ, "reporting_category": typ, "source": source["id"], "currency": source["currency"],
		"amount": amount, "fee": fee, "net": amount - fee, "fee_details": details, "description": source["description"],
		"available_on": s.unix(), "status": "available",
	})
}
