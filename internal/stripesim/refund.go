package stripesim

var refundFields = fields{
	"amount":         integer(),
	"charge":         id(),
	"metadata":       metadata(),
	"payment_intent": id(),
	"reason":         oneOf("duplicate", "fraudulent", "requested_by_customer"),
}

var refundFilters = fields{"charge": id(), "payment_intent": id(), "created": timeRange()}

func createRefund(s *Sim, c *call) (object, *apiError) {
	charge, err := s.chargeToRefund(c.params)
	if err != nil {
		return nil, err
	}
	return s.refund(charge, c.params)
}

func (s *Sim) chargeToRefund(params object) (object, *apiError) {
	intentID, chargeID := str(params, "payment_intent"), str(params, "charge")
	if intentID == "" && chargeID == "" {
		return nil, invalid("parameter_missing", "charge", "One of the following params should be provided for this request: payment_intent or charge.")
	}
	if intentID != "" {
		intent, err := s.named("payment_intent", intentID, "payment_intent")
		if err != nil {
			return nil, err
		}
		if str(intent, "status") != "succeeded" {
			return nil, invalid("", "payment_intent", "This PaymentIntent (%s) does not have a successful charge to refund.", intentID)
		}
		latest := str(intent, "latest_charge")
		if chargeID != "" && chargeID != latest {
			return nil, invalid("", "charge", "The charge %s does not belong to the payment intent %s.", chargeID, intentID)
		}
		chargeID = latest
	}
	return s.named("charge", chargeID, "charge")
}

// refund gives back an amount of a charge, or all that is left of it. The fee
// stays paid. https://docs.stripe.com/refunds
func (s *Sim) refund(charge, params object) (object, *apiError) {
	left := num(charge, "amount_captured") - num(charge, "amount_refunded")
	amount, sent := params["amount"].(int64)
	if !sent {
		amount = left
	}
	if err := s.refundable(charge, amount, left); err != nil {
		return nil, err
	}
	o := s.store.shape("refund", s.unix(), pick(charge, "currency", "payment_intent"))
	merge(o, object{"amount": amount, "charge": charge["id"], "metadata": withMetadata(nil, params)})
	merge(o, pick(params, "reason"))
	if isDebit(charge) {
		delete(o, "destination_details")
	}
	s.store.put(o)
	o["balance_transaction"] = s.bookRefund(o, charge)["id"]
	s.startRefund(o, charge)
	s.change(charge, "charge.refunded", object{
		"amount_refunded": num(charge, "amount_refunded") + amount,
		"refunded":        amount == left,
	})
	s.emit("refund.created", o, nil)
	return o, nil
}

func (s *Sim) refundable(charge object, amount, left int64) *apiError {
	id, currency := str(charge, "id"), str(charge, "currency")
	switch {
	case !flag(charge, "paid"):
		return invalid("charge_not_refundable", "charge", "Charge %s has not been paid and cannot be refunded.", id)
	case s.chargedBack(charge):
		return invalid("charge_disputed", "", "Charge %s has been charged back; cannot issue a refund.", id)
	case left == 0:
		return invalid("charge_already_refunded", "", "Charge %s has already been refunded.", id)
	case amount < 1:
		return invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount > left:
		return invalid("", "amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s)", formatted(amount, currency), formatted(left, currency))
	}
	return nil
}

// refundsOf is what charge.refunds expands to.
func (s *Sim) refundsOf(charge object) object {
	id := str(charge, "id")
	found := s.store.where("refund", "charge", id)
	return listOf("/v1/charges/"+id+"/refunds", found, false)
}
