package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// tolerance is how far a signature's time may be from ours, either way.
// https://stripe.com/docs/webhooks#replay-attacks
const tolerance = 5 * time.Minute

// What a sender is told. None of it helps to guess a secret.
var (
	errNoSignature  = errors.New("the Stripe-Signature header is missing or malformed")
	errOldSignature = errors.New("the signature's time is more than five minutes from ours: check the clocks")
	errBadSignature = errors.New("no signature matches: check the endpoint's signing secret")
)

// signature is a Stripe-Signature header ("t=…,v1=…,v1=…"), read.
type signature struct {
	at     int64 // when it was made, in seconds since 1970
	hashes [][]byte
}

// verify checks the signature over the raw body against any of the secrets. Not
// stripe-go's ConstructEvent: that refuses other API versions, takes one secret and
// reads the process clock.
// https://stripe.com/docs/webhooks#verify-manually
func (s signature) verify(body []byte, secrets []string) error {
	for _, secret := range secrets {
		expected := sign(body, s.at, secret)
		for _, hash := range s.hashes {
			if hmac.Equal(expected, hash) {
				return nil
			}
		}
	}
	return errBadSignature
}

func sign(body []byte, at int64, secret string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(strconv.AppendInt(nil, at, 10))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return mac.Sum(nil)
}

// maxSignatures bounds the work that a header can ask for; Stripe sends one per
// live secret.
const maxSignatures = 16

// parseSignature reads the header and refuses one whose time is too far from now.
func parseSignature(header string, now time.Time) (signature, error) {
	s := signature{at: -1}
	for pair := range strings.SplitSeq(header, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return s, errNoSignature
		}
		switch key {
		case "t":
			at, err := strconv.ParseInt(value, 10, 64)
			if err != nil || at < 0 {
				return s, errNoSignature
			}
			s.at = at
		case "v1":
			s.add(value)
		}
	}
	if s.at < 0 || len(s.hashes) == 0 {
		return s, errNoSignature
	}
	if away := now.Sub(time.Unix(s.at, 0)); away > tolerance || away < -tolerance {
		return s, errOldSignature
	}
	return s, nil
}

// add takes a hash in hexadecimal; what is none is passed over, as Stripe's own
// libraries do.
func (s *signature) add(value string) {
	if hash, err := hex.DecodeString(value); err == nil && len(s.hashes) < maxSignatures {
		s.hashes = append(s.hashes, hash)
	}
}
