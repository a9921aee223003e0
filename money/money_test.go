package money_test

import (
	"errors"
	"testing"

	"newsroom.example/membership/money"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, currency string
		minor          int64
		err            error
	}{
		{"10", "eur", 1000, nil},
		{"10.5", "eur", 1050, nil},
		{"10,50", "eur", 1050, nil},
		{" 10.00 ", "usd", 1000, nil},
		{"0.5", "gbp", 50, nil},
		{"1000", "jpy", 1000, nil},
		{"1000.0", "jpy", 0, money.ErrTooFine},
		{"1.230", "kwd", 1230, nil},
		{"1.235", "kwd", 0, money.ErrTooFine}, // the last digit must be 0
		{"100", "isk", 10000, nil},
		{"100.50", "isk", 0, money.ErrTooFine},
		{"10.505", "eur", 0, money.ErrSyntax}, // may be ten thousand five hundred and five
		{"10.5055", "eur", 0, money.ErrTooFine},
		{"1,000", "eur", 0, money.ErrSyntax},
		{"1.000,00", "eur", 0, money.ErrSyntax},
		{"1e9", "eur", 0, money.ErrSyntax},
		{"-5", "eur", 0, money.ErrSyntax},
		{"+5", "eur", 0, money.ErrSyntax},
		{"€10", "eur", 0, money.ErrSyntax},
		{"ten", "eur", 0, money.ErrSyntax},
		{"", "eur", 0, money.ErrSyntax},
		{"10.", "eur", 0, money.ErrSyntax},
		{".5", "eur", 0, money.ErrSyntax},
		{"999999.99", "eur", 99_999_999, nil},
		{"1000000", "eur", 0, money.ErrTooLarge},
		{"99999999999999999999999999", "eur", 0, money.ErrTooLarge},
	} {
		got, err := money.Parse(c.text, c.currency)
		if !errors.Is(err, c.err) || got.Minor != c.minor {
			t.Errorf("Parse(%q, %s) = %d, %v; want %d, %v", c.text, c.currency, got.Minor, err, c.minor, c.err)
		}
	}
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m    money.Money
		want string
	}{
		{money.Of(1050, "eur"), "10.50 EUR"},
		{money.Of(5, "eur"), "0.05 EUR"},
		{money.Of(-5, "eur"), "-0.05 EUR"},
		{money.Of(1000, "jpy"), "1000 JPY"},
		{money.Of(1230, "kwd"), "1.230 KWD"},
		{money.Of(0, "usd"), "0.00 USD"},
	} {
		if got := c.m.String(); got != c.want {
			t.Errorf("%#v = %q, want %q", c.m, got, c.want)
		}
	}
}

// What is written can be read again as the same amount, in any currency.
func TestDecimalThenParseIsTheIdentity(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"eur", "usd", "jpy", "krw", "kwd", "isk", "gbp", "huf"}).Draw(t, "currency")
		step := money.Step(currency)
		want := money.Of(rapid.Int64Range(0, 99_999_999/step).Draw(t, "steps")*step, currency)
		got, err := money.Parse(want.Decimal(), currency)
		if err != nil || got != want {
			t.Fatalf("Parse(%q) = %v, %v", want.Decimal(), got, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"10", "10,50", "1e9", "-1", "١٠", "1.000,00"} {
		f.Add(text, "eur")
	}
	f.Fuzz(func(t *testing.T, text, currency string) {
		m, err := money.Parse(text, currency)
		if err != nil {
			return
		}
		if m.Minor < 0 || m.Minor > 99_999_999 || m.Minor%money.Step(currency) != 0 {
			t.Errorf("Parse(%q, %q) = %d", text, currency, m.Minor)
		}
	})
}
