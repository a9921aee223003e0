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

// verify checks a Stripe-Signature header ("t=…,v1=…,v1=…") over the raw body
// against any of the secrets. Not stripe-go's ConstructEvent: that refuses other
// API versions, takes one secret and reads the process clock.
// https://stripe.com/docs/webhooks#verify-manually
func verify(body []byte, header string, secrets []string, now time.Time) error {
	at, signatures, err := parseHeader(header)
	if err != nil {
		return err
	}
	if away := now.Sub(time.Unix(at, 0)); away > tolerance || away < -tolerance {
		return errOldSignature
	}
	for _, secret := range secrets {
		expected := sign(body, at, secret)
		for _, signature := range signatures {
			if hmac.Equal(expected, signature) {
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

func parseHeader(header string) (at int64, signatures [][]byte, err error) {
	at = -1
	for pair := range strings.SplitSeq(header, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return 0, nil, errNoSignature
		}
		switch key {
		case "t":
			if at, err = strconv.ParseInt(value, 10, 64); err != nil || at < 0 {
				return 0, nil, errNoSignature
			}
		case "v1":
			signature, err := hex.DecodeString(value)
			if err != nil || len(signatures) == maxSignatures {
				continue
			}
			signatures = append(signatures, signature)
		}
	}
	if at < 0 || len(signatures) == 0 {
		return 0, nil, errNoSignature
	}
	return at, signatures, nil
}
