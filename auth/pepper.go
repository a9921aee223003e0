package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/google/uuid"

	"newsroom.example/membership/models"
)

// pepper derives every secret that we hand out from a row and from this key, which
// is not in the database: a dump of all tables forges nothing, and any replica can
// say the same secret again.
type pepper []byte

const (
	seedBytes = 32
	macBytes  = sha256.Size
)

// derive is HMAC-SHA-256 over the purpose and the parts. Each is preceded by its
// length, so that no two lists of parts read the same.
func (p pepper) derive(purpose string, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, p)
	for _, part := range append([][]byte{[]byte(purpose)}, parts...) {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// link is the secret half of an attempt's mailed link.
func (p pepper) link(a models.SignInAttempt) []byte {
	return p.derive("sign-in link", a.ID[:], []byte(a.Kind), a.Seed)
}

// code is an attempt's mailed code: 40 bits as eight characters of Crockford's
// alphabet, which has no I, L, O or U to mistake. It is guessed at five times.
func (p pepper) code(a models.SignInAttempt) string {
	return crockford.EncodeToString(p.derive("sign-in code", a.ID[:], []byte(a.Kind), a.Seed)[:5])
}

// address is the secret half of a link that takes a step in a change of address.
func (p pepper) address(c models.AddressChange, step AddressStep) []byte {
	return p.derive("address link", c.ID[:], []byte(step), c.Seed)
}

// addressCode is what is mailed to the new address beside the link.
func (p pepper) addressCode(c models.AddressChange) string {
	return crockford.EncodeToString(p.derive("address code", c.ID[:], c.Seed)[:5])
}

// refresh is the secret half of a session's refresh token of one generation.
func (p pepper) refresh(s models.Session, generation int64) []byte {
	return p.derive("refresh token", s.ID[:], binary.BigEndian.AppendUint64(nil, uint64(generation)), s.Seed)
}

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// typedCode is the code that somebody meant who typed s.
func typedCode(s string) string {
	return strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(s))
}

// randomSeed is unguessable; crypto/rand.Read never fails.
func randomSeed() []byte {
	seed := make([]byte, seedBytes)
	_, _ = rand.Read(seed)
	return seed
}

// Tokens travel as base64url of a row's id and something behind it.

func encodeToken(id uuid.UUID, rest ...[]byte) string {
	raw := id[:]
	for _, r := range rest {
		raw = append(raw, r...)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// decodeToken returns the id and the n bytes behind it. Each token has one
// spelling: stray bits in the last character are refused.
func decodeToken(token string, n int) (id uuid.UUID, rest []byte, ok bool) {
	size := len(id) + n
	if len(token) != base64.RawURLEncoding.EncodedLen(size) {
		return id, nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != size {
		return id, nil, false
	}
	return uuid.UUID(raw[:len(id)]), raw[len(id):], true
}
