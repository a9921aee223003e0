package billing

import (
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// compareRefunds tells which of the listed refunds our ledger has not, or otherwise. A
// refund of a payment that it does not have is none of ours, or the payment itself is
// told to be missing.
func (s *Service) compareRefunds(tx *gorm.DB, data []*stripe.Refund, asked time.Time) ([]Difference, error) {
	var intents []string
	ids := []string{""}
	for _, refund := range data {
		intents, ids = append(intents, intentOf(refund.PaymentIntent)), append(ids, refund.ID)
	}
	books, err := s.ledgerOf(tx, intents, nil)
	if err != nil {
		return nil, err
	}
	var rows []models.Refund
	if err := tx.Where("id IN ?", ids).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("load the refunds of a page: %w", err)
	}
	byID := map[string]models.Refund{}
	for _, row := range rows {
		byID[row.ID] = row
	}
	var found []Difference
	for _, refund := range data {
		payment, kept := books.payments[intentOf(refund.PaymentIntent)]
		if !kept || payment.SyncedAt.After(asked) || !models.RefundStatus(refund.Status).Known() {
			continue
		}
		row := byID[refund.ID]
		words := contrast([]aspect{{
			returnWords(refund.ID, string(refund.Status), refund.Amount, string(refund.Currency)),
			returnWords(row.ID, string(row.Status), row.Amount, row.Currency),
		}})
		if words != "" {
			found = append(found, s.returned("refund", refund.ID, payment, words))
		}
	}
	return found, nil
}

// compareDisputes does the same for disputes. Of several disputes of one payment our
// books keep the newest.
func (s *Service) compareDisputes(tx *gorm.DB, data []*stripe.Dispute, asked time.Time) ([]Difference, error) {
	var intents []string
	for _, dispute := range data {
		intents = append(intents, intentOf(dispute.PaymentIntent))
	}
	books, err := s.ledgerOf(tx, intents, nil)
	if err != nil {
		return nil, err
	}
	var found []Difference
	for _, dispute := range data {
		payment, kept := books.payments[intentOf(dispute.PaymentIntent)]
		if !kept || payment.SyncedAt.After(asked) || !bookableDispute(dispute) {
			continue
		}
		words, err := disputeContrast(tx, payment, dispute)
		if err != nil {
			return nil, err
		}
		if words != "" {
			found = append(found, s.returned("dispute", dispute.ID, payment, words))
		}
	}
	return found, nil
}

func disputeContrast(tx *gorm.DB, payment models.Payment, dispute *stripe.Dispute) (string, error) {
	var rows []models.Dispute
	if err := tx.Where("payment_id = ?", payment.ID).Order("created_at DESC").Find(&rows).Error; err != nil {
		return "", fmt.Errorf("load the disputes of payment %s: %w", payment.ID, err)
	}
	var row models.Dispute
	for _, each := range rows {
		if each.CreatedAt.After(unix(dispute.Created)) {
			return "", nil
		}
		if each.ID == dispute.ID {
			row = each
		}
	}
	var held int64
	if models.DisputeStatus(dispute.Status).TakesMoney() {
		held = dispute.Amount
	}
	return contrast([]aspect{
		{
			returnWords(dispute.ID, string(dispute.Status), dispute.Amount, string(dispute.Currency)),
			returnWords(row.ID, string(row.Status), row.Amount, row.Currency),
		},
		{heldWords(held, payment.Currency), heldWords(payment.Disputed, payment.Currency)},
	}), nil
}

func returnWords(id, status string, amount int64, currency string) string {
	if id == "" {
		return "there is none"
	}
	return fmt.Sprintf("%s of %s", status, amountOf(amount, currency))
}

func heldWords(minor int64, currency string) string {
	if minor == 0 {
		return "the bank holds nothing"
	}
	return "the bank holds " + amountOf(minor, currency)
}

// returned is a difference of a refund or dispute of a payment of ours.
func (s *Service) returned(what, id string, payment models.Payment, words string) Difference {
	return Difference{
		Kind: what + ".differs", Object: id, Member: payment.MemberID, subject: s.subjectOfPayment(payment),
		Words: fmt.Sprintf("The %s %s of payment %s%s: %s.", what, id, payment.PaymentIntentID, ofMember(payment.MemberID), words),
	}
}
