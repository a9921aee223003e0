package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// codeLife is how long a client may take to exchange a code: its reader's browser is
// on the way there (RFC 6749, section 4.1.2, allows ten minutes).
const codeLife = time.Minute

// IssueCode returns a code with which the client, and it alone, gets one token for the
// visitor, within a minute. The challenge is the hash of a secret of the client's
// (RFC 7636, S256): who steals a code on its way has not what it is exchanged with.
func (s *Service) IssueCode(ctx context.Context, v Visitor, client models.Client, challenge string) (code string, err error) {
	now, secret := s.now(), randomSeed()
	row := models.ClientCode{
		Hash: hash(secret), ClientID: client.ID, SessionID: v.Session.ID, Challenge: challenge,
		CreatedAt: now, ExpiresAt: now.Add(codeLife),
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error { return gorm.G[models.ClientCode](tx).Create(ctx, &row) })
	if err != nil {
		return "", fmt.Errorf("keep a code: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(secret), nil
}

// IsChallenge says whether s can be the hash of a client's secret, as S256 writes it.
func IsChallenge(s string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(raw) == sha256.Size
}

// Exchange is what a client presents to get a token.
type Exchange struct {
	ClientID, Secret string
	Code             string
	Verifier         string // the secret whose hash the code was asked for with
	Callback         string // where the code was sent, if the client says so; "" if not
	IP               string // who asks, for the limits; kept nowhere
}

// ExchangeCode uses up a code and returns whose it is. The error is an *Error: of
// KindUnauthorized when these are not a client's credentials, of KindLimited when too
// many of those came from there, and of KindInvalid when the code is not good, or not
// any more, for this client and verifier, or its session has ended. A code that comes a
// second time is noted in the audit log and ends nothing: a browser that sends a
// request twice must sign nobody out.
func (s *Service) ExchangeCode(ctx context.Context, in Exchange) (Visitor, models.Client, error) {
	client, err := s.identify(ctx, in)
	if err != nil {
		return Visitor{}, client, err
	}
	code, err := s.spendCode(ctx, client, in.Code)
	if err != nil {
		return Visitor{}, client, err
	}
	sum := sha256.Sum256([]byte(in.Verifier))
	shown := base64.RawURLEncoding.EncodeToString(sum[:])
	if subtle.ConstantTimeCompare([]byte(shown), []byte(code.Challenge)) != 1 || in.Callback != "" && in.Callback != client.Callback {
		return Visitor{}, client, errCodeRefused
	}
	session, err := gorm.G[models.Session](s.db.DB).Where("id = ?", code.SessionID).Take(ctx)
	switch {
	case models.NotFound(err) || err == nil && ended(session, s.now()):
		return Visitor{}, client, errCodeRefused
	case err != nil:
		return Visitor{}, client, fmt.Errorf("load session %s: %w", code.SessionID, err)
	}
	v, err := s.visitor(ctx, session)
	return v, client, err
}

// identify is the client with these credentials.
func (s *Service) identify(ctx context.Context, in Exchange) (models.Client, error) {
	client, err := s.Clients.Client(ctx, in.ClientID)
	if err != nil && !errors.Is(err, errClientUnknown) {
		return client, err
	}
	if err == nil && s.Clients.authentic(client, in.Secret) {
		return client, nil
	}
	if err := s.mayFail(ctx, in.IP); err != nil {
		return models.Client{}, err
	}
	return models.Client{}, errClientRefused
}

// spendCode uses up a live code of the client, before anything else about it is looked
// at: of any number of calls at once, one gets it.
func (s *Service) spendCode(ctx context.Context, client models.Client, code string) (models.ClientCode, error) {
	secret, err := base64.RawURLEncoding.Strict().DecodeString(code)
	if err != nil || len(secret) != seedBytes {
		return models.ClientCode{}, errCodeRefused
	}
	which := map[string]any{"hash": hash(secret), "client": client.ID, "now": s.now()}
	var spent []models.ClientCode
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		spent = nil
		err := tx.Raw(`UPDATE client_codes SET used_at = @now
			WHERE hash = @hash AND client_id = @client AND used_at IS NULL AND expires_at > @now
			RETURNING session_id, challenge`, which).Scan(&spent).Error
		if err != nil {
			return fmt.Errorf("use up a code: %w", err)
		}
		if len(spent) == 0 {
			return s.noteReplay(tx, client, which)
		}
		return nil
	})
	switch {
	case err != nil:
		return models.ClientCode{}, err
	case len(spent) == 0:
		return models.ClientCode{}, errCodeRefused
	}
	return spent[0], nil
}

// noteReplay tells the audit log, once, that a used code has come again.
func (s *Service) noteReplay(tx *gorm.DB, client models.Client, which map[string]any) error {
	var sessions []uuid.UUID
	err := tx.Raw(`UPDATE client_codes SET replayed_at = @now
		WHERE hash = @hash AND client_id = @client AND used_at IS NOT NULL AND replayed_at IS NULL
		RETURNING session_id`, which).Scan(&sessions).Error
	if err != nil || len(sessions) == 0 {
		return err
	}
	after, err := json.Marshal(map[string]string{"session": sessionName(sessions[0])})
	if err != nil {
		return fmt.Errorf("write the audit entry: %w", err)
	}
	return models.Audit(tx, models.AuditEntry{
		At: s.now(), Actor: "auth", Action: "client.code_replayed", Subject: clientName(client.ID), After: after,
		Reason: "a code that had been used was presented again",
	})
}
