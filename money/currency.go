package money

// Exponents that are not two. Stripe's own list, which differs from ISO 4217: ISK
// and UGX are sent with two decimals that must be zero.
// https://stripe.com/docs/currencies#zero-decimal
// https://stripe.com/docs/currencies#three-decimal
var exponents = map[string]int{
	"bif": 0, "clp": 0, "djf": 0, "gnf": 0, "jpy": 0, "kmf": 0, "krw": 0, "mga": 0,
	"pyg": 0, "rwf": 0, "vnd": 0, "vuv": 0, "xaf": 0, "xof": 0, "xpf": 0,
	"bhd": 3, "jod": 3, "kwd": 3, "omr": 3, "tnd": 3,
}

// steps are the smallest differences that Stripe takes where that is not one
// minor unit.
var steps = map[string]int64{
	"bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10,
	"isk": 100, "ugx": 100,
}

// minimums are Stripe's smallest charges, in minor units.
// https://stripe.com/docs/currencies#minimum-and-maximum-charge-amounts
var minimums = map[string]int64{
	"usd": 50, "eur": 50, "aud": 50, "cad": 50, "chf": 50, "nzd": 50, "sgd": 50,
	"brl": 50, "inr": 50, "jpy": 50, "gbp": 30, "sek": 300, "nok": 300, "dkk": 250,
	"pln": 200, "ron": 200, "aed": 200, "myr": 200, "czk": 1500, "huf": 17500,
	"hkd": 400, "mxn": 1000, "bgn": 100,
}

// Exponent is how many digits follow the decimal point in amounts of currency.
func Exponent(currency string) int {
	if e, ok := exponents[currency]; ok {
		return e
	}
	return 2
}

// Step is the smallest difference between two amounts that Stripe takes.
func Step(currency string) int64 {
	if s, ok := steps[currency]; ok {
		return s
	}
	return 1
}

// Minimum is Stripe's smallest charge in currency, and whether it is known.
func Minimum(currency string) (Money, bool) {
	minor, ok := minimums[currency]
	return Of(minor, currency), ok
}
