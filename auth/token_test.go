package auth

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/paywall"
)

// reader is what an article service makes of a token: the public package, fed with
// our own document of keys.
func reader(t *testing.T, b bench) *paywall.Verifier {
	t.Helper()
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(b.Keys.JWKS().Body)
	}))
	t.Cleanup(keys.Close)
	v, err := paywall.New(paywall.Config{
		Issuer: b.cfg.Issuer, Audience: b.cfg.Audiences[0], JWKSURL: keys.URL, Clock: b.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestArticleServiceAcceptsTheToken(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig()
			cfg.Algorithm = alg
			b := setupWith(t, cfg)
			prepare(t, b.Service)
			in := b.signIn(t, "ada@example.org")
			access := Access{Features: []string{"sources:links", "articles:full", "sources:links"}, Tier: "Friend", Version: 7}
			token, expires, err := b.Token(t.Context(), Visitor{in.Member, in.Session}, access, "")
			if err != nil {
				t.Fatal(err)
			}
			m, err := reader(t, b).Verify(token)
			if err != nil {
				t.Fatal(err)
			}
			if m.ID != Subject(in.Member.ID) || !m.Has("sources:links") || !m.Has("articles:full") || m.Tier != "Friend" {
				t.Errorf("read %+v", m)
			}
			if !expires.Equal(b.now().Add(10 * time.Minute)) {
				t.Errorf("expires %s", expires)
			}
		})
	}
}

// decode reads a token's header and claims as any JSON reader would.
func decode(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func TestTokenSaysWhatItMust(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	in := b.signIn(t, "ada@example.org")
	until := b.now().Add(48 * time.Hour)
	token, _, err := b.Token(t.Context(), Visitor{in.Member, in.Session}, Access{
		Features: []string{"articles:full"}, Tier: "Friend", MemberSince: b.now().Add(-time.Hour), Version: 3,
		GraceUntil: until, GraceReason: "payment_failed", Notice: "payment_failed", NextChange: until,
	}, "https://archive.example.news")
	if err != nil {
		t.Fatal(err)
	}
	header, claims := decode(t, token)
	if diff := cmp.Diff(map[string]any{"alg": "ES256", "kid": b.Keys.ring.Load().active.public.ID, "typ": "at+jwt"}, header); diff != "" {
		t.Error(diff)
	}
	now := float64(b.now().Unix())
	want := map[string]any{
		"iss": b.cfg.Issuer, "aud": "https://archive.example.news", "sub": Subject(in.Member.ID), "client_id": "membership",
		"iat": now, "nbf": now, "exp": now + 600, "jti": claims["jti"], "sid": "ses_" + in.Session.ID.String(),
		"entitlements": []any{"articles:full"}, "tier": "Friend", "member_since": now - 3600,
		"grace": map[string]any{"until": float64(until.Unix()), "reason": "payment_failed"}, "notice": "payment_failed", "ev": 3.0,
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Error(diff)
	}
}

func TestTokenEndsWithTheEntitlement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	in := b.signIn(t, "ada@example.org")
	for after, want := range map[time.Duration]time.Duration{
		time.Hour:               10 * time.Minute,
		10 * time.Minute:        10 * time.Minute,
		10*time.Minute - 1:      10*time.Minute - time.Second,
		90 * time.Second:        90 * time.Second,
		1500 * time.Millisecond: time.Second,
		300 * time.Millisecond:  time.Second, // the shortest token there is
		-300 * time.Millisecond: time.Second,
	} {
		_, expires, err := b.Token(t.Context(), Visitor{in.Member, in.Session}, Access{NextChange: b.now().Add(after)}, "")
		if err != nil || !expires.Equal(b.now().Add(want)) {
			t.Errorf("change in %s: expires in %s, want %s (%v)", after, expires.Sub(b.now()), want, err)
		}
	}
}

func TestTokensThatAreNotSigned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.signIn(t, "ada@example.org")
	v := Visitor{in.Member, in.Session}
	if _, _, err := b.Token(t.Context(), v, Access{}, ""); err == nil {
		t.Error("signed before there was a key")
	}
	prepare(t, b.Service)
	_, _, err := b.Token(t.Context(), v, Access{}, "https://elsewhere.example")
	wantCode(t, err, "token.audience_unknown")
	_, _, err = b.Token(t.Context(), v, Access{}, b.cfg.Issuer)
	wantCode(t, err, "token.audience_unknown")
	var features []string
	for i := range paywall.MaxEntitlements + 1 {
		features = append(features, "section:"+strconv.Itoa(i))
	}
	if _, _, err := b.Token(t.Context(), v, Access{Features: features}, ""); err == nil {
		t.Error("signed more features than fit")
	}
	if _, _, err := b.Token(t.Context(), v, Access{Features: slices.Repeat(features[:32], 2)}, ""); err != nil {
		t.Errorf("as many as fit: %v", err)
	}
	for i := range features {
		features[i] += strings.Repeat("x", 80)
	}
	if _, _, err := b.Token(t.Context(), v, Access{Features: features[:32]}, ""); err == nil {
		t.Error("signed a token that no browser would keep")
	}
}
