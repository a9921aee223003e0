package money

import (
	"errors"
	"strings"
)

// ErrSyntax says that a text is not an amount; ErrTooFine that it has more digits
// after the point than its currency; ErrTooLarge that it is beyond any payment.
var (
	ErrSyntax   = errors.New("not an amount")
	ErrTooFine  = errors.New("more decimals than the currency has")
	ErrTooLarge = errors.New("larger than any payment can be")
)

// maxMinor is Stripe's largest amount: eight digits.
// https://stripe.com/docs/currencies#minimum-and-maximum-charge-amounts
const maxMinor = 99_999_999

// Parse reads an amount of currency as people type it: digits, and at most one
// comma or point before the decimals ("10", "10.5", "10,50"). Signs, exponents,
// currency symbols and thousands separators are ErrSyntax, so that "1,000" is
// never taken for one or for a thousand where it might mean the other.
func Parse(text, currency string) (Money, error) {
	whole, fraction, err := cut(strings.TrimSpace(text))
	if err != nil {
		return Money{}, err
	}
	digits := Exponent(currency)
	if len(fraction) > digits {
		return Money{}, tooFine(fraction, digits)
	}
	minor, err := number(whole + fraction + strings.Repeat("0", digits-len(fraction)))
	if err != nil {
		return Money{}, err
	}
	if minor%Step(currency) != 0 {
		return Money{}, ErrTooFine
	}
	return Of(minor, currency), nil
}

// cut splits text at its one separator and refuses all that is not a digit.
func cut(text string) (whole, fraction string, err error) {
	at := strings.IndexAny(text, ".,")
	whole = text
	if at >= 0 {
		whole, fraction = text[:at], text[at+1:]
		if fraction == "" {
			return "", "", ErrSyntax
		}
	}
	if whole == "" || !isDigits(whole) || !isDigits(fraction) {
		return "", "", ErrSyntax
	}
	return whole, fraction, nil
}

// tooFine tells decimals beyond the currency's from what looks like thousands
// ("1,000"), which is ambiguous.
func tooFine(fraction string, digits int) error {
	if len(fraction) == 3 && digits != 3 {
		return ErrSyntax
	}
	return ErrTooFine
}

func isDigits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

func number(digits string) (int64, error) {
	var n int64
	for _, r := range digits {
		n = n*10 + int64(r-'0')
		if n > maxMinor {
			return 0, ErrTooLarge
		}
	}
	return n, nil
}
