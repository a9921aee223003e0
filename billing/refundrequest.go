package billing

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// refundLog is what the audit log says of a payment's refunds, the oldest first. A
// request is written before Stripe is asked, and its id makes the idempotency key:
// whoever comes after a crash finds it open, and asks under the same key.
type refundLog struct {
	entries []models.AuditEntry
	failed  []string // the refunds that Stripe could not make after all
}

// refundOutcome is what closes a request.
type refundOutcome struct {
	Request string `json:"request"`
	Refund  string `json:"refund,omitempty"`
	Status  string `json:"status,omitempty"`
	Fault   string `json:"fault,omitempty"`
}

func refundRequests(db *gorm.DB, p models.Payment) (refundLog, error) {
	var log refundLog
	// Not by member: the payment may have been another's when a refund was begun.
	err := db.Where("subject = ? AND action LIKE 'refund.%'", p.PaymentIntentID).Order("at, id").Find(&log.entries).Error
	if err != nil {
		return log, fmt.Errorf("look for refunds of payment %s: %w", p.PaymentIntentID, err)
	}
	err = db.Model(&models.Refund{}).Where("payment_id = ? AND status IN ?", p.ID, []models.RefundStatus{models.RefundFailed, models.RefundCanceled}).
		Pluck("id", &log.failed).Error
	if err != nil {
		return log, fmt.Errorf("look for failed refunds of payment %s: %w", p.PaymentIntentID, err)
	}
	return log, nil
}

// outcome is what closed a request; false while it is open.
func (l refundLog) outcome(request models.AuditEntry) (refundOutcome, bool) {
	for _, each := range l.entries {
		var outcome refundOutcome
		closes := each.Action == auditRefundMade || each.Action == auditRefundRefused
		if closes && json.Unmarshal(each.After, &outcome) == nil && outcome.Request == request.ID.String() {
			return outcome, true
		}
	}
	return refundOutcome{}, false
}

func wishOf(request models.AuditEntry) (w refundWish, err error) {
	if err := json.Unmarshal(request.After, &w); err != nil {
		return w, fmt.Errorf("read refund request %s: %w", request.ID, err)
	}
	return w, nil
}

// open is the request that was begun and not ended, for the same wish; nil for none.
// all says that the whole rest was wished for, whatever that was when it was begun.
// Another wish must wait: KindConflict refund_underway.
func (l refundLog) open(wish refundWish, all bool) (*models.AuditEntry, error) {
	for i, each := range l.entries {
		if _, closed := l.outcome(each); closed || each.Action != auditRefundRequested {
			continue
		}
		begun, err := wishOf(each)
		if err != nil {
			return nil, err
		}
		if all {
			wish.Amount = begun.Amount
		}
		if !begun.same(wish) {
			return nil, &Error{Kind: KindConflict, Code: "refund_underway", Data: map[string]any{"Amount": begun.Amount, "Date": each.At, "Actor": each.Actor}}
		}
		return &l.entries[i], nil
	}
	return nil, nil
}

// repeated refuses a refund that was made: the same amount for the same reason is
// the same command run twice, and not a second refund. KindConflict refund_repeated.
func (l refundLog) repeated(wish refundWish, by Why) error {
	for _, each := range l.entries {
		outcome, _ := l.outcome(each)
		stands := outcome.Refund != "" && !slices.Contains(l.failed, outcome.Refund)
		if each.Action != auditRefundRequested || each.Reason != strings.TrimSpace(by.Reason) || !stands {
			continue
		}
		made, err := wishOf(each)
		if err != nil {
			return err
		}
		if made.same(wish) {
			return &Error{Kind: KindConflict, Code: "refund_repeated", Data: map[string]any{"Amount": made.Amount, "Date": each.At}}
		}
	}
	return nil
}

// resumed is the plan of a request that was begun.
func (plan RefundPlan) resumed() (RefundPlan, error) {
	wish, err := wishOf(*plan.begun)
	plan.wish, plan.Amount, plan.by.Reason = wish, wish.Amount, plan.begun.Reason
	plan.Effects = []Sentence{say("refund.resumed", map[string]any{"Amount": wish.Amount, "Date": plan.begun.At, "Actor": plan.begun.Actor})}
	return plan, err
}
