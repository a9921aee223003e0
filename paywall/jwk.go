package paywall

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// JWKS is the document at the issuer's /.well-known/jwks.json (RFC 7517).
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// JWK is one public signature key in it: P-256 for ES256 (RFC 7518, section
// 6.2) or Ed25519 for EdDSA (RFC 8037). Coordinates are base64url.
type JWK struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y,omitempty"`
	ID        string `json:"kid"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
}

// NewJWK describes a public key, a *ecdsa.PublicKey on P-256 or an
// ed25519.PublicKey. The kid is the key's thumbprint (RFC 7638).
func NewJWK(public crypto.PublicKey) (JWK, error) {
	var k JWK
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		if p.Curve != elliptic.P256() {
			return JWK{}, errors.New("describe key: the curve is not P-256")
		}
		point, err := p.Bytes()
		if err != nil {
			return JWK{}, fmt.Errorf("describe key: %w", err)
		}
		k = JWK{Type: "EC", Curve: "P-256", X: encode(point[1:33]), Y: encode(point[33:]), Algorithm: "ES256"}
	case ed25519.PublicKey:
		k = JWK{Type: "OKP", Curve: "Ed25519", X: encode(p), Algorithm: "EdDSA"}
	default:
		return JWK{}, fmt.Errorf("describe key: %T is not supported", public)
	}
	k.ID, k.Use = k.thumbprint(), "sig"
	return k, nil
}

// thumbprint hashes the required members in alphabetical order, as RFC 7638,
// section 3 says; Type decides which those are.
func (k JWK) thumbprint() string {
	y := ""
	if k.Type == "EC" {
		y = `,"y":"` + k.Y + `"`
	}
	sum := sha256.Sum256([]byte(`{"crv":"` + k.Curve + `","kty":"` + k.Type + `","x":"` + k.X + `"` + y + `}`))
	return encode(sum[:])
}

// PublicKey returns the *ecdsa.PublicKey or ed25519.PublicKey. It refuses a
// point that is not on the curve.
func (k JWK) PublicKey() (crypto.PublicKey, error) {
	x, err := decode(k.X)
	if err != nil {
		return nil, fmt.Errorf("key %q: x: %w", k.ID, err)
	}
	switch {
	case k.Type == "OKP" && k.Curve == "Ed25519" && len(x) == ed25519.PublicKeySize && k.Y == "":
		return ed25519.PublicKey(x), nil
	case k.Type == "EC" && k.Curve == "P-256" && len(x) == 32:
		y, err := decode(k.Y)
		if err != nil {
			return nil, fmt.Errorf("key %q: y: %w", k.ID, err)
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	}
	return nil, fmt.Errorf("key %q: not a P-256 or Ed25519 key", k.ID)
}

// verifyKey is a public key with the only algorithm that it may be used with.
type verifyKey struct {
	public crypto.PublicKey
	method jwt.SigningMethod
	names  []string // what the header's alg may call the method
}

// usable reports whether the key is one that we could check a token with;
// others in the same document are none of our business.
func (k JWK) usable() bool {
	known := k.Type == "EC" && k.Curve == "P-256" || k.Type == "OKP" && k.Curve == "Ed25519"
	return known && (k.Use == "" || k.Use == "sig")
}

func (k JWK) verifyKey() (verifyKey, error) {
	public, err := k.PublicKey()
	if err != nil {
		return verifyKey{}, err
	}
	vk := verifyKey{public: public, method: jwt.SigningMethodES256, names: []string{"ES256"}}
	if k.Type == "OKP" {
		// RFC 9864 renames EdDSA over this curve; both names are in use.
		vk.method, vk.names = jwt.SigningMethodEdDSA, []string{"EdDSA", "Ed25519"}
	}
	if k.Algorithm != "" && !vk.allows(k.Algorithm) {
		return verifyKey{}, fmt.Errorf("key %q: alg %q does not fit the key", k.ID, k.Algorithm)
	}
	return vk, nil
}

func (k verifyKey) allows(alg string) bool { return slices.Contains(k.names, alg) }

func (k verifyKey) verify(signed, signature string) error {
	raw, err := decode(signature)
	if err != nil {
		return err
	}
	return k.method.Verify(signed, raw, k.public)
}

// parseJWKS returns the usable keys by kid. A document in which one of them is
// malformed, comes twice or has no kid is refused whole, and so is one without
// any: whoever wrote it is not well, and the keys of yesterday are better.
func parseJWKS(data []byte) (map[string]verifyKey, error) {
	var doc JWKS
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("parse keys: %w", err)
	}
	keys := make(map[string]verifyKey, len(doc.Keys))
	for _, k := range doc.Keys {
		if !k.usable() {
			continue
		}
		vk, err := k.verifyKey()
		if err != nil {
			return nil, fmt.Errorf("parse keys: %w", err)
		}
		if _, twice := keys[k.ID]; twice || k.ID == "" {
			return nil, fmt.Errorf("parse keys: kid %q is empty or comes twice", k.ID)
		}
		keys[k.ID] = vk
	}
	if len(keys) == 0 {
		return nil, errors.New("parse keys: the document holds no usable key")
	}
	return keys, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

var strict = base64.RawURLEncoding.Strict()

// decode reads canonical base64url: no padding, no line breaks (which the
// standard decoder skips), no stray bits in the last character.
func decode(s string) ([]byte, error) {
	if strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0 {
		return nil, errors.New("line break in base64")
	}
	return strict.DecodeString(s)
}
