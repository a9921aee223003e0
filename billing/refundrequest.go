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
type refundLog []models.AuditEntry

// outcome is what closes a request.
type refundOutcome struct {
	Request string `json:"request"`
	Refund  string `json:"refund,omitempty"`
	Status  string `json:"status,omitempty"`
	Fault   string `json:"fault,omitempty"`
}

func refundRequests(db *gorm.DB, p models.Payment) (refundLog, error) {
	query := db.Where("subject = ? AND action LIKE 'refund.%'", p.ID.String())
	if p.MemberID != nil {
		query = query.Where("member_id = ?", p.MemberID) // has an index
	}
	var log refundLog
	if err := query.Order("at, id").Find(&log).Error; err != nil {
		return nil, fmt.Errorf("look for refunds of payment %s: %w", p.PaymentIntentID, err)
	}
	return log, nil
}

func (l refundLog) closed(request models.AuditEntry, action string) bool {
	return slices.ContainsFunc(l, func(each models.AuditEntry) bool {
		var outcome refundOutcome
		return each.Action == action && json.Unmarshal(each.After, &outcome) == nil && outcome.Request == request.ID.String()
	})
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
	for i, each := range l {
		if each.Action != auditRefundRequested || l.closed(each, auditRefundMade) || l.closed(each, auditRefundRefused) {
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
		return &l[i], nil
	}
	return nil, nil
}

// repeated refuses a refund that was made: the same amount for the same reason is
// the same command run twice, and not a second refund. KindConflict refund_repeated.
func (l refundLog) repeated(wish refundWish, by Why) error {
	for _, each := range l {
		if each.Action != auditRefundRequested || each.Reason != strings.TrimSpace(by.Reason) || !l.closed(each, auditRefundMade) {
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
