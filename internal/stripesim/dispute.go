package stripesim

import "slices"

// evidenceFields are what one can say against a dispute; the texts only, since
// files are not simulated.
var evidenceFields = hash(fields{
	"access_activity_log": text(20000).clearable(), "billing_address": text(5000).clearable(),
	"cancellation_policy_disclosure": text(20000).clearable(), "cancellation_rebuttal": text(20000).clearable(),
	"customer_email_address": text(5000).clearable(), "customer_name": text(5000).clearable(), "customer_purchase_ip": text(5000).clearable(),
	"duplicate_charge_explanation": text(20000).clearable(), "duplicate_charge_id": text(5000).clearable(),
	"product_description": text(20000).clearable(), "refund_policy_disclosure": text(20000).clearable(),
	"refund_refusal_explanation": text(20000).clearable(), "service_date": text(5000).clearable(),
	"shipping_address": text(5000).clearable(), "shipping_carrier": text(5000).clearable(), "shipping_date": text(5000).clearable(),
	"shipping_tracking_number": text(5000).clearable(), "uncategorized_text": text(20000).clearable(),
})

var disputeFields = fields{"evidence": evidenceFields, "metadata": metadata(), "submit": boolean()}

var disputeFilters = fields{"charge": id(), "created": timeRange(), "payment_intent": id()}

const (
	disputeFee   = 1500      // in the account's smallest unit; Stripe's differs by country
	disputeDays  = 9 * day   // until evidence is due
	inquiryDays  = 120 * day // until an inquiry that nobody escalates ends
	verdictAfter = 60        // seconds after evidence whose outcome Stripe's test mode decides
)

// reasons are those that cardholders and banks give.
// https://docs.stripe.com/api/disputes/object#dispute_object-reason
var reasons = []string{
	"bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized",
	"duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds",
	"product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
}

// verdicts are the evidence texts that decide a dispute in test mode.
// https://docs.stripe.com/testing#disputes
var verdicts = map[string]string{
	"winning_evidence": "won", "losing_evidence": "lost", "escalate_inquiry_evidence": "needs_response",
}

// open says that a dispute is not decided yet.
func open(dispute object) bool {
	return !slices.Contains([]string{"won", "lost", "warning_closed"}, str(dispute, "status"))
}

func inquiry(dispute object) bool {
	return slices.Contains([]string{"warning_needs_response", "warning_under_review", "warning_closed"}, str(dispute, "status"))
}

// updateDispute takes evidence, and submits it unless told not to.
// https://docs.stripe.com/api/disputes/update
func updateDispute(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("dispute", c.id)
	if err != nil {
		return nil, err
	}
	given := sub(c.params, "evidence")
	if given != nil && !open(o) {
		return nil, invalid("", "", "This dispute is already closed.")
	}
	with := object{"metadata": withMetadata(o, c.params)}
	if given != nil {
		with["evidence"] = withEvidence(o, given)
	}
	if submit, sent := c.params["submit"].(bool); given != nil && (submit || !sent) {
		s.submitEvidence(o, with)
	}
	s.change(o, "charge.dispute.updated", with)
	return o, nil
}

func withEvidence(o, given object) object {
	evidence := cloned(sub(o, "evidence"))
	merge(evidence, given)
	return evidence
}

// submitEvidence puts the dispute under review. What decides it in test mode
// is planned; anything else waits for ResolveDispute.
func (s *Sim) submitEvidence(o, with object) {
	status := "under_review"
	if inquiry(o) {
		status = "warning_under_review"
	}
	with["status"] = status
	with["evidence_details"] = object{"due_by": at(o, "evidence_details.due_by"), "has_evidence": true, "past_due": false,
		"submission_count": num(o, "evidence_details.submission_count") + 1}
	verdict, decided := verdicts[str(with, "evidence.uncategorized_text")]
	if decided && (inquiry(o) || verdict != "needs_response") {
		o["_verdict"] = verdict
		s.plan(s.unix()+verdictAfter, "dispute.decide", str(o, "id"))
	}
}

// closeDispute accepts a dispute as lost.
// https://docs.stripe.com/api/disputes/close
func closeDispute(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("dispute", c.id)
	if err != nil {
		return nil, err
	}
	if !open(o) {
		return nil, invalid("", "", "This dispute is already closed.")
	}
	s.resolve(o, "lost")
	return o, nil
}

// chargedBack says that a charge's money is with its cardholder by a dispute,
// so that it cannot be refunded too.
func (s *Sim) chargedBack(charge object) bool {
	return slices.ContainsFunc(s.store.where("dispute", "charge", str(charge, "id")), func(o object) bool {
		return !flag(o, "is_charge_refundable") && str(o, "status") != "won"
	})
}
