package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// apply writes a fetched state in one transaction, fenced by the lease: the
// snapshot, the ledger, the grants. Applying the same state twice changes nothing.
func (s *Service) apply(tx *gorm.DB, subject models.SyncSubject, st state) error {
	if subject.Kind == models.SubjectPaymentIntent {
		return s.applyPayment(tx, subject, st)
	}
	owner, err := s.ownerOf(tx, subject, st)
	if err != nil {
		return err
	}
	if owner != nil {
		if err := lockMember(tx, *owner); err != nil {
			return err
		}
	}
	if err := fence(tx, subject); err != nil {
		return err
	}
	if owner != nil {
		if err := s.applyCustomer(tx, subject, st, *owner); err != nil {
			return err
		}
	}
	return s.release(tx, subject)
}

// applyPayment writes a guest's payment. One that turns out to have a customer is
// left to that customer's own sync, so that no ledger row has two writers.
func (s *Service) applyPayment(tx *gorm.DB, subject models.SyncSubject, st state) error {
	if err := fence(tx, subject); err != nil {
		return err
	}
	payment := st.payments[0]
	if payment.Customer != nil {
		if _, err := models.MarkDirty(tx, s.subject(models.SubjectCustomer, payment.Customer.ID), s.real()); err != nil {
			return err
		}
		return s.release(tx, subject)
	}
	if err := s.writeLedger(tx, st, account{livemode: subject.Livemode, account: subject.Account}); err != nil {
		return err
	}
	return s.release(tx, subject)
}

// account is whose books the rows of one sync belong to.
type account struct {
	account  string
	livemode bool
	customer *string
	member   *uuid.UUID
}

func (s *Service) applyCustomer(tx *gorm.DB, subject models.SyncSubject, st state, owner uuid.UUID) error {
	books := account{subject.Account, subject.Livemode, &subject.ID, &owner}
	synced := st.at
	err := bindCustomer(tx, models.Customer{
		ID: subject.ID, Account: subject.Account, Livemode: subject.Livemode,
		MemberID: &owner, Deleted: st.customer.Deleted, CreatedAt: createdAt(st), SyncedAt: &synced,
	})
	if err != nil {
		return err
	}
	prices, err := ourPrices(tx)
	if err != nil {
		return err
	}
	if err := s.writeSubscriptions(tx, st, books, prices); err != nil {
		return err
	}
	if err := s.writeLedger(tx, st, books); err != nil {
		return err
	}
	return s.writeGrants(tx, st, books, prices)
}

// createdAt falls back to now for a deleted customer, of whom Stripe tells
// nothing but the id.
func createdAt(st state) time.Time {
	if st.customer.Created == 0 {
		return st.at
	}
	return unix(st.customer.Created)
}

// ourPrices are all prices that the catalogue ever sold, retired ones included,
// by id. Never by lookup key: that moves to the next price.
func ourPrices(tx *gorm.DB) (map[string]models.Price, error) {
	var all []models.Price
	if err := tx.Find(&all).Error; err != nil {
		return nil, fmt.Errorf("load the prices: %w", err)
	}
	byID := make(map[string]models.Price, len(all))
	for _, price := range all {
		byID[price.ID] = price
	}
	return byID, nil
}

// writeSubscriptions replaces the snapshot, ties monthly gifts to their
// subscription and closes the intents that these subscriptions fulfil.
func (s *Service) writeSubscriptions(tx *gorm.DB, st state, books account, prices map[string]models.Price) error {
	for _, sub := range st.subscriptions {
		gift, err := giftOf(tx, sub.Metadata)
		if err != nil {
			return err
		}
		row := snapshot(st, sub, books)
		row.Kind = subscriptionKind(sub, prices, gift != nil)
		err = tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
		if err != nil {
			return fmt.Errorf("write subscription %s: %w", sub.ID, err)
		}
		if row.Kind == models.SubscriptionDonation {
			if err := tx.Model(gift).Update("subscription_id", sub.ID).Error; err != nil {
				return fmt.Errorf("tie gift %s to subscription %s: %w", gift.ID, sub.ID, err)
			}
		}
		if row.Status.Live() {
			if err := completeIntent(tx, sub.Metadata); err != nil {
				return err
			}
		}
	}
	return nil
}

func snapshot(st state, sub *stripe.Subscription, books account) models.Subscription {
	row := models.Subscription{
		ID: sub.ID, Account: books.account, Livemode: books.livemode, CustomerID: *books.customer,
		PriceID: priceOf(sub), Status: models.SubscriptionStatus(sub.Status),
		CurrentPeriodStart: unix(sub.CurrentPeriodStart), CurrentPeriodEnd: unix(sub.CurrentPeriodEnd),
		CancelAtPeriodEnd: sub.CancelAtPeriodEnd, CancelAt: instant(sub.CancelAt),
		CanceledAt: instant(sub.CanceledAt), EndedAt: instant(sub.EndedAt), TrialEnd: instant(sub.TrialEnd),
		CreatedAt: unix(sub.Created), SyncedAt: st.at,
	}
	for _, each := range st.stretches(sub.ID) {
		if each.lost == "" {
			row.PaidThrough = &each.until
		}
	}
	if sub.PauseCollection != nil {
		behavior := string(sub.PauseCollection.Behavior)
		row.PauseCollection = &behavior
	}
	if sub.Status == stripe.SubscriptionStatusPastDue {
		failed := st.failedAt(sub, row.CurrentPeriodStart)
		row.FailedAt = &failed
	}
	return row
}

// completeIntent closes the intent that an object of ours was made for.
func completeIntent(tx *gorm.DB, metadata map[string]string) error {
	id, ok := parseID(metadata[metaIntent])
	if !ok {
		return nil
	}
	err := tx.Model(&models.CheckoutIntent{}).Where("id = ? AND status <> ?", id, models.IntentCompleted).
		Update("status", models.IntentCompleted).Error
	if err != nil {
		return fmt.Errorf("complete intent %s: %w", id, err)
	}
	return nil
}

// giftOf finds the gift that an object's metadata names; nil where there is none,
// as with everything else that is sold through the same account.
func giftOf(tx *gorm.DB, metadata map[string]string) (*models.Donation, error) {
	id, ok := parseID(metadata[metaDonation])
	if !ok {
		return nil, nil
	}
	var gift models.Donation
	err := tx.Where("id = ?", id).Take(&gift).Error
	if models.NotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load gift %s: %w", id, err)
	}
	return &gift, nil
}
