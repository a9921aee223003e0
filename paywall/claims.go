package paywall

import (
	"fmt"
	"time"
)

// Limits and names of the access token, shared by those who sign it and those
// who check it.
const (
	// TokenType is the header's typ (RFC 9068, section 2.1).
	TokenType = "at+jwt"
	// CookieName is the cookie that carries the token to the article service,
	// unless Config.Cookie says otherwise.
	CookieName = "__Secure-access"
	// MaxTokenBytes is the length above which a token is refused unread.
	MaxTokenBytes = 4096
	// MaxEntitlements is how many entitlements one token may name.
	MaxEntitlements = 32
)

// Claims is the payload of an access token, a profile of RFC 9068. Instants
// are whole seconds since 1970 UTC. The membership service signs exactly this
// struct, marshalled by encoding/json, under a header of exactly alg, kid and
// typ.
type Claims struct {
	Issuer string `json:"iss"`
	// Audience is the origin of the one article service that the token is
	// for, such as https://www.example.news. RFC 7519 would allow a list too;
	// here it is always a single string, so that a token for one service can
	// never be played to another.
	Audience  string `json:"aud"`
	Subject   string `json:"sub"` // opaque, never an e-mail address
	ClientID  string `json:"client_id"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	TokenID   string `json:"jti"`
	SessionID string `json:"sid"`
	// Entitlements are the features that the reader may use, sorted, each
	// once, at most MaxEntitlements. None at all may be left out.
	Entitlements []string `json:"entitlements,omitempty"`
	// Tier is the plan's name, for display only.
	Tier string `json:"tier,omitempty"`
	// MemberSince is zero for a reader who never was a member.
	MemberSince int64 `json:"member_since,omitempty"`
	// Grace is set only when access rests on grace.
	Grace  GraceClaim `json:"grace,omitzero"`
	Notice Notice     `json:"notice,omitempty"`
	// Version counts the changes of the member's entitlements.
	Version int64 `json:"ev"`
}

// GraceClaim says that access goes on although it is no longer paid for.
type GraceClaim struct {
	Until  int64  `json:"until"`
	Reason string `json:"reason"`
}

// Notice is one thing that the page should tell the reader. A value unknown to
// this version is passed on as it is.
type Notice string

// The notices that the membership service gives.
const (
	NoticePaymentFailed Notice = "payment_failed"
	NoticeCardExpiring  Notice = "card_expiring"
	NoticeGiftEnding    Notice = "gift_ending"
)

// parseClaims reads a payload whose signature has been checked.
func parseClaims(data []byte) (c Claims, err error) {
	return c, record(&c, data, claimFields, requiredClaims)
}

var requiredClaims = []string{"iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti", "sid", "ev"}

// claimFields is the one list of claims that we read, each with its type.
var claimFields = map[string]func(*Claims, string) error{
	"iss":          func(c *Claims, v string) error { return text(&c.Issuer, v) },
	"aud":          func(c *Claims, v string) error { return text(&c.Audience, v) },
	"sub":          func(c *Claims, v string) error { return text(&c.Subject, v) },
	"client_id":    func(c *Claims, v string) error { return text(&c.ClientID, v) },
	"iat":          func(c *Claims, v string) error { return instant(&c.IssuedAt, v) },
	"nbf":          func(c *Claims, v string) error { return instant(&c.NotBefore, v) },
	"exp":          func(c *Claims, v string) error { return instant(&c.Expires, v) },
	"jti":          func(c *Claims, v string) error { return text(&c.TokenID, v) },
	"sid":          func(c *Claims, v string) error { return text(&c.SessionID, v) },
	"entitlements": func(c *Claims, v string) error { return sortedTexts(&c.Entitlements, v) },
	"tier":         func(c *Claims, v string) error { return text(&c.Tier, v) },
	"member_since": func(c *Claims, v string) error { return instant(&c.MemberSince, v) },
	"grace":        func(c *Claims, v string) error { return parseGrace(&c.Grace, v) },
	"notice":       func(c *Claims, v string) error { return text((*string)(&c.Notice), v) },
	"ev":           func(c *Claims, v string) error { return whole(&c.Version, v) },
}

func parseGrace(g *GraceClaim, value string) error {
	seen, err := object([]byte(value), func(name, value string) error {
		switch name {
		case "until":
			return instant(&g.Until, value)
		case "reason":
			return text(&g.Reason, value)
		}
		return fmt.Errorf("unknown field %q", name)
	})
	if err != nil {
		return err
	}
	return requireAll(seen, []string{"until", "reason"})
}

// meant reports whether the claims are from this issuer, for this audience,
// and of a lifetime that a sane issuer would give.
func (c *Claims) meant(issuer, audience string, maxLifetime time.Duration) error {
	switch {
	case c.Issuer != issuer:
		return fmt.Errorf("%w: another issuer", ErrInvalid)
	case c.Audience != audience:
		return fmt.Errorf("%w: another audience", ErrInvalid)
	case c.Expires <= c.IssuedAt || c.Expires <= c.NotBefore:
		return fmt.Errorf("%w: it ends before it begins", ErrInvalid)
	case c.Expires-c.IssuedAt > int64(maxLifetime/time.Second):
		return fmt.Errorf("%w: it lives too long", ErrInvalid)
	}
	return nil
}

// timely reports whether the token is good at now. The end is looked at last,
// so that ErrExpired means that nothing else is wrong.
func (c *Claims) timely(now time.Time, leeway time.Duration) error {
	if latest := now.Add(leeway).Unix(); c.IssuedAt > latest || c.NotBefore > latest {
		return fmt.Errorf("%w: it is not good yet", ErrInvalid)
	}
	if !now.Add(-leeway).Before(time.Unix(c.Expires, 0)) {
		return ErrExpired
	}
	return nil
}
