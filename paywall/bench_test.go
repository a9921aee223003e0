package paywall_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

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

// By the time that each of four times as many as fit comes round again, it is
// forgotten.
func benchCold(b *testing.B, issuer *paywalltest.Issuer) {
	b.Helper()
	v := issuer.Verifier(b, func(c *paywall.Config) { c.CacheSize = 64 })
	var tokens [256]string
	for i := range tokens {
		tokens[i] = benchToken(issuer)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := v.Verify(tokens[i%len(tokens)]); err != nil {
			b.Fatal(err)
		}
	}
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

// BenchmarkRequire serves an article that says nothing to a known reader.
func BenchmarkRequire(b *testing.B) {
	issuer := paywalltest.NewIssuer(b)
	h := issuer.Verifier(b).Require("articles:full")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest(http.MethodGet, "/a/ferry", nil)
	r.AddCookie(&http.Cookie{Name: paywall.CookieName, Value: benchToken(issuer)})
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		clear(w.Header())
		h.ServeHTTP(w, r)
	}
	if w.Code != http.StatusOK {
		b.Fatal(w.Code)
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
