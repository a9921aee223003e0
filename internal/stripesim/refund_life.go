package stripesim

import (
	"fmt"
	"slices"
)

const refundAfter = 3 * day // until a pending refund succeeds, or a failing one fails

// startRefund gives a refund its first status. Two test cards refund in
// Stripe's own time: one is pending and succeeds, one succeeds and then fails.
// https://docs.stripe.com/testing#refunds
func (s *Sim) startRefund(o, charge object) {
	switch cardBehind(s.store.byID[str(charge, "payment_method")]).refunds {
	case "pending":
		o["status"] = "pending"
		s.plan(s.unix()+refundAfter, "refund.settle", str(o, "id"))
	case "failing":
		s.plan(s.unix()+refundAfter, "refund.settle", str(o, "id"))
	}
}

// settleRefund is what "refund.settle" does.
func (s *Sim) settleRefund(id string) {
	o, ok := s.store.find("refund", id)
	if !ok {
		return
	}
	switch str(o, "status") {
	case "pending":
		s.turnRefund(o, "succeeded", "")
	case "succeeded":
		s.turnRefund(o, "failed", "expired_or_canceled_card")
	}
}

// turns are the statuses that each status of a refund can become.
// https://docs.stripe.com/refunds#failed-refunds
var turns = map[string][]string{
	"pending":         {"succeeded", "failed", "requires_action", "canceled"},
	"requires_action": {"pending", "succeeded", "failed", "canceled"},
	"succeeded":       {"failed"},
}

// TurnRefund gives a refund another status: "pending" ones can become
// "succeeded", "failed", "requires_action" or "canceled", and succeeded ones
// can still fail. Failed and canceled ones give the money back to the balance.
func (s *Sim) TurnRefund(id, status string) (err error) {
	s.live(func() {
		o, ok := s.store.find("refund", id)
		if !ok || !slices.Contains(turns[str(o, "status")], status) {
			err = fmt.Errorf("turn refund %s: it cannot go from %q to %q", id, str(o, "status"), status)
			return
		}
		s.turnRefund(o, status, "unknown")
	})
	return err
}

// turnRefund tells of a refund's new status. why counts only if it failed.
func (s *Sim) turnRefund(o object, status, why string) {
	with := object{"status": status}
	if status == "failed" {
		with["failure_reason"] = why
	}
	if status == "failed" || status == "canceled" {
		with["failure_balance_transaction"] = s.giveBack(o)["id"]
	}
	before := cloned(o)
	merge(o, with)
	s.changed = true
	was := difference(before, o)
	s.emit("charge.refund.updated", o, was)
	s.emit("refund.updated", o, was)
}

// giveBack books a refund that came to nothing; its charge is then refunded by
// so much less.
func (s *Sim) giveBack(o object) object {
	charge := s.store.byID[str(o, "charge")]
	s.change(charge, "", object{"amount_refunded": num(charge, "amount_refunded") - num(o, "amount"), "refunded": false})
	return s.book(o, movement{kind: "refund_failure", category: "refund_failure", description: "REFUND FAILURE", amount: num(o, "amount")})
}

func updateRefund(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("refund", c.id)
	if err != nil {
		return nil, err
	}
	s.change(o, "charge.refund.updated", object{"metadata": withMetadata(o, c.params)})
	return o, nil
}

// cancelRefund takes back a refund that waits for its receiver.
// https://docs.stripe.com/api/refunds/cancel
func cancelRefund(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("refund", c.id)
	if err != nil {
		return nil, err
	}
	if status := str(o, "status"); status != "requires_action" {
		return nil, invalid("", "", "Refund %s has a status of %s and cannot be canceled.", c.id, status)
	}
	s.turnRefund(o, "canceled", "")
	return o, nil
}
