package paywall

import (
	"errors"
	"fmt"
	"strings"
)

// check answers for a token that is not in the cache. Time is the caller's to
// judge.
func (s *keySet) check(token string) (Claims, error) {
	data, err := s.open(token, TokenType)
	if err != nil {
		return Claims{}, err
	}
	c, err := parseClaims(data)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: payload: %w", ErrInvalid, err)
	}
	return c, nil
}

// open returns the payload of a JWS in compact form (RFC 7515, section 7.1):
// first its shape is checked, then the key, then the signature, and what it
// says is the caller's to read only after that.
func (s *keySet) open(jws, typ string) ([]byte, error) {
	head, rest, _ := strings.Cut(jws, ".")
	payload, signature, whole := strings.Cut(rest, ".") // a fourth part is no base64
	if !whole {
		return nil, fmt.Errorf("%w: it has not three parts", ErrInvalid)
	}
	key, err := s.keyFor(head, typ)
	if err != nil {
		return nil, err
	}
	if err := key.verify(jws[:len(head)+1+len(payload)], signature); err != nil {
		return nil, fmt.Errorf("%w: signature: %w", ErrInvalid, err)
	}
	data, err := decode(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: payload: %w", ErrInvalid, err)
	}
	return data, nil
}

// keyFor finds the key that a header names, for the algorithm that it names.
func (s *keySet) keyFor(head, typ string) (verifyKey, error) {
	alg, kid, err := parseHeader(head, typ)
	if err != nil {
		return verifyKey{}, fmt.Errorf("%w: header: %w", ErrInvalid, err)
	}
	key, found := s.keys[kid]
	if !found {
		return verifyKey{}, errUnknownKey
	}
	if !key.allows(alg) {
		return verifyKey{}, fmt.Errorf("%w: alg is not the key's", ErrInvalid)
	}
	return key, nil
}

var errUnknownKey = fmt.Errorf("%w: unknown key", ErrInvalid)

// parseHeader accepts alg, kid and typ, and nothing beside them: crit, jwk,
// jku and whatever comes next would each be an instruction from the bearer.
func parseHeader(segment, wanted string) (alg, kid string, err error) {
	data, err := decode(segment)
	if err != nil {
		return "", "", err
	}
	var typ string
	seen, err := object(data, func(name, value string) error {
		switch name {
		case "alg":
			return text(&alg, value)
		case "kid":
			return text(&kid, value)
		case "typ":
			return text(&typ, value)
		}
		return errors.New("unknown field")
	})
	if err != nil {
		return "", "", err
	}
	if len(seen) != 3 || typ != wanted {
		return "", "", fmt.Errorf("it must hold alg, kid and typ %s", wanted)
	}
	return alg, kid, nil
}
