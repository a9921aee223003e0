package locale

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/currency"
	"golang.org/x/text/number"

	"newsroom.example/membership/money"
)

const noBreakSpace = "\u00a0"

// Money is the amount with every decimal that its currency has, as in "€10.00":
// for lists and receipts.
func (l Locale) Money(m money.Money) string { return l.amount(m, false) }

// Price is the amount without decimals that are all zero, as in "€10" or "€7.50":
// for prices, presets and sentences.
func (l Locale) Price(m money.Money) string { return l.amount(m, true) }

func (l Locale) amount(m money.Money, short bool) string {
	sign := ""
	if m.Minor < 0 {
		sign, m.Minor = "−", -m.Minor
	}
	whole, fraction := m.Units()
	digits := l.numbers.Sprint(number.Decimal(whole))
	if fraction != "" && !(short && strings.Trim(fraction, "0") == "") {
		digits += l.point() + fraction
	}
	symbol := l.Symbol(m.Currency)
	return sign + l.Text("money.amount", Data{"Symbol": symbol, "Gap": gap(symbol), "Digits": digits})
}

// point is what this language puts before the decimals.
func (l Locale) point() string {
	return strings.Trim(l.numbers.Sprint(number.Decimal(1.5)), "15")
}

// Symbol is the currency's sign in this language, or its code when it has none
// there or is unknown.
func (l Locale) Symbol(code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return strings.ToUpper(code)
	}
	return l.numbers.Sprint(currency.Symbol(unit))
}

// gap keeps a symbol made of letters off the digits: "CHF 10", but "€10" (CLDR,
// currencySpacing).
func gap(symbol string) string {
	if last, _ := utf8.DecodeLastRuneInString(symbol); unicode.IsLetter(last) {
		return noBreakSpace
	}
	return ""
}
