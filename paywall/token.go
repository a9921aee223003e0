package paywall

import (
	"errors"
	"fmt"
	"strings"
)

// check answers for a token that is not in the cache: first its shape, then
// the key, then the signature, and only then what it says. Time is the
// caller's to judge.
func (s *keySet) check(token string) (Claims, error) {
	head, rest, _ := strings.Cut(token, ".")
	payload, signature, whole := strings.Cut(rest, ".") // a fourth part is no base64
	if !whole {
		return Claims{}, fmt.Errorf("%w: it has not three parts", ErrInvalid)
	}
	key, err := s.keyFor(head)
	if err != nil {
		return Claims{}, err
	}
	if err := key.verify(token[:len(head)+1+len(payload)], signature); err != nil {
		return Claims{}, fmt.Errorf("%w: signature: %w", ErrInvalid, err)
	}
	data, err := decode(payload)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: payload: %w", ErrInvalid, err)
	}
	c, err := parseClaims(data)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: payload: %w", ErrInvalid, err)
	}
	return c, nil
}

// keyFor finds the key that a token's header names, for the algorithm that it
// names.
func (s *keySet) keyFor(head string) (verifyKey, error) {
	alg, kid, err := parseHeader(head)
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
func parseHeader(segment string) (alg, kid string, err error) {
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
	if len(seen) != 3 || typ != TokenType {
		return "", "", fmt.Errorf("it must hold alg, kid and typ %s", TokenType)
	}
	return alg, kid, nil
}
