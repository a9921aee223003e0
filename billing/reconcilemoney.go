package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// ledgerPage is what our books hold of the payments behind one page.
type ledgerPage struct {
	prices   priceBook
	payments map[string]models.Payment // by payment intent
	members  map[string]*uuid.UUID     // by customer
	synced   map[string]time.Time      // by customer or payment intent
}

func (s *Service) ledgerOf(tx *gorm.DB, intents, customers []string) (ledgerPage, error) {
	books := ledgerPage{payments: map[string]models.Payment{}}
	var rows []models.Payment
	if err := tx.Where("payment_intent_id IN ?", append(intents, "")).Find(&rows).Error; err != nil {
		return books, fmt.Errorf("load the payments of a page: %w", err)
	}
	for _, row := range rows {
		books.payments[row.PaymentIntentID] = row
	}
	var err error
	if books.prices, err = ourPrices(tx); err != nil {
		return books, err
	}
	books.members, books.synced, err = ownersOf(tx, append(customers, intents...))
	return books, err
}

// compareCharges tells which of the listed charges the ledger has not, or otherwise, and
// which are ours. What was synced after the page was asked for is newer than the page,
// and not compared.
func (s *Service) compareCharges(tx *gorm.DB, data []*stripe.Charge, asked time.Time) (found []Difference, ours []*stripe.Charge, err error) {
	var intents, customers []string
	for _, charge := range data {
		intents, customers = append(intents, intentOf(charge.PaymentIntent)), append(customers, payerOf(charge))
	}
	books, err := s.ledgerOf(tx, intents, customers)
	if err != nil {
		return nil, nil, err
	}
	for _, charge := range data {
		if row, kept := books.payments[intentOf(charge.PaymentIntent)]; kept {
			ours = append(ours, charge)
			if words := contrast(chargeAspects(row, charge)); words != "" && !row.SyncedAt.After(asked) && !olderTry(row, charge) {
				found = append(found, s.paymentDiffers(row, words))
			}
			continue
		}
		mine, err := s.bookedHere(tx, charge, books)
		if err != nil {
			return nil, nil, err
		}
		if mine {
			ours, found = append(ours, charge), append(found, s.paymentMissing(charge, books))
		}
	}
	return found, ours, nil
}

func intentOf(intent *stripe.PaymentIntent) string {
	if intent == nil {
		return ""
	}
	return intent.ID
}

func payerOf(charge *stripe.Charge) string {
	if charge.Customer == nil {
		return ""
	}
	return charge.Customer.ID
}

// olderTry says that a charge is a failed try of a payment whose later one is booked.
func olderTry(row models.Payment, charge *stripe.Charge) bool {
	return deref(row.ChargeID) != charge.ID && charge.Status == stripe.ChargeStatusFailed
}

// bookedHere says that a charge belongs into our ledger: it pays for a plan of ours, or
// for a gift. What a sync has lately found to be somebody else's is not asked for again
// within a day.
func (s *Service) bookedHere(tx *gorm.DB, charge *stripe.Charge, books ledgerPage) (bool, error) {
	if charge.PaymentIntent == nil {
		return false, nil
	}
	gift, err := giftOf(tx, charge.Metadata)
	if err != nil {
		return false, err
	}
	payer, ours := payerOf(charge), gift != nil
	if ours && payer == "" {
		return true, nil
	}
	if !ours && charge.Invoice != nil {
		ours, err = billsForUs(tx, charge.Invoice, books.prices)
	}
	return ours && (books.members[payer] != nil || !s.knownForeign(books.synced[payer], charge.Created)), err
}

// billsForUs says that an invoice is for a plan of ours or a monthly gift.
func billsForUs(tx *gorm.DB, invoice *stripe.Invoice, prices priceBook) (bool, error) {
	if sells(invoice, prices) {
		return true, nil
	}
	if invoice.Subscription == nil {
		return false, nil
	}
	var monthly int64
	if err := tx.Model(&models.Donation{}).Where("subscription_id = ?", invoice.Subscription.ID).Count(&monthly).Error; err != nil {
		return false, fmt.Errorf("look for the gift of invoice %s: %w", invoice.ID, err)
	}
	return monthly > 0, nil
}

func (s *Service) paymentMissing(charge *stripe.Charge, books ledgerPage) Difference {
	member, subject := books.members[payerOf(charge)], s.subject(models.SubjectPaymentIntent, charge.PaymentIntent.ID)
	if charge.Customer != nil {
		subject = s.subject(models.SubjectCustomer, charge.Customer.ID)
	}
	return Difference{
		Kind: "payment.missing", Object: charge.PaymentIntent.ID, Member: member, subject: subject,
		Words: fmt.Sprintf("Payment %s%s: Stripe says %s of %s on %s; our ledger does not have it.",
			charge.PaymentIntent.ID, ofMember(member), charge.Status, amountOf(charge.Amount, string(charge.Currency)), on(unix(charge.Created))),
	}
}

// chargeAspects compares a row with what a sync would make of the charge.
func chargeAspects(row models.Payment, charge *stripe.Charge) []aspect {
	want := row
	fillAmounts(&want, charge)
	refunded := func(p models.Payment) string {
		if p.Refunded == 0 {
			return "nothing is refunded"
		}
		return fmt.Sprintf("%s of %s are refunded", amountOf(p.Refunded, p.Currency), amountOf(p.Amount, p.Currency))
	}
	return []aspect{
		{"it " + string(want.Status), "it " + string(row.Status)},
		{"it was of " + amountOf(want.Amount, want.Currency), "it was of " + amountOf(row.Amount, row.Currency)},
		{refunded(want), refunded(row)},
		{"its charge is " + deref(want.ChargeID), "its charge is " + deref(row.ChargeID)},
		{feeWords(want), feeWords(row)},
	}
}

func feeWords(p models.Payment) string {
	if p.Fee == nil {
		return "its fee is not known"
	}
	return "its fee was " + amountOf(*p.Fee, deref(p.FeeCurrency))
}

// paymentDiffers is a difference of something about a payment that our books have.
func (s *Service) paymentDiffers(row models.Payment, words string) Difference {
	return Difference{
		Kind: "payment.differs", Object: row.PaymentIntentID, Member: row.MemberID, subject: s.subjectOfPayment(row),
		Words: fmt.Sprintf("Payment %s%s: %s.", row.PaymentIntentID, ofMember(row.MemberID), words),
	}
}

func (s *Service) subjectOfPayment(row models.Payment) models.SyncSubject {
	if row.CustomerID != nil {
		return s.subject(models.SubjectCustomer, *row.CustomerID)
	}
	return s.subject(models.SubjectPaymentIntent, row.PaymentIntentID)
}
