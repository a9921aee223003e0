// Package money holds amounts as Stripe counts them: integers in a currency's
// smallest unit, never floats. It reads and writes plain decimal text; how an
// amount looks to a reader of some language is locale's.
package money

import (
	"fmt"
	"strconv"
	"strings"
)

// Money is an amount in the smallest unit that Stripe takes for its currency.
type Money struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"` // ISO 4217, lower case, as Stripe writes it
}

// Of returns minor units of currency.
func Of(minor int64, currency string) Money { return Money{Minor: minor, Currency: currency} }

// String is the amount as plain digits with its currency, like "10.50 EUR": for
// logs and command lines.
func (m Money) String() string { return m.Decimal() + " " + strings.ToUpper(m.Currency) }

// Decimal is the amount as plain digits with a decimal point, like "10.50", "1000"
// (JPY) or "1.230" (KWD).
func (m Money) Decimal() string {
	digits := Exponent(m.Currency)
	if digits == 0 {
		return strconv.FormatInt(m.Minor, 10)
	}
	sign, n := "", m.Minor
	if n < 0 {
		sign, n = "-", -n
	}
	text := fmt.Sprintf("%0*d", digits+1, n)
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// Units splits the amount into whole units and the digits after the point, the
// latter padded to the currency's exponent and empty where it is zero.
func (m Money) Units() (whole int64, fraction string) {
	text := m.Decimal()
	before, after, _ := strings.Cut(text, ".")
	whole, _ = strconv.ParseInt(before, 10, 64)
	return whole, after
}
