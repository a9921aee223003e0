package stripesim

import (
	"fmt"
	"strings"
)

// minimums are the smallest charges that Stripe takes, in the smallest unit.
// https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
var minimums = map[string]int64{
	"usd": 50, "eur": 50, "aud": 50, "cad": 50, "chf": 50, "nzd": 50, "sgd": 50,
	"brl": 50, "inr": 50, "jpy": 50, "gbp": 30, "sek": 300, "nok": 300,
	"dkk": 250, "pln": 200, "ron": 200, "aed": 200, "myr": 200, "czk": 1500,
	"huf": 17500, "hkd": 400, "mxn": 1000, "bgn": 100,
}

// exponents lists the currencies that do not have two decimals.
// https://docs.stripe.com/currencies#zero-decimal
var exponents = map[string]int{
	"bif": 0, "clp": 0, "djf": 0, "gnf": 0, "jpy": 0, "kmf": 0, "krw": 0,
	"mga": 0, "pyg": 0, "rwf": 0, "ugx": 0, "vnd": 0, "vuv": 0, "xaf": 0,
	"xof": 0, "xpf": 0,
	"bhd": 3, "jod": 3, "kwd": 3, "omr": 3, "tnd": 3,
}

// others are taken too, with two decimals and no minimum in Stripe's table.
const others = " isk zar thb try ils idr php twd cop pen uah mad egp ngn kes "

// symbols for the hosted pages; other currencies show their code.
var symbols = map[string]string{"eur": "€", "usd": "US$", "gbp": "£", "jpy": "¥"}

const largest = 99999999 // eight digits, Stripe's maximum for most currencies

func knownCurrency(code string) bool {
	_, min := minimums[code]
	_, exp := exponents[code]
	return min || exp || strings.Contains(others, " "+code+" ")
}

// formatted writes an amount for people, as in "€12.50" or "CHF 7.00".
func formatted(amount int64, currency string) string {
	sign := ""
	if amount < 0 {
		sign, amount = "-", -amount
	}
	unit, ok := symbols[currency]
	if !ok {
		unit = strings.ToUpper(currency) + " "
	}
	return sign + unit + digits(amount, currency)
}

func digits(amount int64, currency string) string {
	exp := exponent(currency)
	text := fmt.Sprintf("%0*d", exp+1, amount)
	if exp == 0 {
		return text
	}
	return text[:len(text)-exp] + "." + text[len(text)-exp:]
}

// exponent is how many decimals a currency has.
func exponent(currency string) int {
	if exp, ok := exponents[currency]; ok {
		return exp
	}
	return 2
}

// fee is what the simulator's Stripe takes: 1.5 % and 25 of the smallest unit,
// as for European cards in euro. Real fees depend on country and card.
func fee(amount int64) int64 { return (amount*15+500)/1000 + 25 }

const debitFee = 35 // for a direct debit; Stripe's for SEPA in euro
