package control

import (
	"testing"
	"time"
)

func TestAmounts(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]struct {
		minor int64
		code  string
	}{"10.00 EUR": {1000, "eur"}, "0.05 USD": {5, "usd"}, "1200 JPY": {1200, "jpy"}} {
		if got := amount(a.minor, a.code); got != want {
			t.Errorf("%d %s is %q, want %q", a.minor, a.code, got, want)
		}
	}
}

func TestHowFarAhead(t *testing.T) {
	t.Parallel()
	for by, want := range map[time.Duration]string{
		time.Second: "", 15 * time.Minute: "15 minutes", 3 * time.Hour: "3 hours", 31*24*time.Hour - time.Second: "31 days",
	} {
		if got := ahead(by); got != want {
			t.Errorf("%s is %q, want %q", by, got, want)
		}
	}
}

func TestOnlyAddressesOfAMailBecomeLinks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"go to http://a.example/x?y=1&z=2 now": `go to <a href="http://a.example/x?y=1&amp;z=2">http://a.example/x?y=1&amp;z=2</a> now`,
		"<script>alert(1)</script>":            "&lt;script&gt;alert(1)&lt;/script&gt;",
		"javascript:alert(1)":                  "javascript:alert(1)",
		`http://a.example/"onclick="x`:         `<a href="http://a.example/">http://a.example/</a>&#34;onclick=&#34;x`,
	} {
		if got := string(linked(text)); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
