package models

import (
	"errors"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// ErrAddress says that a text is not an e-mail address.
var ErrAddress = errors.New("not an e-mail address")

// CanonicalEmail is the form in which addresses are kept and compared: trimmed,
// NFC, A–Z folded (and nothing else: strings.ToLower folds the Kelvin sign to k),
// the domain in its ASCII form (IDNA), at most 254 bytes. Dots and plus signs stay.
func CanonicalEmail(raw string) (string, error) {
	text := norm.NFC.String(strings.TrimSpace(raw))
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || strings.ContainsFunc(text, forbidden) || strings.Contains(text[:at], "@") {
		return "", ErrAddress
	}
	domain, err := idna.Lookup.ToASCII(foldASCII(text[at+1:]))
	if err != nil || !strings.Contains(domain, ".") {
		return "", ErrAddress
	}
	email := foldASCII(text[:at]) + "@" + domain
	if len(email) > 254 {
		return "", ErrAddress
	}
	return email, nil
}

func forbidden(r rune) bool {
	return r <= ' ' || r == 0x7f || r == ',' || r == '<' || r == '>' || r == '\\' || r == '"' || r == '\u00a0' || r == '\ufffd'
}

func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}
