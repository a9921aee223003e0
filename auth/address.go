package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// A member's address changes once both mailboxes have said so: the new one because it
// must be theirs, the old one because a browser left open must not be enough to take
// an account away. Until a week has passed the old one can take it back.

const (
	// addressLife is longer than a sign-in's: two mailboxes must be opened.
	addressLife = time.Hour
	undoLife    = 7 * 24 * time.Hour
)

// AddressStep is what a link about a change of address does.
type AddressStep string

// The steps: the new address says that it is the member's, the old one that they want
// this, or that it was not them.
const (
	AddressNew  AddressStep = "new"
	AddressOld  AddressStep = "old"
	AddressUndo AddressStep = "undo"
)

// NewAddress is a wish to have another address.
type NewAddress struct {
	Email  string // as typed
	Locale string // a language tag or an Accept-Language header
	IP     string // who asks, for the limits
}

// RequestAddress keeps the wish and writes to both addresses. Whether the new one
// belongs to another member already is not looked at here: its owner is told so in the
// mail, and nobody else. An address that cannot be one, or is the member's own, is an
// *Error of KindInvalid.
func (s *Service) RequestAddress(ctx context.Context, v Visitor, in NewAddress) error {
	email, err := models.CanonicalEmail(in.Email)
	switch {
	case v.Session.Limited:
		return errLimited
	case err != nil:
		return errEmailInvalid
	case email == v.Member.Address():
		return errAddressSame
	}
	now := s.now()
	change := models.AddressChange{
		ID: models.NewID(), MemberID: v.Member.ID, SessionID: v.Session.ID, OldEmail: v.Member.Address(), NewEmail: email,
		Seed: randomSeed(), Locale: s.words.For(in.Locale).Tag(),
		CreatedAt: now, ExpiresAt: now.Add(addressLife), UndoUntil: now.Add(undoLife),
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		allowed, err := s.mayMail(ctx, tx, in.IP, changeMails, email)
		if err != nil {
			return err
		}
		if allowed, err = s.spend(ctx, tx, "changes of an address", change.OldEmail, s.cfg.PerAddress, allowed); err != nil {
			return err
		}
		change.Limited = !allowed
		if err := gorm.G[models.AddressChange](tx).Create(ctx, &change); err != nil {
			return fmt.Errorf("keep a change of address: %w", err)
		}
		for _, to := range []AddressStep{AddressNew, AddressOld} {
			if err := s.jobs.Enqueue(ctx, tx, addressMail{Change: change.ID, To: to}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// AddressLink is what a mailed link about a change of address is about.
type AddressLink struct {
	Step     AddressStep
	Old, New string
	// Done: the address is the new one by now, or with AddressUndo the old one again.
	Done bool
}

// AddressLink says what the link with that token is about, and changes nothing. The
// error is an *Error when it is none of ours, or it is too late.
func (s *Service) AddressLink(ctx context.Context, token string) (AddressLink, error) {
	c, step, err := s.addressStep(ctx, token)
	if err != nil {
		return AddressLink{}, err
	}
	end := c.ExpiresAt
	if step == AddressUndo {
		end = c.UndoUntil
	}
	if !s.now().Before(end) || c.UndoneAt != nil {
		return AddressLink{}, errAddressOver
	}
	return AddressLink{Step: step, Old: c.OldEmail, New: c.NewEmail, Done: c.DoneAt != nil}, nil
}

// addressStep finds the change that a link's token was made for, and what it does.
func (s *Service) addressStep(ctx context.Context, token string) (models.AddressChange, AddressStep, error) {
	var none models.AddressChange
	id, mac, ok := decodeToken(token, macBytes)
	if !ok {
		return none, "", errAddressLink
	}
	c, err := s.addressChange(ctx, id)
	if models.NotFound(err) {
		return none, "", errAddressLink
	}
	if err != nil {
		return none, "", err
	}
	for _, step := range []AddressStep{AddressNew, AddressOld, AddressUndo} {
		if subtle.ConstantTimeCompare(mac, s.pepper.address(c, step)) == 1 {
			return c, step, nil
		}
	}
	return none, "", errAddressLink
}

func (s *Service) addressChange(ctx context.Context, id uuid.UUID) (models.AddressChange, error) {
	c, err := gorm.G[models.AddressChange](s.db.DB).Where("id = ?", id).Take(ctx)
	if err != nil {
		return c, fmt.Errorf("load change of address %s: %w", id, err)
	}
	return c, nil
}
