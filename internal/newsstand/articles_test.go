package newsstand

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestArticles(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	articles, err := readArticles(today)
	if err != nil {
		t.Fatal(err)
	}
	if articles[0].Slug != "night-ferry" || !articles[0].Published.Equal(today) {
		t.Errorf("the newest is %s of %v", articles[0].Slug, articles[0].Published)
	}
	for _, a := range articles {
		if a.Headline == "" || a.Section == "" || a.Byline == "" || a.Summary == "" || len(a.Ahead()) == 0 {
			t.Errorf("%s: something is missing: %+v", a.Slug, a)
		}
		checkText(t, a)
		checkSources(t, a)
	}
}

func checkText(t *testing.T, a article) {
	t.Helper()
	words := 0
	for _, b := range a.Blocks {
		words += len(strings.Fields(b.Text))
	}
	if words < 350 || words > 500 {
		t.Errorf("%s: %d words", a.Slug, words)
	}
	if slices.ContainsFunc(a.Opening(), func(b block) bool { return b.Heading }) {
		t.Errorf("%s: the opening holds a heading", a.Slug)
	}
}

// The sources are invented: their addresses must be ones that nobody can own.
func checkSources(t *testing.T, a article) {
	t.Helper()
	if len(a.Sources) < 3 || len(a.Sources) > 6 {
		t.Errorf("%s: %d sources", a.Slug, len(a.Sources))
	}
	for _, s := range a.Sources {
		u, err := url.Parse(s.URL)
		if err != nil || u.Scheme != "https" || u.Host != "example.org" && u.Host != "example.com" || s.Title == "" {
			t.Errorf("%s: source %+v", a.Slug, s)
		}
	}
}

func TestBadArticles(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown field": "Colour: red\n\na\n\nb\n\nc\n\nd\n\nSource: s | https://example.org",
		"days in words": "Days: two\n\na\n\nb\n\nc\n\nd\n\nSource: s | https://example.org",
		"too short":     "Days: 2\n\na\n\nb\n\nc\n\nSource: s | https://example.org",
		"no source":     "Days: 2\n\na\n\nb\n\nc\n\nd",
	} {
		if a, err := parseArticle(text, time.Time{}); err == nil {
			t.Errorf("%s: accepted as %+v", name, a)
		}
	}
}

// Every text colour on every ground it stands on, light and dark: at least
// 4.5 to 1 (WCAG 2.2, 1.4.3).
func TestContrast(t *testing.T) {
	t.Parallel()
	css, err := staticFiles.ReadFile("static/lantern.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(css), "prefers-color-scheme: dark")
	if !found {
		t.Fatal("there is no dark scheme")
	}
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		colour := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(text, -1) {
			colour[m[1]] = m[2]
		}
		for _, pair := range []string{
			"ink paper", "soft paper", "blue paper", "ink tint", "soft tint", "blue tint", "ink warm", "blue warm", "on-blue blue",
		} {
			front, ground, _ := strings.Cut(pair, " ")
			if ratio := contrast(t, colour[front], colour[ground]); ratio < 4.5 {
				t.Errorf("%s: %s on %s is %.2f to 1", scheme, front, ground, ratio)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// luminance is WCAG's relative luminance of #rrggbb.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, err := strconv.ParseUint(fmt.Sprintf("%.2s", hex[min(len(hex), 1+2*i):]), 16, 8)
		if err != nil {
			t.Fatalf("colour %q: %v", hex, err)
		}
		c := float64(n) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
