package models_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
)

var emails = map[string]string{ // "" is refused
	"ada@example.org":                        "ada@example.org",
	"  Ada.Byron@EXAMPLE.org\r\n":            "ada.byron@example.org",
	"a+tag@example.org":                      "a+tag@example.org",
	"a.b.c@sub.example.co.uk":                "a.b.c@sub.example.co.uk",
	"o'neill@example.org":                    "o'neill@example.org",
	"jörg@example.org":                       "jörg@example.org",
	"jo\u0308rg@example.org":                 "jörg@example.org",
	"JÖRG@example.org":                       "jÖrg@example.org",   // only A to Z are folded
	"\u212aelvin@example.org":                "kelvin@example.org", // NFC makes the Kelvin sign a K; mail goes to the k
	"ada@bücher.example":                     "ada@xn--bcher-kva.example",
	"ada@BÜCHER.example":                     "ada@xn--bcher-kva.example",
	"ada@faß.example":                        "ada@xn--fa-hia.example",
	"ada@example。org":                        "ada@example.org",
	strings.Repeat("a", 64) + "@example.org": strings.Repeat("a", 64) + "@example.org",

	"":                                       "",
	"ada":                                    "",
	"@example.org":                           "",
	"ada@":                                   "",
	"ada@localhost":                          "",
	"ada@example.org.":                       "",
	"ada@.org":                               "",
	"ada@127.0.0.1":                          "",
	"ada@[127.0.0.1]":                        "",
	"ada@exam ple.org":                       "",
	"ada@-example.org":                       "",
	"ada@example_x.org":                      "",
	"a@b@example.org":                        "",
	".ada@example.org":                       "",
	"ada.@example.org":                       "",
	"a..b@example.org":                       "",
	"a b@example.org":                        "",
	"Ada <ada@example.org>":                  "",
	`"ada"@example.org`:                      "",
	"ada@example.org,bob@x.org":              "",
	"ada@example.org\nBcc: b@x.org":          "",
	"ada\x00@example.org":                    "",
	"ada\u200b@example.org":                  "",
	"ada\u202e@example.org":                  "",
	"ada\u00a0b@example.org":                 "",
	"\xffada@example.org":                    "",
	"ada@\xff.org":                           "",
	strings.Repeat("a", 65) + "@example.org": "",
	"a@" + strings.Repeat(strings.Repeat("b", 60)+".", 4) + "org.uk.example": "",
}

func TestCanonicalEmail(t *testing.T) {
	t.Parallel()
	for raw, want := range emails {
		got, err := models.CanonicalEmail(raw)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q became %q (%v), want %q", raw, got, err, want)
		}
	}
}

// The table's CHECK is the last word on what is canonical.
func TestCanonicalEmailSuitsTheTable(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, email := range emails {
		var fits bool
		err := db.Raw(`SELECT ? ~ '^[^[:space:]A-Z@]+@[^[:space:]A-Z@]+$'`, email).Scan(&fits).Error
		if err != nil || fits != (email != "") {
			t.Errorf("%q fits: %v, %v", email, fits, err)
		}
	}
}

var canonical = regexp.MustCompile(`^[^\sA-Z@]+@[a-z0-9.-]+\.[a-z0-9-]+$`)

func FuzzCanonicalEmail(f *testing.F) {
	for raw := range emails {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		email, err := models.CanonicalEmail(raw)
		if err != nil {
			return
		}
		if !canonical.MatchString(email) || len(email) > 254 || !utf8.ValidString(email) {
			t.Errorf("%q became %q", raw, email)
		}
		if strings.ContainsFunc(email, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }) {
			t.Errorf("%q became %q, in which something hides", raw, email)
		}
		if again, err := models.CanonicalEmail(email); again != email || err != nil {
			t.Errorf("%q became %q became %q (%v)", raw, email, again, err)
		}
	})
}
