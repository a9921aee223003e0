package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
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
func BenchmarkSign(b *testing.B)      { benchSign(b, algES256) }
func BenchmarkSignEdDSA(b *testing.B) { benchSign(b, algEdDSA) }

func benchSign(b *testing.B, alg string) {
	b.Helper()
	s, err := newSigner(alg)
	if err != nil {
		b.Fatal(err)
	}
	claims := benchClaims()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.sign(claims); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawSignP256 is the floor: the signature of a digest, and nothing else.
func BenchmarkRawSignP256(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a token"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ecdsa.SignASN1(rand.Reader, key, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawSignEd25519 is the floor of EdDSA, over as many bytes as a token has.
func BenchmarkRawSignEd25519(b *testing.B) {
	s, err := newSigner(algEdDSA)
	if err != nil {
		b.Fatal(err)
	}
	token, err := s.sign(benchClaims())
	if err != nil {
		b.Fatal(err)
	}
	private, message := s.private.(ed25519.PrivateKey), []byte(token)
	b.ReportAllocs()
	for b.Loop() {
		ed25519.Sign(private, message)
	}
}
