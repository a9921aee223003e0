package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

// The algorithms that we sign with; each belongs to its kind of key.
const (
	algES256 = "ES256"
	algEdDSA = "EdDSA"
)

func knownAlgorithm(alg string) bool { return alg == "" || alg == algES256 || alg == algEdDSA }

// signer signs access tokens and the revocation feed with one private key.
type signer struct {
	public  paywall.JWK
	method  jwt.SigningMethod
	private crypto.Signer
	// The headers of tokens and of the revocation feed, ready to be put before the
	// claims.
	header, feedHeader string
}

// newSigner makes a key pair. Its kid does not begin with a dash, as one of 64 would:
// it could not be typed as a command's argument.
func newSigner(alg string) (signer, error) {
	for {
		private, err := generate(alg)
		if err != nil {
			return signer{}, fmt.Errorf("make a %s key: %w", alg, err)
		}
		if s, err := signWith(private); err != nil || !strings.HasPrefix(s.public.ID, "-") {
			return s, err
		}
	}
}

func generate(alg string) (crypto.Signer, error) {
	if alg == algEdDSA {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func signWith(private crypto.Signer) (signer, error) {
	public, err := paywall.NewJWK(private.Public())
	if err != nil {
		return signer{}, err
	}
	return signer{
		public: public, method: jwt.GetSigningMethod(public.Algorithm), private: private,
		header: headerOf(public, paywall.TokenType), feedHeader: headerOf(public, paywall.FeedType),
	}, nil
}

// headerOf is the header of what is signed with a key; typ keeps one sort of document
// from being taken for another (RFC 8725, section 3.11).
func headerOf(public paywall.JWK, typ string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + public.Algorithm + `","kid":"` + public.ID + `","typ":"` + typ + `"}`))
}

// sign returns the token that says claims.
func (s signer) sign(claims paywall.Claims) (string, error) { return s.signUnder(s.header, claims) }

func (s signer) signUnder(header string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	text := header + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := s.method.Sign(text, s.private)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// row is the key as the database keeps it.
func (s signer) row(sealer sealer, state models.KeyState, now time.Time) (models.SigningKey, error) {
	private, err := x509.MarshalPKCS8PrivateKey(s.private)
	if err != nil {
		return models.SigningKey{}, fmt.Errorf("write a private key: %w", err)
	}
	public, err := json.Marshal(s.public)
	if err != nil {
		return models.SigningKey{}, fmt.Errorf("write a public key: %w", err)
	}
	k := models.SigningKey{Kid: s.public.ID, Alg: s.public.Algorithm, PublicJWK: public, State: state, CreatedAt: now}
	if state == models.KeyActive {
		k.ActivatedAt = &now
	}
	k.SealedPrivate = sealer.seal(private, sealedBeside(k))
	return k, nil
}

// sealedBeside ties the private key to its row. The kid is the thumbprint of the
// public key (RFC 7638), so that all three are tied together.
func sealedBeside(k models.SigningKey) string { return k.Alg + " " + k.Kid }

// openKey unseals a row. The public half is derived anew and must be the row's: who
// can write to the database but has no sealing key can have no key published.
func openKey(sealer sealer, k models.SigningKey) (signer, error) {
	private, _, err := sealer.open(k.SealedPrivate, sealedBeside(k))
	if err != nil {
		return signer{}, fmt.Errorf("open signing key %s: %w", k.Kid, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return signer{}, fmt.Errorf("read signing key %s: %w", k.Kid, err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return signer{}, fmt.Errorf("read signing key %s: it cannot sign", k.Kid)
	}
	s, err := signWith(key)
	if err != nil {
		return signer{}, fmt.Errorf("read signing key %s: %w", k.Kid, err)
	}
	var stored paywall.JWK
	if err := json.Unmarshal(k.PublicJWK, &stored); err != nil || stored != s.public {
		return signer{}, fmt.Errorf("read signing key %s: its public half is another key's", k.Kid)
	}
	return s, nil
}
