package auth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

// maxToken is what fits into a cookie beside its name: browsers drop the larger ones
// without a word.
// https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-storage-model
const maxToken = paywall.MaxTokenBytes - len(paywall.CookieName)

// Access is what a reader may read, as billing says.
type Access struct {
	Features    []string // in any order; at most paywall.MaxEntitlements
	Tier        string
	MemberSince time.Time // zero: never was a member
	GraceUntil  time.Time // zero: access does not rest on grace
	GraceReason string
	Notice      string
	Version     int64
	NextChange  time.Time // zero: nothing will change by itself
}

// Token signs an access token for the visitor, for one of the audiences ("" is the
// first). It expires after ten minutes, or at NextChange when that is sooner, in
// whole seconds; it lives for one second at least. An audience that is not ours is
// an *Error of KindInvalid.
func (s *Service) Token(ctx context.Context, v Visitor, a Access, audience string) (token string, expires time.Time, err error) {
	audience = orElse(audience, s.cfg.Audiences[0])
	if !slices.Contains(s.cfg.Audiences, audience) {
		return "", time.Time{}, errAudience
	}
	return s.sign(ctx, v, a, recipient{audience, s.cfg.ClientID})
}

// ClientToken is Token for a client, whose audience and client_id it has.
func (s *Service) ClientToken(ctx context.Context, v Visitor, a Access, client models.Client) (token string, expires time.Time, err error) {
	return s.sign(ctx, v, a, recipient{client.Audience, clientName(client.ID)})
}

// recipient is whom a token is for, and who asked for it.
type recipient struct{ audience, client string }

func (s *Service) sign(ctx context.Context, v Visitor, a Access, to recipient) (token string, expires time.Time, err error) {
	active, err := s.Keys.signer(ctx)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign a token: %w", err)
	}
	claims, err := s.claims(v, a, to)
	if err != nil {
		return "", time.Time{}, err
	}
	if token, err = active.sign(claims); err != nil {
		return "", time.Time{}, err
	}
	if len(token) > maxToken {
		return "", time.Time{}, fmt.Errorf("sign a token: it has %d bytes, a cookie holds %d: the features' names are too long", len(token), maxToken)
	}
	return token, time.Unix(claims.Expires, 0).UTC(), nil
}

func (s *Service) claims(v Visitor, a Access, to recipient) (paywall.Claims, error) {
	features := slices.Compact(slices.Sorted(slices.Values(a.Features)))
	if len(features) > paywall.MaxEntitlements {
		return paywall.Claims{}, fmt.Errorf("sign a token: %d features, at most %d fit", len(features), paywall.MaxEntitlements)
	}
	now := s.now()
	c := paywall.Claims{
		Issuer: s.cfg.Issuer, Audience: to.audience, ClientID: to.client,
		Subject: Subject(v.Member.ID), SessionID: sessionName(v.Session.ID), TokenID: models.NewID().String(),
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: expiry(now, a.NextChange),
		Entitlements: features, Tier: a.Tier, Notice: paywall.Notice(a.Notice), Version: a.Version,
	}
	if !a.MemberSince.IsZero() {
		c.MemberSince = a.MemberSince.Unix()
	}
	if !a.GraceUntil.IsZero() {
		c.Grace = paywall.GraceClaim{Until: a.GraceUntil.Unix(), Reason: a.GraceReason}
	}
	return c, nil
}

// Subject is how the outside world names a member: the sub claim, and the id in the
// JSON API.
func Subject(member uuid.UUID) string { return "mem_" + member.String() }

// sessionName is how the outside world names a session: the sid claim.
func sessionName(session uuid.UUID) string { return "ses_" + session.String() }

func expiry(now, nextChange time.Time) int64 {
	end := now.Add(models.TokenLife)
	if !nextChange.IsZero() && nextChange.Before(end) {
		end = nextChange
	}
	// A token that ends when it begins is refused as malformed, and a reader
	// would be sent round in the last second before a change.
	return max(end.Unix(), now.Unix()+1)
}
