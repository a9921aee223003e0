package billing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// Checkout is a membership that somebody wants to buy.
type Checkout struct {
	Buyer
	PriceID string
}

// StartCheckout opens a page at Stripe for a plan and returns its address. A
// reader has at most one such page open: the same wish finds it again, another
// wish closes it. Refusals: price_unknown, already_member,
// membership_unpaid, membership_paused, form_used, stripe_unavailable, and those of
// Till.
func (s *Service) StartCheckout(ctx context.Context, c Checkout) (string, error) {
	if err := s.sold(ctx, c.PriceID); err != nil {
		return "", err
	}
	intent, err := s.membershipIntent(ctx, c)
	if err != nil {
		return "", err
	}
	customer, err := s.customerOf(ctx, intent)
	if err != nil {
		return "", err
	}
	params := s.sessionParams(intent, "/membership?return_to="+url.QueryEscape(intent.ReturnTo))
	params.Mode = stripe.String(string(stripe.CheckoutSessionModeSubscription))
	params.LineItems = []*stripe.CheckoutSessionLineItemParams{{Price: intent.PriceID, Quantity: stripe.Int64(1)}}
	params.SubscriptionData = &stripe.CheckoutSessionSubscriptionDataParams{Metadata: intentMetadata(intent)}
	params.Customer = customer
	return s.openSession(ctx, intent, params)
}

func (s *Service) sold(ctx context.Context, priceID string) error {
	var price models.Price
	if priceID != storable(priceID) {
		return invalid("price_unknown", "price", nil)
	}
	err := s.db.WithContext(ctx).Where("id = ? AND livemode = ? AND retired_at IS NULL", priceID, s.cfg.Livemode).Take(&price).Error
	if models.NotFound(err) {
		return invalid("price_unknown", "price", nil)
	}
	if err != nil {
		return fmt.Errorf("load price %s: %w", priceID, err)
	}
	return nil
}

// errMetAnother says that another request of the same reader or form came between
// two steps of this one.
var errMetAnother = errors.New("another checkout began meanwhile")

// meetings bounds how often one request gives way to others.
const meetings = 5

func (s *Service) membershipIntent(ctx context.Context, c Checkout) (models.CheckoutIntent, error) {
	for range meetings {
		err := s.closeOtherSession(ctx, c)
		var intent models.CheckoutIntent
		if err == nil {
			intent, err = s.beginMembership(ctx, c)
		}
		if !errors.Is(err, errMetAnother) {
			return intent, err
		}
	}
	return models.CheckoutIntent{}, &Error{Kind: KindConflict, Code: "form_used", Err: errMetAnother}
}

// beginMembership writes the intent, or finds the one that is open. Two at once
// meet at the index of open intents: the second finds the first's, if both wish for
// the same, and starts over otherwise.
func (s *Service) beginMembership(ctx context.Context, c Checkout) (models.CheckoutIntent, error) {
	intent := s.newIntent(models.IntentMembership, c.Buyer, c.PriceID)
	intent.PriceID = &c.PriceID
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		if err := s.notYetMember(tx, c.MemberID); err != nil {
			return err
		}
		known, err := s.sameForm(tx, intent)
		if err != nil {
			return err
		}
		if known == nil {
			known, err = s.openIntent(tx, c.MemberID)
		}
		if err != nil {
			return err
		}
		if known != nil && !s.serves(*known, c) {
			return errMetAnother
		}
		if known != nil {
			intent = *known
			return nil
		}
		if err := tx.Create(&intent).Error; err != nil {
			return err
		}
		return s.admit(ctx, tx, c.Buyer)
	})
	if models.Violates(err, "checkout_intents_one_open") || models.Violates(err, "checkout_intents_form_nonce") {
		return intent, errMetAnother
	}
	return intent, err
}

// notYetMember locks the member, so that a sync that brings the first membership
// and a second purchase cannot pass each other.
func (s *Service) notYetMember(tx *gorm.DB, memberID *uuid.UUID) error {
	if memberID == nil {
		return nil
	}
	member, err := lockMember(tx, *memberID)
	if err != nil {
		return err
	}
	live, err := s.liveMemberships(tx, member)
	if err != nil || len(live) == 0 {
		return err
	}
	if stuck := stuckOf(live); stuck != nil {
		return &Error{Kind: KindConflict, Code: stuckReason(*stuck)}
	}
	return &Error{Kind: KindConflict, Code: "already_member"}
}

func (s *Service) openIntent(tx *gorm.DB, memberID *uuid.UUID) (*models.CheckoutIntent, error) {
	if memberID == nil {
		return nil, nil
	}
	var known models.CheckoutIntent
	err := tx.Where("member_id = ? AND kind = ? AND status = ?", *memberID, models.IntentMembership, models.IntentOpen).Take(&known).Error
	if models.NotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for an open intent of %s: %w", *memberID, err)
	}
	return &known, nil
}

// closeOtherSession ends the reader's open page if it has run out, is for another
// price or was begun in another browser, and leaves one for the same wish open.
func (s *Service) closeOtherSession(ctx context.Context, c Checkout) error {
	open, err := s.openIntent(s.db.WithContext(ctx), c.MemberID)
	if err != nil || open == nil {
		return err
	}
	if s.serves(*open, c) {
		return nil
	}
	if open.SessionID != nil {
		if err := s.expireSession(ctx, *open.SessionID); err != nil {
			return err
		}
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error { return closeIntent(tx, *open) })
}

// closeIntent expires an open intent whose page, as it was read, is closed. One that
// has got a page meanwhile stays open: errMetAnother.
func closeIntent(tx *gorm.DB, read models.CheckoutIntent) error {
	var now models.CheckoutIntent
	err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Where("id = ?", read.ID).Take(&now).Error
	if err != nil {
		return fmt.Errorf("lock intent %s: %w", read.ID, err)
	}
	switch {
	case now.Status != models.IntentOpen:
		return nil
	case now.SessionURL != read.SessionURL:
		return errMetAnother
	}
	return tx.Model(&now).Update("status", models.IntentExpired).Error
}

// serves says whether an open intent is for this wish, from the same browser, and
// still good.
func (s *Service) serves(open models.CheckoutIntent, c Checkout) bool {
	return *open.PriceID == c.PriceID && bytes.Equal(open.BrowserHash, c.BrowserHash) && open.ExpiresAt.After(s.clock())
}

// expireSession closes a page at Stripe. One that was completed meanwhile is synced,
// so that the purchase counts and a second one is refused; as long as our books do
// not show it, nothing else may be bought.
func (s *Service) expireSession(ctx context.Context, sessionID string) error {
	params := &stripe.CheckoutSessionExpireParams{Params: stripe.Params{Context: ctx}}
	_, refusal := s.stripe.CheckoutSessions.Expire(sessionID, params)
	if refusal == nil || missing(refusal) { // missing: of Stripe's other mode, or of an account that was emptied
		return nil
	}
	session, err := s.stripe.CheckoutSessions.Get(sessionID, &stripe.CheckoutSessionParams{Params: stripe.Params{Context: ctx}})
	if err != nil {
		return unavailable("look at the open checkout session", err)
	}
	switch session.Status {
	case stripe.CheckoutSessionStatusExpired:
		return nil
	case stripe.CheckoutSessionStatusComplete:
		if err := s.syncSession(ctx, session); err != nil {
			return err
		}
		return s.booked(ctx, session)
	}
	return unavailable("expire the open checkout session", refusal)
}

// booked is an error while a completed session may still bring a membership: its
// intent is open in our books, and its customer's sync is still owed.
func (s *Service) booked(ctx context.Context, session *stripe.CheckoutSession) error {
	var open int64
	err := s.db.WithContext(ctx).Model(&models.CheckoutIntent{}).
		Where("session_id = ? AND status = ?", session.ID, models.IntentOpen).Count(&open).Error
	if err != nil {
		return fmt.Errorf("look for the intent of session %s: %w", session.ID, err)
	}
	if open == 0 || session.Customer == nil {
		return nil
	}
	clean, err := s.isClean(ctx, session.Customer.ID)
	if err == nil && !clean {
		return unavailable("bring a completed checkout into our books", errors.New("the sync did not end in time"))
	}
	return err
}
