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
	"slices"
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
func BenchmarkVerifyCold(b *testing.B) {
	verify := cold(b, paywalltest.NewIssuer(b))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		verify(i)
	}
}

// cold checks another token each time.
func cold(b *testing.B, issuer *paywalltest.Issuer) func(i int) {
	b.Helper()
	v, tokens := forgetful(b, issuer), manyTokens(issuer)
	return func(i int) {
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

// BenchmarkColdBesideRawP256 is a token seen first against the floor: the signature
// over a digest, and nothing else.
func BenchmarkColdBesideRawP256(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a token"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	beside(b, cold(b, paywalltest.NewIssuer(b)), func(int) {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
			b.Fatal("a good signature was refused")
		}
	})
}

// BenchmarkColdBesideRawEd25519 is the same of EdDSA, over as many bytes as a token
// has.
func BenchmarkColdBesideRawEd25519(b *testing.B) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	issuer := paywalltest.NewIssuer(b)
	issuer.RotateEdDSA()
	message := make([]byte, len(benchToken(issuer)))
	signature := ed25519.Sign(private, message)
	beside(b, cold(b, issuer), func(int) {
		if !ed25519.Verify(public, message, signature) {
			b.Fatal("a good signature was refused")
		}
	})
}

// BenchmarkGolangJWTBesideCold checks the same tokens as most programs do: the
// library's defaults and a function that knows the key.
func BenchmarkGolangJWTBesideCold(b *testing.B) {
	issuer := paywalltest.NewIssuer(b)
	var set paywall.JWKS
	if err := json.Unmarshal(issuer.JWKS(), &set); err != nil {
		b.Fatal(err)
	}
	key, err := set.Keys[0].PublicKey()
	if err != nil {
		b.Fatal(err)
	}
	tokens := manyTokens(issuer)
	beside(b, func(i int) {
		if _, err := jwt.Parse(tokens[i%len(tokens)], func(*jwt.Token) (any, error) { return key, nil }); err != nil {
			b.Fatal(err)
		}
	}, cold(b, issuer))
}

// beside does two things in turn, so that what slows the machine slows both, and
// reports the median time of the one ÷ that of the other.
func beside(b *testing.B, one, other func(i int)) {
	b.Helper()
	var ones, others []time.Duration
	for i := 0; b.Loop(); i++ {
		begun := time.Now()
		other(i)
		between := time.Now()
		one(i)
		ones, others = append(ones, time.Since(between)), append(others, between.Sub(begun))
	}
	slices.Sort(ones)
	slices.Sort(others)
	b.ReportMetric(float64(ones[len(ones)/2])/float64(others[len(others)/2]), "ratio")
}
