package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

// benchClaims are those of a token of the usual size.
func benchClaims() paywall.Claims {
	now := time.Now().Unix()
	return paywall.Claims{
		Issuer: "https://members.example.news", Audience: "https://www.example.news", ClientID: "membership",
		Subject: Subject(models.NewID()), SessionID: sessionName(models.NewID()), TokenID: models.NewID().String(),
		IssuedAt: now, NotBefore: now, Expires: now + 600,
		Entitlements: []string{"articles:full", "sources:links"}, Tier: "Supporter", MemberSince: 1_700_000_000, Version: 7,
	}
}

// BenchmarkSign signs a token; everything that is known before is ready.
func BenchmarkSign(b *testing.B) {
	sign := signing(b, algES256)
	b.ReportAllocs()
	for b.Loop() {
		sign()
	}
}

func signing(b *testing.B, alg string) func() {
	b.Helper()
	s, err := newSigner(alg)
	if err != nil {
		b.Fatal(err)
	}
	claims := benchClaims()
	return func() {
		if _, err := s.sign(claims); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSignBesideRawP256 holds it against the floor: the signature of a digest, and
// nothing else.
func BenchmarkSignBesideRawP256(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a token"))
	beside(b, signing(b, algES256), func() {
		if _, err := ecdsa.SignASN1(rand.Reader, key, digest[:]); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkSignBesideRawEd25519 is the same of EdDSA, over as many bytes as a token
// has.
func BenchmarkSignBesideRawEd25519(b *testing.B) {
	s, err := newSigner(algEdDSA)
	if err != nil {
		b.Fatal(err)
	}
	token, err := s.sign(benchClaims())
	if err != nil {
		b.Fatal(err)
	}
	private, message := s.private.(ed25519.PrivateKey), []byte(token)
	beside(b, signing(b, algEdDSA), func() { ed25519.Sign(private, message) })
}

// beside does two things in turn, so that what slows the machine slows both, and
// reports the median time of the one ÷ that of the other.
func beside(b *testing.B, one, other func()) {
	b.Helper()
	var ones, others []time.Duration
	for b.Loop() {
		begun := time.Now()
		other()
		between := time.Now()
		one()
		ones, others = append(ones, time.Since(between)), append(others, between.Sub(begun))
	}
	slices.Sort(ones)
	slices.Sort(others)
	b.ReportMetric(float64(ones[len(ones)/2])/float64(others[len(others)/2]), "ratio")
}
