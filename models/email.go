package models

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Limits of RFC 5321, section 4.5.3.1, in bytes.
const (
	maxEmail     = 254
	maxLocalPart = 64
)

// domains maps a host name to its one spelling in the DNS (RFC 5891, UTS 46).
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
	idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// ErrAddress says that a text is not an e-mail address.
var ErrAddress = errors.New("not an e-mail address")

// CanonicalEmail is the one spelling under which an address is stored, compared and
// written to: trimmed, NFC, A to Z folded, the domain as the DNS has it. Only A to Z:
// strings.ToLower would also fold letters that mail servers keep apart. Dots and
// plus signs stay, since only the server knows what they mean. The error is
// ErrAddress; quoted local parts and address literals are refused too.
func CanonicalEmail(raw string) (string, error) {
	local, domain, ok := strings.Cut(norm.NFC.String(strings.TrimSpace(raw)), "@")
	if !ok || !utf8.ValidString(raw) || !isLocalPart(local) {
		return "", ErrAddress
	}
	ascii, err := domains.ToASCII(domain)
	if err != nil || !isMailDomain(ascii) {
		return "", ErrAddress
	}
	address := foldASCII(local) + "@" + ascii
	if len(address) > maxEmail {
		return "", ErrAddress
	}
	return address, nil
}

// isLocalPart says whether s is a dot-atom of RFC 5322 or, beyond ASCII, of letters,
// marks and digits (RFC 6531), without what could hide in it.
func isLocalPart(s string) bool {
	if s == "" || len(s) > maxLocalPart || strings.Contains("."+s+".", "..") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !isAtom(r) })
}

func isAtom(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune(".!#$%&'*+-/=?^_`{|}~", r)
	}
	return unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit)
}

// isMailDomain says whether mail from the outside could reach a host of that name:
// it has a dot, and does not end in a number as an IP address does.
func isMailDomain(ascii string) bool {
	dot := strings.LastIndexByte(ascii, '.')
	if dot <= 0 || dot == len(ascii)-1 {
		return false
	}
	return strings.Trim(ascii[dot+1:], "0123456789") != ""
}

func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
