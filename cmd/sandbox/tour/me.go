package tour

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"newsroom.example/membership/paywall"
)

// me is /v1/me: what the service says that the reader may read, and why.
type me struct {
	Tier         string
	Entitlements []struct {
		Feature string
		Until   time.Time
		InGrace bool `json:"in_grace"`
		Sources []string
	}
	Grace *struct {
		Until  time.Time
		Reason string
	}
}

func (m me) String() string {
	var parts []string
	for _, e := range m.Entitlements {
		parts = append(parts, e.Feature)
	}
	return fmt.Sprintf("%q with %s", m.Tier, strings.Join(parts, ", "))
}

// full says whether the reader may read every article in full.
func (m me) full() bool {
	for _, e := range m.Entitlements {
		if e.Feature == "articles:full" {
			return true
		}
	}
	return false
}

func (r *reader) me(ctx context.Context) (me, error) {
	p, err := r.open(ctx, r.Members+"/v1/me")
	if err != nil {
		return me{}, err
	}
	if p.status != http.StatusOK {
		return me{}, unlike("an answer from /v1/me", p)
	}
	var m me
	return m, json.Unmarshal(p.body, &m)
}

// token is what stands in the cookie for the newspaper. Its signature is the
// newspaper's to check.
func (r *reader) token() (paywall.Claims, error) {
	var claims paywall.Claims
	parts := strings.Split(r.cookie(r.News, paywall.CookieName), ".")
	if len(parts) != 3 {
		return claims, unlike("a token in the cookie for the newspaper", fmt.Sprintf("%d parts", len(parts)))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return claims, fmt.Errorf("decode the token: %w", err)
	}
	return claims, json.Unmarshal(payload, &claims)
}

// until waits until the service's answer about the reader is as wanted.
func (r *reader) until(ctx context.Context, wanted string, right func(me) bool) (m me, err error) {
	err = eventually(ctx, func(ctx context.Context) error {
		if m, err = r.me(ctx); err != nil {
			return err
		}
		if !right(m) {
			return unlike(wanted, m)
		}
		return nil
	})
	return m, err
}
