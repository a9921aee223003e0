package paywall_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

func TestVerifyTellsWhatTheTokenSays(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	until := issuer.Now().Add(72 * time.Hour).UTC()
	token := issuer.Token(
		paywalltest.Entitlements("articles:full", "sources:links"),
		paywalltest.Tier("Supporter"),
		paywalltest.InGrace(until, "payment_failed"),
		paywalltest.Noticing(paywall.NoticePaymentFailed),
		func(c *paywall.Claims) { c.MemberSince = 1_700_000_000 },
	)
	got, err := issuer.Verifier(t).Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	want := paywall.Member{
		ID:     "mem_test",
		Tier:   "Supporter",
		Since:  time.Unix(1_700_000_000, 0).UTC(),
		Grace:  paywall.GracePeriod{Until: until, Reason: "payment_failed"},
		Notice: paywall.NoticePaymentFailed,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(paywall.Member{})); diff != "" {
		t.Errorf("member (-want +got):\n%s", diff)
	}
	for features, want := range map[string]bool{"articles:full": true, "articles:full sources:links": true, "archive": false, "articles:full archive": false} {
		if got := got.Has(strings.Fields(features)...); got != want {
			t.Errorf("Has(%s) = %v, want %v", features, got, want)
		}
	}
}

func TestMemberCannotChangeTheCache(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v, token := issuer.Verifier(t), issuer.Token(paywalltest.Entitlements("articles:full"))
	first, _ := v.Verify(token)
	first.Claims().Entitlements[0] = "archive"
	if second, _ := v.Verify(token); !second.Has("articles:full") || second.Has("archive") {
		t.Error("a caller changed what the next one is told")
	}
}

func TestTokenMayHaveNoEntitlementsAndUnknownClaims(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	m, err := issuer.Verifier(t).Verify(issuer.Token())
	if err != nil || m.Has("articles:full") || !m.Has() {
		t.Errorf("got %v, %v", m, err)
	}
}

// The instants around which a token begins and ends, at the default leeway of
// 5 s. Each is tried cold and, with the same verifier, cached.
func TestTimes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		move time.Duration
		want error
	}{
		"just not too early":  {-5 * time.Second, nil},
		"too early":           {-6 * time.Second, paywall.ErrInvalid},
		"in its last second":  {paywalltest.Lifetime - time.Second, nil},
		"in its leeway":       {paywalltest.Lifetime + 4*time.Second, nil},
		"at its leeway's end": {paywalltest.Lifetime + 5*time.Second, paywall.ErrExpired},
		"a month later":       {30 * 24 * time.Hour, paywall.ErrExpired},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := paywalltest.NewIssuer(t)
			cold, warm, token := issuer.Verifier(t), issuer.Verifier(t), issuer.Token()
			if _, err := warm.Verify(token); err != nil {
				t.Fatal(err)
			}
			issuer.Advance(c.move)
			for how, v := range map[string]*paywall.Verifier{"cold": cold, "cached": warm} {
				if _, err := v.Verify(token); !errors.Is(err, c.want) {
					t.Errorf("%s: got %v, want %v", how, err, c.want)
				}
			}
		})
	}
}

func TestLengthLimit(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v := issuer.Verifier(t)
	ofLength := func(n int) string {
		for pad := 1; ; pad++ {
			token := issuer.Token(paywalltest.Tier(strings.Repeat("x", n/2+pad)))
			if len(token) >= n {
				return token
			}
		}
	}
	token := ofLength(paywall.MaxTokenBytes - 4)
	if _, err := v.Verify(token); err != nil || len(token) > paywall.MaxTokenBytes {
		t.Errorf("%d bytes: %v", len(token), err)
	}
	token = ofLength(paywall.MaxTokenBytes + 1)
	if _, err := v.Verify(token); !errors.Is(err, paywall.ErrInvalid) {
		t.Errorf("%d bytes: %v", len(token), err)
	}
}

func TestEntitlementsLimit(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v := issuer.Verifier(t)
	features := make([]string, 0, paywall.MaxEntitlements+1)
	for i := range paywall.MaxEntitlements + 1 {
		features = append(features, fmt.Sprintf("feature:%02d", i))
	}
	if _, err := v.Verify(issuer.Token(paywalltest.Entitlements(features[:32]...))); err != nil {
		t.Errorf("32: %v", err)
	}
	for name, list := range map[string][]string{
		"33":       features,
		"unsorted": {"b", "a"},
		"repeated": {"a", "a"},
		"empty":    {"", "a"},
	} {
		if _, err := v.Verify(issuer.Token(paywalltest.Entitlements(list...))); !errors.Is(err, paywall.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequiredClaimsMayNotBeEmpty(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v := issuer.Verifier(t)
	for name, blank := range map[string]paywalltest.Option{
		"sub":         func(c *paywall.Claims) { c.Subject = "" },
		"client_id":   func(c *paywall.Claims) { c.ClientID = "" },
		"jti":         func(c *paywall.Claims) { c.TokenID = "" },
		"sid":         func(c *paywall.Claims) { c.SessionID = "" },
		"iat":         func(c *paywall.Claims) { c.IssuedAt = 0 },
		"nbf":         func(c *paywall.Claims) { c.NotBefore = 0 },
		"ev":          func(c *paywall.Claims) { c.Version = -1 },
		"grace until": func(c *paywall.Claims) { c.Grace.Reason = "payment_failed" },
		"grace why":   func(c *paywall.Claims) { c.Grace.Until = c.Expires },
		"exp before iat": func(c *paywall.Claims) {
			c.IssuedAt, c.NotBefore, c.Expires = c.IssuedAt-100, c.NotBefore-300, c.IssuedAt-200
		},
		"exp before nbf": func(c *paywall.Claims) {
			c.IssuedAt, c.NotBefore, c.Expires = c.IssuedAt-300, c.NotBefore-100, c.IssuedAt-200
		},
	} {
		if _, err := v.Verify(issuer.Token(blank)); !errors.Is(err, paywall.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyOptions(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	token := issuer.Token()
	issuer.Advance(paywalltest.Lifetime + 20*time.Second)
	cases := map[string]struct {
		change func(*paywall.Config)
		want   error
	}{
		"default":     {func(*paywall.Config) {}, paywall.ErrExpired},
		"Leeway":      {func(c *paywall.Config) { c.Leeway = time.Minute }, nil},
		"MaxLifetime": {func(c *paywall.Config) { c.MaxLifetime = 9 * time.Minute }, paywall.ErrInvalid},
		"Audience":    {func(c *paywall.Config) { c.Audience = "https://other.example.news" }, paywall.ErrInvalid},
		"Clock":       {func(c *paywall.Config) { c.Clock = func() time.Time { return issuer.Now().Add(-time.Minute) } }, nil},
		"JWKSURL": {func(c *paywall.Config) {
			c.Issuer, c.JWKSURL = "https://members.example.news", issuer.URL()+"/.well-known/jwks.json"
		}, paywall.ErrInvalid},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := issuer.Verifier(t, c.change).Verify(token); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestNoKeysYet(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	issuer.Break(paywalltest.Down)
	v, err := paywall.New(paywall.Config{
		Issuer: issuer.URL(), Audience: paywalltest.Audience, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatalf("the issuer is down and New failed: %v", err)
	}
	t.Cleanup(v.Close)
	if _, err := v.Verify(issuer.Token()); !errors.Is(err, paywall.ErrUnavailable) {
		t.Errorf("verify: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Ready(ended); !errors.Is(err, paywall.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("ready: %v", err)
	}
}
