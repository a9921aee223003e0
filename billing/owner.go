package billing

import (
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// ownerOf is the member whose customer this is: as bound before, as our metadata
// on the customer says, or as the intents of its subscriptions say. nil is a
// customer of something else that the publisher sells. It never looks at the
// address: whoever types it at Checkout has not proven it.
func (s *Service) ownerOf(tx *gorm.DB, subject models.SyncSubject, st state) (*uuid.UUID, error) {
	var known models.Customer
	err := tx.Where("id = ?", subject.ID).Take(&known).Error
	if err != nil && !models.NotFound(err) {
		return nil, fmt.Errorf("load customer %s: %w", subject.ID, err)
	}
	if known.MemberID != nil {
		return known.MemberID, nil
	}
	if id, ok := parseID(st.customer.Metadata[metaMember]); ok {
		var member models.Member
		err := tx.Where("id = ?", id).Take(&member).Error
		if err == nil {
			return &member.ID, nil
		}
		if !models.NotFound(err) {
			return nil, fmt.Errorf("load the member of customer %s: %w", subject.ID, err)
		}
	}
	return s.ownerByIntent(tx, st)
}

// ownerByIntent follows the intents of a guest's subscriptions. The first sync
// after a guest's purchase makes the member.
func (s *Service) ownerByIntent(tx *gorm.DB, st state) (*uuid.UUID, error) {
	for _, sub := range st.subscriptions {
		id, ok := parseID(sub.Metadata[metaIntent])
		if !ok || !st.begun(sub) {
			continue
		}
		var intent models.CheckoutIntent
		// Locked: of two customers that paid for one intent the second finds the first's member.
		err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Where("id = ?", id).Take(&intent).Error
		if models.NotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("load intent %s: %w", id, err)
		}
		if intent.MemberID != nil {
			return intent.MemberID, nil
		}
		member, err := s.newOwner(tx, st, intent.Locale)
		if err != nil {
			return nil, err
		}
		return &member.ID, tx.Model(&intent).Update("member_id", member.ID).Error
	}
	return nil, nil
}

// noAddress ends what stands for an address that we do not have. It is none
// (RFC 2606), and models.CanonicalEmail refuses it, so that nobody writes there.
const noAddress = "@invalid"

// newOwner makes the member of a guest's purchase. An address that somebody owns
// already makes a provisional one, whose purchase touches nothing of the other's
// until the address is proven; so does one that we cannot read, because whoever paid
// must read on all the same.
func (s *Service) newOwner(tx *gorm.DB, st state, locale string) (models.Member, error) {
	now := s.clock()
	member := models.Member{ID: models.NewID(), Name: storable(st.customer.Name), Locale: locale, CreatedAt: now, UpdatedAt: now}
	email, err := models.CanonicalEmail(st.customer.Email)
	if err != nil {
		return provisional(tx, member, member.ID.String()+noAddress)
	}
	// The address may be taken between look and write: the index decides.
	member.Email = &email
	done := tx.Exec(`INSERT INTO members (id, email, name, locale, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (email) DO NOTHING`, member.ID, email, member.Name, locale, now, now)
	if done.Error != nil {
		return member, fmt.Errorf("make a member: %w", done.Error)
	}
	if done.RowsAffected == 1 {
		return member, nil
	}
	return provisional(tx, member, email)
}

func provisional(tx *gorm.DB, member models.Member, email string) (models.Member, error) {
	member.Email, member.ProvisionalEmail = nil, &email
	if err := tx.Create(&member).Error; err != nil {
		return member, fmt.Errorf("make a provisional member: %w", err)
	}
	return member, nil
}
