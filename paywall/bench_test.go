package paywall_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

// A token of the usual size: every claim, two entitlements.
func benchToken(issuer *paywalltest.Issuer) string {
	return issuer.Token(
		paywalltest.Entitlements("articles:full", "sources:links"),
		paywalltest.Tier("Supporter"),
		paywalltest.InGrace(issuer.Now().Add(time.Hour), "payment_failed"),
		paywalltest.Noticing(paywall.NoticePaymentFailed),
		func(c *paywall.Claims) { c.MemberSince = 1_700_000_000 },
	)
}

// BenchmarkVerifyCold checks a token that is not remembered.
func BenchmarkVerifyCold(b *testing.B) { benchCold(b, paywalltest.NewIssuer(b)) }

// BenchmarkVerifyColdEdDSA is the same of an Ed25519 key.
func BenchmarkVerifyColdEdDSA(b *testing.B) {
	issuer := paywalltest.NewIssuer(b)
	issuer.RotateEdDSA()
	benchCold(b, issuer)
}

func benchCold(b *testing.B, issuer *paywalltest.Issuer) {
	b.Helper()
	v, tokens := forgetful(b, issuer), manyTokens(issuer)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := v.Verify(tokens[i%len(tokens)]); err != nil {
			b.Fatal(err)
		}
	}
}

// By the time that each of four times as many tokens as fit comes round again, it is
// forgotten.
func forgetful(b *testing.B, issuer *paywalltest.Issuer) *paywall.Verifier {
	b.Helper()
	return issuer.Verifier(b, func(c *paywall.Config) { c.CacheSize = 64 })
}

func manyTokens(issuer *paywalltest.Issuer) []string {
	tokens := make([]string, 256)
	for i := range tokens {
		tokens[i] = benchToken(issuer)
	}
	return tokens
}

// BenchmarkVerifyCached checks a token that was seen before, while thousands
// of others are revoked.
func BenchmarkVerifyCached(b *testing.B) {
	issuer := revoking(b)
	v, token := issuer.Verifier(b), benchToken(issuer)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}

func revoking(b *testing.B) *paywalltest.Issuer {
	b.Helper()
	issuer := paywalltest.NewIssuer(b)
	for range 1_000 {
		issuer.Revoke("mem_" + rand.Text())
		issuer.RevokeSession("ses_" + rand.Text())
	}
	return issuer
}

// BenchmarkUnknownKid refuses one of a flood of invented tokens.
func BenchmarkUnknownKid(b *testing.B) {
	token := benchToken(paywalltest.NewIssuer(b))
	v := paywalltest.NewIssuer(b).Verifier(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(token); err == nil {
			b.Fatal("accepted")
		}
	}
}

// BenchmarkRequire serves an article that says nothing to a reader seen before.
func BenchmarkRequire(b *testing.B) {
	issuer := paywalltest.NewIssuer(b)
	benchRequire(b, issuer.Verifier(b), []string{benchToken(issuer)})
}

// BenchmarkRequireCold is the same to one who is not remembered.
func BenchmarkRequireCold(b *testing.B) {
	issuer := paywalltest.NewIssuer(b)
	benchRequire(b, forgetful(b, issuer), manyTokens(issuer))
}

func benchRequire(b *testing.B, v *paywall.Verifier, tokens []string) {
	b.Helper()
	h := v.Require("articles:full")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	var requests []*http.Request
	for _, token := range tokens {
		r := httptest.NewRequest(http.MethodGet, "/a/ferry", nil)
		r.AddCookie(&http.Cookie{Name: paywall.CookieName, Value: token})
		requests = append(requests, r)
	}
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		clear(w.Header())
		h.ServeHTTP(w, requests[i%len(requests)])
	}
	if w.Code != http.StatusOK {
		b.Fatal(w.Code)
	}
}

// BenchmarkGolangJWT checks the same token as most programs do: the library's
// defaults and a function that knows the key.
func BenchmarkGolangJWT(b *testing.B) {
	issuer := paywalltest.NewIssuer(b)
	token := benchToken(issuer)
	var set paywall.JWKS
	if err := json.Unmarshal(issuer.JWKS(), &set); err != nil {
		b.Fatal(err)
	}
	key, err := set.Keys[0].PublicKey()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jwt.Parse(token, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawP256 is the floor: the signature over a digest, and nothing
// else.
func BenchmarkRawP256(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a token"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
			b.Fatal("a good signature was refused")
		}
	}
}

// BenchmarkRawEd25519 is the floor of EdDSA, over as many bytes as a token
// has.
func BenchmarkRawEd25519(b *testing.B) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	message := make([]byte, len(benchToken(paywalltest.NewIssuer(b))))
	signature := ed25519.Sign(private, message)
	b.ReportAllocs()
	for b.Loop() {
		if !ed25519.Verify(public, message, signature) {
			b.Fatal("a good signature was refused")
		}
	}
}
