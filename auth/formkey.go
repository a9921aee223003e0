package auth

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// A form's key makes one rendered form act once, and tells when it was rendered: it is
// the instant in milliseconds, something random, and an HMAC over both.
const (
	formRandom = 12
	formBody   = 8 + formRandom
	formMAC    = 16
)

var formKeyLength = base64.RawURLEncoding.EncodedLen(formBody + formMAC)

// FormKey is the key of a form that is rendered now: 48 characters of base64url, no two
// alike.
func (s *Service) FormKey() string {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(s.now().UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(s.signedForm(append(stamp, randomSeed()[:formRandom]...)))
}

// FormAge is how long ago FormKey made the key that begins this text; ok is false where
// it made none.
func (s *Service) FormAge(text string) (age time.Duration, ok bool) {
	if len(text) < formKeyLength {
		return 0, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text[:formKeyLength])
	if err != nil {
		return 0, false
	}
	signed := s.signedForm(raw[:formBody:formBody])
	if subtle.ConstantTimeCompare(raw, signed) != 1 {
		return 0, false
	}
	return s.now().Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(raw)))), true
}

func (s *Service) signedForm(body []byte) []byte {
	return append(body, s.pepper.derive("form key", body)[:formMAC]...)
}
