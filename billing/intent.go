package billing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Buyer is who stands at the till, as far as we know.
type Buyer struct {
	MemberID    *uuid.UUID // nil for a guest
	Nonce       string     // the form's own, so that one form buys once
	BrowserHash []byte     // SHA-256 of the cookie of the buying browser
	ReturnTo    string     // where to go on reading; already found safe
	Locale      string
}

// sessionLife is how long a page at Stripe waits for its buyer; Stripe takes 30
// minutes to 24 hours.
// https://stripe.com/docs/api/checkout/sessions/create#create_checkout_session-expires_at
const sessionLife = time.Hour

// newIntent is the row of one wish. The form's nonce is kept with a digest of what
// was wished for: the same form sent twice finds its intent again, and a reader who
// comes back and chooses another amount gets a page for that amount.
func (s *Service) newIntent(kind models.IntentKind, b Buyer, wish string) models.CheckoutIntent {
	now := s.clock()
	digest := sha256.Sum256([]byte(wish))
	return models.CheckoutIntent{
		ID: models.NewID(), Livemode: s.cfg.Livemode,
		Kind: kind, Status: models.IntentOpen, MemberID: b.MemberID, Attempt: 1,
		FormNonce: b.Nonce + ":" + hex.EncodeToString(digest[:8]), BrowserHash: b.BrowserHash, ReturnTo: b.ReturnTo, Locale: b.Locale,
		CreatedAt: now, ExpiresAt: now.Add(sessionLife),
	}
}

// sameForm finds the intent that this form began already, so that a double click
// or a second tab goes where the first went. A nonce that another browser used, or
// whose page is closed, is refused.
func (s *Service) sameForm(tx *gorm.DB, wanted models.CheckoutIntent) (*models.CheckoutIntent, error) {
	var known models.CheckoutIntent
	err := tx.Where("form_nonce = ?", wanted.FormNonce).Take(&known).Error
	if models.NotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the form's intent: %w", err)
	}
	if known.Status != models.IntentOpen || !known.ExpiresAt.After(s.clock()) || !bytes.Equal(known.BrowserHash, wanted.BrowserHash) {
		return nil, &Error{Kind: KindConflict, Code: "form_used"}
	}
	return &known, nil
}

// openSession asks Stripe for the intent's page. The key is made from the row, so
// that asking twice opens one session.
func (s *Service) openSession(ctx context.Context, intent models.CheckoutIntent, params *stripe.CheckoutSessionParams) (string, error) {
	if intent.SessionURL != "" {
		return intent.SessionURL, nil
	}
	params.Context = ctx
	params.SetIdempotencyKey(fmt.Sprintf("co_%s_%d", intent.ID, intent.Attempt))
	session, err := s.stripe.CheckoutSessions.New(params)
	if err != nil {
		return "", s.sessionRefused(ctx, intent, err)
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&models.CheckoutIntent{}).Where("id = ?", intent.ID).
			Updates(map[string]any{"session_id": session.ID, "session_url": session.URL}).Error
	})
	if err != nil {
		return "", fmt.Errorf("keep the session of intent %s: %w", intent.ID, err)
	}
	return session.URL, nil
}

// sessionRefused moves the intent to its next key: Stripe replays a stored 5xx for
// a day under the old one.
func (s *Service) sessionRefused(ctx context.Context, intent models.CheckoutIntent, cause error) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&models.CheckoutIntent{}).Where("id = ? AND session_id IS NULL", intent.ID).
			Update("attempt", gorm.Expr("attempt + 1")).Error
	})
	if err != nil {
		s.log.ErrorContext(ctx, "could not move a checkout intent to its next attempt", "intent", intent.ID, "error", err)
	}
	return unavailable("open a checkout session", cause)
}

// sessionParams are what every checkout page of ours has.
func (s *Service) sessionParams(intent models.CheckoutIntent, cancelPath string) *stripe.CheckoutSessionParams {
	params := &stripe.CheckoutSessionParams{
		ClientReferenceID: stripe.String(intent.ID.String()),
		SuccessURL:        stripe.String(s.cfg.PublicURL + "/thanks?session_id={CHECKOUT_SESSION_ID}"),
		CancelURL:         stripe.String(s.cfg.PublicURL + cancelPath),
		ExpiresAt:         stripe.Int64(intent.ExpiresAt.Unix()),
		Locale:            stripe.String("auto"),
		Metadata:          intentMetadata(intent),
	}
	return params
}

func intentMetadata(intent models.CheckoutIntent) map[string]string {
	m := map[string]string{metaApp: appName, metaIntent: intent.ID.String()}
	if intent.DonationID != nil {
		m[metaDonation] = intent.DonationID.String()
	}
	if intent.MemberID != nil {
		m[metaMember] = intent.MemberID.String()
	}
	return m
}
