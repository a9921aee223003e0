package billing

import (
	"context"
	"fmt"
	"net/url"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Checkout is a membership that somebody wants to buy.
type Checkout struct {
	Buyer
	PriceID string
}

// StartCheckout opens a page at Stripe for a plan and returns its address. A
// reader has at most one such page open: the same wish finds it again, another
// wish closes it. Refusals: price_unknown, already_member, form_used,
// stripe_unavailable.
func (s *Service) StartCheckout(ctx context.Context, c Checkout) (string, error) {
	if err := s.sold(ctx, c.PriceID); err != nil {
		return "", err
	}
	customer, err := s.customerOf(ctx, c.MemberID)
	if err != nil {
		return "", err
	}
	if err := s.closeOtherSession(ctx, c); err != nil {
		return "", err
	}
	intent, err := s.beginMembership(ctx, c)
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
	err := s.db.WithContext(ctx).Where("id = ? AND livemode = ? AND retired_at IS NULL", priceID, s.cfg.Livemode).Take(&price).Error
	if models.NotFound(err) {
		return invalid("price_unknown", "price", nil)
	}
	if err != nil {
		return fmt.Errorf("load price %s: %w", priceID, err)
	}
	return nil
}

// beginMembership writes the intent, or finds the one that is open. Two at once
// meet at the index of open intents: the second finds the first's.
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
		if known != nil {
			intent = *known
			return nil
		}
		return tx.Create(&intent).Error
	})
	if models.Violates(err, "checkout_intents_one_open") || models.Violates(err, "checkout_intents_form_nonce") {
		return s.beginMembership(ctx, c)
	}
	return intent, err
}

// notYetMember locks the member, so that a sync that brings the first membership
// and a second purchase cannot pass each other.
func (s *Service) notYetMember(tx *gorm.DB, memberID *uuid.UUID) error {
	if memberID == nil {
		return nil
	}
	if err := lockMember(tx, *memberID); err != nil {
		return err
	}
	var live int64
	err := tx.Model(&models.Subscription{}).
		Where("customer_id IN (SELECT id FROM customers WHERE member_id = ?)", *memberID).
		Where("kind = ? AND status IN ?", models.SubscriptionMembership, models.LiveStatuses).
		Count(&live).Error
	if err != nil {
		return fmt.Errorf("count the memberships of %s: %w", *memberID, err)
	}
	if live > 0 {
		return &Error{Kind: KindConflict, Code: "already_member"}
	}
	return nil
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
	same := *open.PriceID == c.PriceID && string(open.BrowserHash) == string(c.BrowserHash)
	if same && open.ExpiresAt.After(s.clock()) {
		return nil
	}
	if open.SessionID != nil {
		if err := s.expireSession(ctx, *open.SessionID); err != nil {
			return err
		}
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&models.CheckoutIntent{}).Where("id = ? AND status = ?", open.ID, models.IntentOpen).
			Update("status", models.IntentExpired).Error
	})
}

// expireSession closes a page at Stripe. One that was completed meanwhile is synced
// first, so that the purchase counts and a second one is refused.
func (s *Service) expireSession(ctx context.Context, sessionID string) error {
	session, err := s.stripe.CheckoutSessions.Get(sessionID, &stripe.CheckoutSessionParams{Params: stripe.Params{Context: ctx}})
	if err != nil {
		return unavailable("look at the open checkout session", err)
	}
	switch session.Status {
	case stripe.CheckoutSessionStatusComplete:
		return s.syncSession(ctx, session)
	case stripe.CheckoutSessionStatusExpired:
		return nil
	}
	_, err = s.stripe.CheckoutSessions.Expire(sessionID, &stripe.CheckoutSessionExpireParams{Params: stripe.Params{Context: ctx}})
	if err != nil {
		return unavailable("expire the open checkout session", err)
	}
	return nil
}
