package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
)

// sealingKeyBytes makes it AES-256.
const sealingKeyBytes = 32

// sealer encrypts private keys for the database with AES-256-GCM under a random
// nonce. The first key seals, all open, so that keys can be exchanged one by one.
type sealer []cipher.AEAD

func newSealer(keys [][]byte) (sealer, error) {
	var s sealer
	for _, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("use a sealing key: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("use a sealing key: %w", err)
		}
		s = append(s, aead)
	}
	return s, nil
}

// seal binds plain to what it belongs to: it opens only beside the same text.
func (s sealer) seal(plain []byte, belongsTo string) []byte {
	return s[0].Seal(nil, nil, plain, []byte(belongsTo))
}

var errSealed = errors.New("none of SEALING_KEYS opens it: the one under which it was sealed must stay in the list, at any place")

// open returns what was sealed, and which of the keys opened it.
func (s sealer) open(sealed []byte, belongsTo string) (plain []byte, by int, err error) {
	for i, aead := range s {
		if plain, err := aead.Open(nil, nil, sealed, []byte(belongsTo)); err == nil {
			return plain, i, nil
		}
	}
	return nil, 0, errSealed
}
