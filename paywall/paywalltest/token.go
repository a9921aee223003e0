package paywalltest

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"newsroom.example/membership/paywall"
)

// Option changes the claims of a token. A plain function will do where none of
// those below fits.
type Option func(*paywall.Claims)

// Entitlements are the features that the token names, sorted.
func Entitlements(features ...string) Option {
	return func(c *paywall.Claims) { c.Entitlements = features }
}

// Tier is the plan's name.
func Tier(name string) Option {
	return func(c *paywall.Claims) { c.Tier = name }
}

// Expired makes a token that was good until a minute ago.
func Expired() Option {
	return func(c *paywall.Claims) {
		c.Expires = c.IssuedAt - 60
		c.IssuedAt -= 600
		c.NotBefore = c.IssuedAt
	}
}

// InGrace makes access rest on grace until the instant given.
func InGrace(until time.Time, reason string) Option {
	return func(c *paywall.Claims) { c.Grace = paywall.GraceClaim{Until: until.Unix(), Reason: reason} }
}

// Noticing makes the token carry a notice.
func Noticing(n paywall.Notice) Option {
	return func(c *paywall.Claims) { c.Notice = n }
}

// Token signs a token as the membership service would: for Audience, good from
// now for Lifetime, without entitlements, a new jti each time.
func (i *Issuer) Token(options ...Option) string {
	claims := i.claims()
	for _, o := range options {
		o(&claims)
	}
	k := i.signer()
	return k.sign(k.header(paywall.TokenType), must(json.Marshal(claims)))
}

func (i *Issuer) claims() paywall.Claims {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tokens++
	return paywall.Claims{
		Issuer:    i.url,
		Audience:  Audience,
		Subject:   "mem_test",
		ClientID:  "web",
		IssuedAt:  i.now.Unix(),
		NotBefore: i.now.Unix(),
		Expires:   i.now.Add(Lifetime).Unix(),
		TokenID:   "tok_" + strconv.Itoa(i.tokens),
		SessionID: "ses_test",
		Version:   i.version,
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// must is for what cannot fail: marshalling our own types and signing with our
// own keys.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
