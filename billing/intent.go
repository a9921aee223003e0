package billing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Buyer is who stands at the till, as far as we know.
type Buyer struct {
	MemberID    *uuid.UUID // nil for a guest
	Nonce       string     // the form's own, so that one form buys once
	BrowserHash []byte     // SHA-256 of the cookie of the buying browser
	IP          string     // where the form came from, for the limits
	Hasty       bool       // it came sooner than LeastRead, or was no form of ours
	ReturnTo    string     // where to go on reading; already found safe
	Locale      string
}

// newIntent is the row of one wish. Its key is a digest of the form's nonce, of what
// was wished for and by whom: the same form sent twice finds its intent again, a
// reader who comes back and chooses another amount gets a page for that amount, and
// one who has signed in meanwhile a page of their own.
func (s *Service) newIntent(kind models.IntentKind, b Buyer, wish string) models.CheckoutIntent {
	now := s.clock()
	buyer := ""
	if b.MemberID != nil {
		buyer = b.MemberID.String()
	}
	key := sha256.Sum256([]byte(strings.Join([]string{b.Nonce, wish, buyer}, "\x00")))
	return models.CheckoutIntent{
		ID: models.NewID(), Livemode: s.cfg.Livemode,
		Kind: kind, Status: models.IntentOpen, MemberID: b.MemberID, Attempt: 1,
		FormNonce: hex.EncodeToString(key[:]), BrowserHash: b.BrowserHash, ReturnTo: storable(b.ReturnTo), Locale: b.Locale,
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
