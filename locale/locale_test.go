package locale_test

import (
	"testing"
	"time"

	"newsroom.example/membership/locale"
	"newsroom.example/membership/money"
)

func english(t *testing.T) locale.Locale {
	t.Helper()
	c, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	return c.For("en")
}

func TestMoneyIsWrittenAsEnglishWritesIt(t *testing.T) {
	t.Parallel()
	l := english(t)
	for _, tt := range []struct {
		amount       money.Money
		money, price string
	}{
		{money.Of(1000, "eur"), "€10.00", "€10"},
		{money.Of(1050, "eur"), "€10.50", "€10.50"},
		{money.Of(5, "gbp"), "£0.05", "£0.05"},
		{money.Of(123456789, "usd"), "$1,234,567.89", "$1,234,567.89"},
		{money.Of(1000, "jpy"), "¥1,000", "¥1,000"},
		{money.Of(1230, "kwd"), "KWD\u00a01.230", "KWD\u00a01.230"},
		{money.Of(10000, "isk"), "ISK\u00a0100.00", "ISK\u00a0100"},
		{money.Of(2000, "chf"), "CHF\u00a020.00", "CHF\u00a020"},
		{money.Of(-50, "eur"), "−€0.50", "−€0.50"},
		{money.Of(100, "zzz"), "ZZZ\u00a01.00", "ZZZ\u00a01"},
	} {
		if got := l.Money(tt.amount); got != tt.money {
			t.Errorf("Money(%s) = %q, want %q", tt.amount, got, tt.money)
		}
		if got := l.Price(tt.amount); got != tt.price {
			t.Errorf("Price(%s) = %q, want %q", tt.amount, got, tt.price)
		}
	}
}

func TestDatesNameTheMonth(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, time.November, 2, 23, 59, 0, 0, time.UTC)
	if got, want := english(t).Date(day), "2 November 2026"; got != want {
		t.Errorf("Date = %q, want %q", got, want)
	}
}

func TestWhateverTheBrowserAsksForThereIsALanguage(t *testing.T) {
	t.Parallel()
	c, err := locale.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"", "en", "en-GB", "xx", "de-AT,de;q=0.9,en;q=0.1", "*", "\x00;;;q=z", "en_US"} {
		if got := c.For(header).Tag(); got != "en" {
			t.Errorf("For(%q) speaks %q, want en", header, got)
		}
	}
}

func TestAnUnknownIDIsShownRatherThanNothing(t *testing.T) {
	t.Parallel()
	if got := english(t).Text("no.such.message"); got != "no.such.message" {
		t.Errorf("Text of an unknown id = %q", got)
	}
}
