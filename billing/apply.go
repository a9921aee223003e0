package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
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
		if *owner, err = lockMember(tx, *owner); err != nil {
			return err
		}
	}
	if err := fence(tx, subject); err != nil {
		return err
	}
	if owner != nil {
		if err := s.applyOwned(tx, subject, st, *owner); err != nil {
			return err
		}
	}
	return s.release(tx, subject)
}

// applyOwned writes a member's state, and what it calls for at Stripe.
func (s *Service) applyOwned(tx *gorm.DB, subject models.SyncSubject, st state, owner uuid.UUID) error {
	turned, err := st.turnedLost(tx)
	if err != nil {
		return err
	}
	if err := s.applyCustomer(tx, subject, st, owner); err != nil {
		return err
	}
	if err := s.reopenRefunds(tx, st); err != nil {
		return err
	}
	return s.owe(tx, owner, turned)
}

// applyPayment writes a guest's payment. One that turns out to have a customer is
// left to that customer's own sync, so that no ledger row has two writers.
func (s *Service) applyPayment(tx *gorm.DB, subject models.SyncSubject, st state) error {
	if err := fence(tx, subject); err != nil {
		return err
	}
	if len(st.payments) == 1 && st.payments[0].Customer != nil {
		if _, err := models.MarkDirty(tx, s.subject(models.SubjectCustomer, st.payments[0].Customer.ID), s.real()); err != nil {
			return err
		}
		return s.release(tx, subject)
	}
	if err := s.writeLedger(tx, st, account{livemode: subject.Livemode, account: subject.Account}, nil); err != nil {
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
	r, err := rulesInForce(tx)
	if err != nil {
		return err
	}
	rows, err := s.writeSubscriptions(tx, st, books, r)
	if err != nil {
		return err
	}
	if err := s.writeLedger(tx, st, books, r.prices); err != nil {
		return err
	}
	for _, row := range rows {
		if err := s.writeGrants(tx, row, owner, r, string(row.Status)); err != nil {
			return err
		}
	}
	return nil
}

// createdAt falls back to now for a deleted customer, of whom Stripe tells
// nothing but the id.
func createdAt(st state) time.Time {
	if st.customer.Created == 0 {
		return st.at
	}
	return unix(st.customer.Created)
}

// priceBook is every price that the catalogue ever sold, retired ones included, by
// id. Never by lookup key: that moves to the next price.
type priceBook map[string]models.Price

func (b priceBook) has(price string) bool { _, ours := b[price]; return ours }

func ourPrices(tx *gorm.DB) (priceBook, error) {
	var all []models.Price
	if err := tx.Find(&all).Error; err != nil {
		return nil, fmt.Errorf("load the prices: %w", err)
	}
	byID := make(priceBook, len(all))
	for _, price := range all {
		byID[price.ID] = price
	}
	return byID, nil
}

// rules are what grants follow from beside a subscription's own facts.
type rules struct {
	policy models.PolicyInForce
	prices priceBook
	plans  map[string]models.Plan
}

// rulesInForce reads them in the transaction that applies them: a change is for all
// replicas at once.
func rulesInForce(tx *gorm.DB) (rules, error) {
	r := rules{plans: map[string]models.Plan{}}
	if err := tx.Take(&r.policy).Error; err != nil {
		return r, fmt.Errorf("load the policy: %w", err)
	}
	var plans []models.Plan
	if err := tx.Find(&plans).Error; err != nil {
		return r, fmt.Errorf("load the plans: %w", err)
	}
	for _, plan := range plans {
		r.plans[plan.ID] = plan
	}
	var err error
	r.prices, err = ourPrices(tx)
	return r, err
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
