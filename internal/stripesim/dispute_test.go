package stripesim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// disputed takes a gift of 10 euro that is disputed, or inquired about, and
// answers the dispute.
func (w *world) disputed(card string) *stripe.Dispute {
	w.t.Helper()
	pi := w.donate(donation(1000, "eur"), card).PaymentIntent
	w.Sim.RunDue()
	list := w.api.Disputes.List(&stripe.DisputeListParams{PaymentIntent: &pi.ID})
	if !list.Next() {
		w.t.Fatalf("no dispute: %v", list.Err())
	}
	return list.Dispute()
}

func (w *world) dispute(id string) *stripe.Dispute {
	w.t.Helper()
	d, err := w.api.Disputes.Get(id, nil)
	must(w.t, err)
	return d
}

func (w *world) evidence(id, text string) *stripe.Dispute {
	w.t.Helper()
	d, err := w.api.Disputes.Update(id, &stripe.DisputeParams{Evidence: &stripe.DisputeEvidenceParams{UncategorizedText: &text}})
	must(w.t, err)
	return d
}

// moved lists what a dispute has moved, as amount, fee and category.
func moved(d *stripe.Dispute) (out []any) {
	for _, b := range d.BalanceTransactions {
		out = append(out, b.Amount, b.Fee, string(b.ReportingCategory))
	}
	return out
}

// about lists the events about disputes, the oldest first.
func (w *world) about(types []string) []string {
	return slices.DeleteFunc(types, func(typ string) bool { return !slices.Contains(disputeEvents, typ) })
}

var disputeEvents = []string{"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"}

func TestADisputeWon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.disputed(simtest.Disputed)
	if d.Status != "needs_response" || d.Reason != "fraudulent" || d.Amount != 1000 || d.IsChargeRefundable || d.EvidenceDetails.DueBy == 0 || d.PaymentMethodDetails.Card.Brand != "visa" {
		t.Errorf("opened as %+v", d)
	}
	charge, err := w.api.Charges.Get(d.Charge.ID, nil)
	must(t, err)
	if !charge.Disputed || charge.AmountRefunded != 0 {
		t.Errorf("charge disputed %v, refunded %d", charge.Disputed, charge.AmountRefunded)
	}
	_, err = w.api.Refunds.New(&stripe.RefundParams{Charge: &charge.ID})
	if got := stripeError(t, err); got.Code != "charge_disputed" {
		t.Errorf("a refund of it: %+v", got)
	}
	if got := w.evidence(d.ID, "winning_evidence"); got.Status != "under_review" || !got.EvidenceDetails.HasEvidence || got.EvidenceDetails.SubmissionCount != 1 {
		t.Errorf("after evidence %s, %+v", got.Status, got.EvidenceDetails)
	}
	w.to(start.Add(time.Minute))
	won := w.dispute(d.ID)
	if diff := cmp.Diff([]any{int64(-1000), int64(1500), "dispute", int64(1000), int64(-1500), "dispute_reversal"}, moved(won)); won.Status != "won" || diff != "" {
		t.Errorf("%s, moved (-want +got):\n%s", won.Status, diff)
	}
	want := []string{"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_reinstated"}
	if diff := cmp.Diff(want, w.about(w.types(start))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if p := w.Sim.Payments()[0]; p.DisputeStatus != "won" || p.Disputed != 0 || p.DisputeFee != 0 || p.Net() != 960 {
		t.Errorf("payment %+v", p)
	}
	must(t, w.Sim.Refund(charge.ID, 0))
	if _, err := w.api.Disputes.Update(d.ID, &stripe.DisputeParams{Evidence: &stripe.DisputeEvidenceParams{UncategorizedText: stripe.String("late")}}); err == nil {
		t.Error("evidence after the end was taken")
	}
}

func TestADisputeIsLostByEvidenceBySilenceAndByGivingUp(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *world, id string){
		"evidence": func(w *world, id string) { w.evidence(id, "losing_evidence"); w.to(start.Add(time.Minute)) },
		"silence":  func(w *world, _ string) { w.to(start.AddDate(0, 0, 9)) },
		"giving up": func(w *world, id string) {
			_, err := w.api.Disputes.Close(id, nil)
			must(w.t, err)
			if _, err := w.api.Disputes.Close(id, nil); err == nil {
				w.t.Error("closed twice")
			}
		},
		"the bank": func(w *world, id string) { must(w.t, w.Sim.ResolveDispute(id, "lost")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			d := w.disputed(simtest.Disputed)
			lose(w, d.ID)
			w.to(start.AddDate(0, 1, 0))
			lost := w.dispute(d.ID)
			if diff := cmp.Diff([]any{int64(-1000), int64(1500), "dispute"}, moved(lost)); lost.Status != "lost" || diff != "" {
				t.Errorf("%s, moved (-want +got):\n%s", lost.Status, diff)
			}
			if types := w.about(w.types(start)); types[len(types)-1] != "charge.dispute.closed" {
				t.Errorf("events %v", types)
			}
			if p := w.Sim.Payments()[0]; p.Disputed != 1000 || p.DisputeFee != 1500 || p.DisputeStatus != "lost" || p.Net() != 1000-40-1000-1500 {
				t.Errorf("payment %+v, net %d", p, p.Net())
			}
		})
	}
}

func TestAnInquiryMovesNoMoneyUnlessItIsEscalated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.disputed(simtest.Inquired)
	if d.Status != "warning_needs_response" || !d.IsChargeRefundable || len(d.BalanceTransactions) != 0 {
		t.Errorf("opened as %+v", d)
	}
	if got := w.evidence(d.ID, "a subscription, as ordered"); got.Status != "warning_under_review" {
		t.Errorf("after evidence %s", got.Status)
	}
	if err := w.Sim.ResolveDispute(d.ID, "won"); err == nil {
		t.Error("an inquiry was won")
	}
	w.to(start.AddDate(0, 0, 120))
	if got := w.dispute(d.ID); got.Status != "warning_closed" || len(got.BalanceTransactions) != 0 {
		t.Errorf("after 120 days %s", got.Status)
	}

	raised := w.disputed(simtest.Inquired) // on day 120
	w.to(start.AddDate(0, 0, 235))
	w.evidence(raised.ID, "escalate_inquiry_evidence")
	w.to(start.AddDate(0, 0, 241)) // after its end as an inquiry, before its end as a dispute
	if got := w.dispute(raised.ID); got.Status != "needs_response" || got.IsChargeRefundable || len(got.BalanceTransactions) != 1 {
		t.Errorf("escalated %+v", got)
	}
	w.to(start.AddDate(0, 0, 245))
	if got := w.dispute(raised.ID); got.Status != "lost" {
		t.Errorf("unanswered %s", got.Status)
	}
}

func TestAnyPaidChargeCanBeDisputedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pi := w.donate(donation(1000, "eur"), simtest.Pays).PaymentIntent
	must(t, w.Sim.Refund(pi.ID, 400))
	if _, err := w.Sim.Dispute(pi.ID, "boredom"); err == nil {
		t.Error("an unknown reason was taken")
	}
	id, err := w.Sim.Dispute(pi.ID, "")
	must(t, err)
	if got := w.dispute(id); got.Amount != 600 || got.PaymentIntent.ID != pi.ID {
		t.Errorf("dispute of %d over %s", got.Amount, got.PaymentIntent.ID)
	}
	if _, err := w.Sim.Inquire(pi.ID, ""); err == nil {
		t.Error("disputed twice")
	}
	failed := w.donate(donation(1000, "eur"), simtest.Declined).PaymentIntent
	if _, err := w.Sim.Dispute(failed.ID, ""); err == nil {
		t.Error("a failed charge was disputed")
	}
	list := w.api.BalanceTransactions.List(&stripe.BalanceTransactionListParams{Source: &id, Type: stripe.String("adjustment")})
	if !list.Next() || list.BalanceTransaction().Net != -600-1500 || list.Next() {
		t.Errorf("booked %+v", list.BalanceTransaction())
	}
}
