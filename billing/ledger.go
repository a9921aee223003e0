package billing

import (
	"fmt"
	"slices"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// writeLedger copies every payment of ours that was ever tried, with its refunds
// and dispute, in absolute amounts. Only what carries our metadata or pays a
// subscription of ours counts: accounts are often shared with a shop.
func (s *Service) writeLedger(tx *gorm.DB, st state, books account, prices priceBook) error {
	for _, payment := range st.payments {
		if payment.LatestCharge == nil {
			continue // never tried: nothing to book
		}
		row, gift, err := bookable(tx, st, payment, books, prices)
		if err != nil {
			return err
		}
		if row == nil {
			continue
		}
		if err := writePayment(tx, row); err != nil {
			return err
		}
		if err := s.writeRefunds(tx, *row, payment.LatestCharge); err != nil {
			return err
		}
		if err := s.writeDispute(tx, *row, st.disputes[payment.LatestCharge.ID]); err != nil {
			return err
		}
		if gift != nil && row.Status == models.PaymentSucceeded {
			if err := s.countGift(tx, gift, payment); err != nil {
				return err
			}
		}
	}
	return nil
}

// bookable is the ledger row for a payment intent; nil for one that is not ours.
func bookable(tx *gorm.DB, st state, payment *stripe.PaymentIntent, books account, prices priceBook) (*models.Payment, *models.Donation, error) {
	row := models.Payment{
		ID: models.NewID(), Account: books.account, Livemode: books.livemode,
		CustomerID: books.customer, MemberID: books.member, PaymentIntentID: payment.ID,
		CreatedAt: unix(payment.Created), SyncedAt: st.at,
	}
	metadata := payment.Metadata
	invoice := st.invoiceOf(payment.ID)
	if invoice != nil {
		row.InvoiceID = &invoice.ID
		if sub := st.subscription(invoice); sub != nil {
			row.SubscriptionID, metadata = &sub.ID, sub.Metadata
		}
	}
	gift, err := giftOf(tx, metadata)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case row.SubscriptionID != nil && sells(invoice, prices):
		row.Kind, gift = models.PaymentMembership, nil
	case gift != nil:
		row.Kind, row.DonationID = models.PaymentDonation, &gift.ID
	default:
		return nil, nil, nil
	}
	fillAmounts(&row, payment.LatestCharge)
	if d := st.disputes[payment.LatestCharge.ID]; d != nil && models.DisputeStatus(d.Status).TakesMoney() {
		row.Disputed = d.Amount
	}
	return &row, gift, nil
}

func (st state) subscription(invoice *stripe.Invoice) *stripe.Subscription {
	for _, sub := range st.subscriptions {
		if invoice.Subscription != nil && sub.ID == invoice.Subscription.ID {
			return sub
		}
	}
	return nil
}

// sells says whether an invoice is, at least in part, for a plan of ours. The
// invoice and not the subscription is asked: that may have moved to another price
// since.
func sells(invoice *stripe.Invoice, prices priceBook) bool {
	return slices.ContainsFunc(planLines(invoice), func(line *stripe.InvoiceLineItem) bool { return prices.has(line.Price.ID) })
}

// fillAmounts copies the money from the charge, not from the intent: what counts
// is what moved.
func fillAmounts(row *models.Payment, charge *stripe.Charge) {
	row.ChargeID, row.Currency, row.Amount, row.Refunded = &charge.ID, string(charge.Currency), charge.Amount, charge.AmountRefunded
	switch charge.Status {
	case stripe.ChargeStatusSucceeded:
		row.Status, row.PaidAt = models.PaymentSucceeded, instant(charge.Created)
	case stripe.ChargeStatusPending:
		row.Status = models.PaymentPending
	default:
		row.Status = models.PaymentFailed
	}
	if b := charge.BalanceTransaction; b != nil && b.Currency != "" {
		currency := string(b.Currency)
		row.Fee, row.FeeCurrency = &b.Fee, &currency
	}
}

// writePayment is one row per payment intent, however often it is applied.
func writePayment(tx *gorm.DB, row *models.Payment) error {
	err := tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "payment_intent_id"}},
		DoUpdates: clause.AssignmentColumns([]string{
			"charge_id", "customer_id", "member_id", "subscription_id", "invoice_id",
			"status", "amount", "refunded", "disputed", "fee", "fee_currency", "paid_at", "synced_at",
		}),
	}, clause.Returning{Columns: []clause.Column{{Name: "id"}}}).Create(row).Error
	if err != nil {
		return fmt.Errorf("book payment %s: %w", row.PaymentIntentID, err)
	}
	return nil
}

// writeRefunds books the refunds of a charge. Stripe may leave a refund's status
// out, or tell one that we do not know: that is no reason to keep everything else of
// the customer from being written.
func (s *Service) writeRefunds(tx *gorm.DB, payment models.Payment, charge *stripe.Charge) error {
	if charge.Refunds == nil {
		return nil
	}
	for _, refund := range charge.Refunds.Data {
		row := models.Refund{
			ID: refund.ID, Account: payment.Account, Livemode: payment.Livemode, PaymentID: payment.ID,
			Status: models.RefundStatus(refund.Status), Currency: string(refund.Currency), Amount: refund.Amount,
			Reason: string(refund.Reason), CreatedAt: unix(refund.Created), SyncedAt: payment.SyncedAt,
		}
		if !row.Status.Known() {
			s.log.WarnContext(tx.Statement.Context, "a refund has an unknown status and is not booked", "refund", row.ID, "status", row.Status)
			continue
		}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
			return fmt.Errorf("book refund %s: %w", refund.ID, err)
		}
	}
	return nil
}

func (s *Service) writeDispute(tx *gorm.DB, payment models.Payment, d *stripe.Dispute) error {
	if d == nil {
		return nil
	}
	row := models.Dispute{
		ID: d.ID, Account: payment.Account, Livemode: payment.Livemode, PaymentID: payment.ID,
		Status: models.DisputeStatus(d.Status), Currency: string(d.Currency), Amount: d.Amount,
		Reason: string(d.Reason), CreatedAt: unix(d.Created), SyncedAt: payment.SyncedAt,
	}
	if !bookableDispute(d) {
		s.log.WarnContext(tx.Statement.Context, "a dispute of an unknown status, or about nothing, is not booked", "dispute", row.ID, "status", row.Status)
		return nil
	}
	if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
		return fmt.Errorf("book dispute %s: %w", d.ID, err)
	}
	return nil
}

// bookableDispute says that our books can hold a dispute: its status is one that we know,
// and it is about some money. One about a payment that had gone back whole is about none.
func bookableDispute(d *stripe.Dispute) bool {
	return models.DisputeStatus(d.Status).Known() && d.Amount > 0
}

// countGift notes what only a succeeded payment tells: the donor's address, and
// that the intent is done.
func (s *Service) countGift(tx *gorm.DB, gift *models.Donation, payment *stripe.PaymentIntent) error {
	if billing := payment.LatestCharge.BillingDetails; gift.DonorEmail == "" && billing != nil {
		email, err := models.CanonicalEmail(billing.Email)
		if err == nil {
			if err := tx.Model(gift).Update("donor_email", email).Error; err != nil {
				return fmt.Errorf("note the donor of gift %s: %w", gift.ID, err)
			}
		}
	}
	if err := tx.Model(&models.CheckoutIntent{}).Where("donation_id = ? AND status <> ?", gift.ID, models.IntentCompleted).
		Update("status", models.IntentCompleted).Error; err != nil {
		return fmt.Errorf("complete the intent of gift %s: %w", gift.ID, err)
	}
	return nil
}
