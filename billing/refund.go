package billing

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// Refund is money that support wants to give back.
type Refund struct {
	Payment    string // an id of the payment: a payment intent's, charge's or invoice's, ours or its gift's
	Amount     string // as typed, in the payment's currency; "" for all that is left
	Reason     string // Stripe's: requested_by_customer, duplicate, fraudulent
	KeepAccess bool   // whatever the refund takes away is given back as a complimentary grant
	Cancel     bool   // the subscription ends at once, too
	By         Why
}

// RefundPlan is a refund that can be made, and what it will do.
type RefundPlan struct {
	Payment models.Payment
	Amount  money.Money
	Effects []Sentence
	Renews  bool // Stripe will charge again, because the subscription goes on

	wish  refundWish
	by    Why
	begun *models.AuditEntry // the request of an earlier run that did not come to its end
}

// refundWish is what the audit log keeps of a request, and what makes two of them
// the same.
type refundWish struct {
	PaymentIntent string       `json:"payment_intent"`
	Amount        money.Money  `json:"amount"`
	Reason        string       `json:"reason,omitempty"`
	Cancel        bool         `json:"cancel"`
	KeepAccess    bool         `json:"keep_access"`
	Keeps         []keptAccess `json:"keeps,omitempty"`
}

func (w refundWish) same(other refundWish) bool {
	w.Keeps, other.Keeps = nil, nil // they follow from the rest and the day
	return fmt.Sprint(w) == fmt.Sprint(other)
}

// PlanRefund looks at a payment, at Stripe first, and says what refunding it will
// do. Nothing is written. KindInvalid names what cannot be: payment_ambiguous,
// amount_syntax, amount_too_fine, refund_too_much, refund_pending, refund_failed,
// refund_disputed, refund_keeps_nothing, refund_cancels_nothing and what Why
// refuses; KindConflict what has been: refund_done, refund_repeated,
// refund_underway; KindNotFound payment_unknown.
func (s *Service) PlanRefund(ctx context.Context, r Refund) (RefundPlan, error) {
	plan, err := s.wishFor(ctx, r)
	if err != nil {
		return plan, err
	}
	requests, err := refundRequests(s.db.WithContext(ctx), plan.Payment)
	if err != nil {
		return plan, err
	}
	if plan.begun, err = requests.open(plan.wish, r.Amount == ""); err != nil {
		return plan, err
	}
	if plan.begun != nil {
		return plan.resumed()
	}
	if err := requests.repeated(plan.wish, r.By); err != nil {
		return plan, err
	}
	if err := refundable(plan); err != nil {
		return plan, err
	}
	return plan, s.foresee(ctx, &plan)
}

// wishFor is a refund of the payment as Stripe has it now, neither checked nor
// foreseen.
func (s *Service) wishFor(ctx context.Context, r Refund) (RefundPlan, error) {
	plan := RefundPlan{by: r.By}
	if err := r.By.check(); err != nil {
		return plan, err
	}
	payment, err := s.findPayment(ctx, r.Payment)
	if err != nil {
		return plan, err
	}
	if plan.Payment, err = s.freshPayment(ctx, payment); err != nil {
		return plan, err
	}
	if plan.Amount, err = r.amountOf(plan.Payment); err != nil {
		return plan, err
	}
	plan.wish = refundWish{
		PaymentIntent: plan.Payment.PaymentIntentID, Amount: plan.Amount, Reason: r.Reason, Cancel: r.Cancel, KeepAccess: r.KeepAccess,
	}
	return plan, nil
}

// findPayment is the one payment that an id names.
func (s *Service) findPayment(ctx context.Context, text string) (models.Payment, error) {
	where := s.db.Where("payment_intent_id = ? OR charge_id = ? OR invoice_id = ? OR subscription_id = ?", text, text, text, text)
	if id, ours := parseID(text); ours {
		where = s.db.Where("id = ? OR donation_id = ?", id, id)
	}
	var rows []models.Payment
	if text != storable(text) {
		return models.Payment{}, &Error{Kind: KindNotFound, Code: "payment_unknown"}
	}
	err := s.db.WithContext(ctx).Where(where).Where("livemode = ?", s.cfg.Livemode).Limit(2).Find(&rows).Error
	switch {
	case err != nil:
		return models.Payment{}, fmt.Errorf("look for a payment: %w", err)
	case len(rows) == 0:
		return models.Payment{}, &Error{Kind: KindNotFound, Code: "payment_unknown"}
	case len(rows) == 2:
		return models.Payment{}, invalid("payment_ambiguous", "", nil)
	}
	return rows[0], nil
}

// freshPayment brings the ledger up to date with Stripe: what was refunded there a
// minute ago must not be refunded again.
func (s *Service) freshPayment(ctx context.Context, p models.Payment) (models.Payment, error) {
	subject := s.subjectOf(p)
	if err := s.seeFreshly(ctx, subject); err != nil {
		return p, err
	}
	if err := s.db.WithContext(ctx).Where("id = ?", p.ID).Take(&p).Error; err != nil {
		return p, fmt.Errorf("load payment %s: %w", p.PaymentIntentID, err)
	}
	return p, nil
}

// seeFreshly syncs a subject, so that what is said of it is what Stripe says.
// KindUnavailable refund_unseen: the sync did not end in time.
func (s *Service) seeFreshly(ctx context.Context, subject models.SyncSubject) error {
	if err := s.syncNow(ctx, subject); err != nil {
		return err
	}
	clean, err := s.isClean(ctx, subject.ID)
	if err == nil && !clean {
		return &Error{Kind: KindUnavailable, Code: "refund_unseen"}
	}
	return err
}

func (s *Service) subjectOf(p models.Payment) models.SyncSubject {
	if p.CustomerID != nil {
		return s.subject(models.SubjectCustomer, *p.CustomerID)
	}
	return s.subject(models.SubjectPaymentIntent, p.PaymentIntentID)
}

// amountOf reads the amount as typed; what is left of the payment where none was.
func (r Refund) amountOf(p models.Payment) (money.Money, error) {
	if r.Amount == "" {
		return money.Of(p.Amount-p.Refunded, p.Currency), nil
	}
	amount, err := money.Parse(r.Amount, p.Currency)
	switch {
	case errors.Is(err, money.ErrTooFine):
		return amount, invalid("amount_too_fine", "amount", nil)
	case errors.Is(err, money.ErrTooLarge):
		return amount, invalid("refund_too_much", "amount", map[string]any{"Left": money.Of(p.Amount-p.Refunded, p.Currency)})
	case err != nil || amount.Minor == 0:
		return amount, invalid("amount_syntax", "amount", nil)
	}
	return amount, nil
}

// refundable refuses what Stripe would refuse, or what would cost us the money twice.
func refundable(plan RefundPlan) error {
	p := plan.Payment
	facts := map[string]any{"Amount": money.Of(p.Amount, p.Currency), "Left": money.Of(p.Amount-p.Refunded, p.Currency)}
	switch {
	case p.Status == models.PaymentPending:
		return invalid("refund_pending", "", facts)
	case p.Status == models.PaymentFailed:
		return invalid("refund_failed", "", facts)
	case p.Disputed > 0:
		return invalid("refund_disputed", "", facts)
	case p.Refunded == p.Amount:
		return &Error{Kind: KindConflict, Code: "refund_done", Data: facts}
	case plan.Amount.Minor > p.Amount-p.Refunded:
		return invalid("refund_too_much", "amount", facts)
	case plan.wish.KeepAccess && p.Kind == models.PaymentDonation:
		return invalid("refund_keeps_nothing", "", facts)
	case plan.wish.Cancel && p.SubscriptionID == nil:
		return invalid("refund_cancels_nothing", "", facts)
	}
	return nil
}

// lockPayment is the lock of everything that gives back a payment's money; its
// member's comes first.
func lockPayment(tx *gorm.DB, p models.Payment) (models.Payment, error) {
	if p.MemberID != nil {
		if _, err := lockMember(tx, *p.MemberID); err != nil {
			return p, err
		}
	}
	err := tx.Raw(`SELECT * FROM payments WHERE id = ? FOR UPDATE`, p.ID).Scan(&p).Error
	if err != nil {
		return p, fmt.Errorf("lock payment %s: %w", p.PaymentIntentID, err)
	}
	return p, nil
}
