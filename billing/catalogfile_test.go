package billing_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"newsroom.example/membership/billing"
)

func TestTheShippedCatalogueIsGood(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := billing.ParseCatalog(file); err != nil {
		t.Error(err)
	}
}

// manyFeatures is so many of them, as the file has them.
func manyFeatures(count int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "  a:f%d: x\n", i)
	}
	return b.String()
}

// Each fault is named with where it is, and all of them at once.
func TestCatalogueFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"unknown key":          {"plan:\n  member: {}\n", []string{"unknown field", "plan"}},
		"unknown key in plan":  {"plans:\n  member: {colour: red}\n", []string{"unknown field", "colour"}},
		"unknown donation key": {"donations: {once: true, currencies: {eur: {least: \"2\"}}}\n", []string{"unknown field", "least"}},
		"not yaml":             {"plans: [", []string{"cannot be read"}},
		"several at once": {`
features:
  articles: x
plans:
  member:
    name: M
    rank: -1
    grace_days: 99
    features: ["b:c"]
    prices: {week: {eur: "8"}}
`, []string{"features.articles", "rank is -1", "grace_days is 99", `"b:c" is not under features`, `interval is "week"`}},
		"amounts": {`
features:
  a:b: x
plans:
  m:
    name: M
    features: ["a:b"]
    prices: {month: {eur: "0.10", xxx: "8", EUR: "8", usd: "1,000", jpy: "8.50"}}
`, []string{"0.10 EUR is below 0.50 EUR", "XXX", `currency is "EUR"`, `amount is "1,000"`, `amount is "8.50"`}},
		"more than a token holds": {"features:\n" + manyFeatures(33), []string{"there are 33, a token holds at most 32"}},
		"a feature's long key":    {"features:\n  a:" + strings.Repeat("b", 48) + ": x\n", []string{"at most 48 characters"}},
		"donations": {`
donations:
  currencies: {eur: {presets: ["1", "9000"], minimum: "2", maximum: "5000"}}
`, []string{"neither once nor monthly", "1.00 EUR is not between", "9000.00 EUR is not between"}},
		"bounds":           {`donations: {once: true, currencies: {eur: {minimum: "9", maximum: "5", presets: ["x"]}, usd: {presets: ["5", "5.00"], minimum: "1,000", maximum: "y"}}}`, []string{"maximum 5.00 EUR is below minimum 9.00 EUR", `"x"`, `"1,000"`, `"y"`}},
		"a preset twice":   {`donations: {once: true, currencies: {eur: {presets: ["5", "5.00"], minimum: "2", maximum: "10"}}}`, []string{"5.00 EUR is there twice"}},
		"a currency twice": {`donations: {once: true, currencies: {eur: {minimum: "2", maximum: "10"}, eur: {minimum: "2", maximum: "10"}}}`, []string{"cannot be read"}},
		"presets outside": {`
donations:
  once: true
  currencies: {eur: {presets: ["1"], minimum: "2", maximum: "5000"}}
`, []string{"1.00 EUR is not between"}},
		"nothing to pay": {"features:\n  a:b: x\nplans:\n  m:\n    name: M\n    features:\n      - a:b\n", []string{"either prices or given_to"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := billing.ParseCatalog([]byte(c.file))
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}
