package paywall_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
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

// BenchmarkVerifyCold checks a token that is not remembered: by the time that
// each of four times as many as fit comes round again, it is forgotten.
func BenchmarkVerifyCold(b *testing.B) {
	issuer := paywalltest.NewIssuer(b)
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

// BenchmarkVerifyCached checks a token that was seen before.
func BenchmarkVerifyCached(b *testing.B) {
	issuer := paywalltest.NewIssuer(b)
	v, token := issuer.Verifier(b), benchToken(issuer)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(token); err != nil {
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
