package stripesim

import (
	"fmt"
	"slices"
)

// Dispute opens a dispute over a charge or payment intent and answers its id.
// reason is Stripe's word for it, "fraudulent" if empty. The amount and a fee
// leave the balance at once.
func (s *Sim) Dispute(id, reason string) (dispute string, err error) {
	return s.disputeNow(id, reason, "needs_response")
}

// Inquire is Dispute, but for an inquiry: no money moves unless it is escalated.
func (s *Sim) Inquire(id, reason string) (dispute string, err error) {
	return s.disputeNow(id, reason, "warning_needs_response")
}

func (s *Sim) disputeNow(id, reason, status string) (dispute string, err error) {
	reason = firstOf(reason, "fraudulent")
	s.live(func() {
		charge := s.chargeOf(id)
		switch {
		case !slices.Contains(reasons, reason):
			err = fmt.Errorf("dispute %s: Stripe knows no reason %q", id, reason)
		case !flag(charge, "paid") || str(charge, "status") != "succeeded":
			err = fmt.Errorf("dispute %s: no such paid charge", id)
		case flag(charge, "disputed"):
			err = fmt.Errorf("dispute %s: it is disputed already", id)
		default:
			dispute = str(s.dispute(charge, reason, status), "id")
		}
	})
	return dispute, err
}

// chargeOf answers the charge, or the latest charge of the payment intent, with
// that id; nil for none.
func (s *Sim) chargeOf(id string) object {
	if intent, ok := s.store.find("payment_intent", id); ok {
		id = str(intent, "latest_charge")
	}
	charge, _ := s.store.find("charge", id)
	return charge
}

// ResolveDispute decides a dispute: "won" or "lost"; for an inquiry
// "warning_closed", or "needs_response", which escalates it.
func (s *Sim) ResolveDispute(id, status string) (err error) {
	s.live(func() {
		o, ok := s.store.find("dispute", id)
		switch {
		case !ok || !open(o):
			err = fmt.Errorf("resolve dispute %s: it is not open", id)
		case inquiry(o) && status != "warning_closed" && status != "needs_response",
			!inquiry(o) && status != "won" && status != "lost":
			err = fmt.Errorf("resolve dispute %s: it cannot go from %s to %s", id, str(o, "status"), status)
		default:
			s.resolve(o, status)
		}
	})
	return err
}

// dispute opens one. One over a direct debit is lost at once: banks hear no
// evidence. https://docs.stripe.com/disputes/how-disputes-work,
// https://docs.stripe.com/payments/sepa-debit#disputed-payments
func (s *Sim) dispute(charge object, reason, status string) object {
	o := s.store.shape("dispute", s.unix(), pick(charge, "currency", "payment_intent"))
	left := num(charge, "amount_captured") - num(charge, "amount_refunded")
	merge(o, object{"amount": left, "charge": charge["id"], "reason": reason, "status": status})
	if isDebit(charge) { // the schema knows details of cards only
		delete(o, "payment_method_details")
	} else {
		merge(o, object{"payment_method_details": object{"card": object{"brand": at(charge, "payment_method_details.card.brand")}}})
	}
	o["is_charge_refundable"] = inquiry(o)
	s.store.put(o)
	if inquiry(o) {
		s.awaitEvidence(o, inquiryDays)
	} else {
		s.awaitEvidence(o, disputeDays)
	}
	s.change(charge, "", object{"disputed": true})
	s.emit("charge.dispute.created", o, nil)
	if !inquiry(o) {
		s.withdraw(o)
	}
	if isDebit(charge) {
		s.resolve(o, "lost")
	}
	return o
}

// awaitEvidence sets the day by which a dispute must be answered.
func (s *Sim) awaitEvidence(o object, within int64) {
	o["evidence_details"] = object{"due_by": s.unix() + within, "has_evidence": false, "past_due": false, "submission_count": int64(0)}
	s.plan(s.unix()+within, "dispute.due", str(o, "id"))
}

func (s *Sim) withdraw(o object) {
	s.moveDisputed(o, "charge.dispute.funds_withdrawn", movement{
		kind: "adjustment", category: "dispute", description: "Chargeback withdrawal for " + str(o, "charge"),
		amount: -num(o, "amount"), fee: disputeFee, feeText: "Dispute fee",
	})
}

// reinstate gives back the amount and the fee.
// https://docs.stripe.com/testing#disputes
func (s *Sim) reinstate(o object) {
	s.moveDisputed(o, "charge.dispute.funds_reinstated", movement{
		kind: "adjustment", category: "dispute_reversal", description: "Chargeback reversal for " + str(o, "charge"),
		amount: num(o, "amount"), fee: -disputeFee, feeText: "Dispute fee refund",
	})
}

func (s *Sim) moveDisputed(o object, event string, m movement) {
	txn := s.book(o, m)
	before := cloned(o)
	o["balance_transactions"] = append(array(o, "balance_transactions"), cloned(txn))
	s.emit(event, o, difference(before, o))
}

// resolve ends a dispute, or escalates an inquiry. An inquiry that is lost was
// given up and ends without money moving.
func (s *Sim) resolve(o object, status string) {
	switch {
	case status == "needs_response" && inquiry(o):
		s.awaitEvidence(o, disputeDays)
		s.change(o, "charge.dispute.updated", object{"status": status, "is_charge_refundable": false})
		s.withdraw(o)
		return
	case inquiry(o):
		status = "warning_closed"
	}
	before := cloned(o)
	o["status"], s.changed = status, true
	s.emit("charge.dispute.closed", o, difference(before, o))
	if status == "won" {
		s.reinstate(o)
	}
}

// decideDispute is what "dispute.decide" does, after evidence that says what
// is to come.
func (s *Sim) decideDispute(id string) {
	if o, ok := s.store.find("dispute", id); ok && open(o) {
		s.resolve(o, str(o, "_verdict"))
	}
}

// lapseDispute is what "dispute.due" does: a dispute that nobody answered is
// lost, an inquiry that nobody escalated is over.
func (s *Sim) lapseDispute(id string) {
	o, ok := s.store.find("dispute", id)
	if ok && num(o, "evidence_details.due_by") == s.unix() && (str(o, "status") == "needs_response" || inquiry(o) && open(o)) {
		s.resolve(o, "lost")
	}
}
