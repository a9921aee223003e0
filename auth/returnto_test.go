package auth

import (
	"slices"
	"strings"
	"testing"

	"newsroom.example/membership/models"
)

var returns = map[string]string{
	"/":                         "/",
	"/account":                  "/account",
	"/a/the-quay?from=mail&x=1": "/a/the-quay?from=mail&x=1",
	"/a/caf%C3%A9":              "/a/caf%C3%A9",
	"/account#gifts":            "/account",
	"/a?b?":                     "/a?b?",
	"https://www.example.news":  "https://www.example.news/",
	"https://www.example.news/a/quay?x=1#top": "https://www.example.news/a/quay?x=1",
	"https://archive.example.news/1987":       "https://archive.example.news/1987",
	"https://members.example.news/account":    "https://members.example.news/account",
	"https://www.paper.example/a/quay?x=1":    "https://www.paper.example/a/quay?x=1",

	// A query that browsers might read otherwise is left out.
	"/a?next=https://evil.example":         "/a",
	"/a?x=\\evil":                          "/a",
	"/a?ref=caf\u00e9":                     "/a",
	"/a?" + strings.Repeat("x", maxReturn): "/a",
	"https://www.example.news?x":           "https://www.example.news/",
	"https://www.example.news/a/quay?ref=https%3A%2F%2Fx.test%2F": "https://www.example.news/a/quay",
	"https://www.example.news/a/quay?v=1%2e2#top":                 "https://www.example.news/a/quay",

	"":                                       "",
	"account":                                "",
	"//evil.example":                         "",
	"///evil.example":                        "",
	"/\\evil.example":                        "",
	"\\\\evil.example":                       "",
	"/\t/evil.example":                       "",
	"/\n/evil.example":                       "",
	" /account":                              "",
	"/acc ount":                              "",
	"/a//b":                                  "",
	"/..":                                    "",
	"/a/../b":                                "",
	"/./a":                                   "",
	"/a/.":                                   "",
	"/%2e%2e/a":                              "",
	"/a%2Eb":                                 "",
	"/%2E/a":                                 "",
	"/%2fevil.example":                       "",
	"/%2Fevil.example":                       "",
	"/%5cevil.example":                       "",
	"/a%zz":                                  "",
	"//evil.example?x=//":                    "",
	"/%2fevil.example?x=%2f":                 "",
	"/é":                                     "",
	"/a\x00":                                 "",
	"javascript:alert(1)":                    "",
	"https://evil.example/":                  "",
	"http://www.example.news/":               "",
	"HTTPS://www.example.news/":              "",
	"https://www.example.news.evil.example/": "",
	"https://www.paper.example.evil.example": "",
	"https://www.example.news:444/":          "",
	"https://www.example.news@evil.example/": "",
	"https://www.example.news//evil.example": "",
	"https://www.example.news\\evil.example": "",
	"https:www.example.news":                 "",
	"/" + strings.Repeat("a", maxReturn):     "",
	"/" + strings.Repeat("`", maxReturn/3+1): "", // fits only until it is escaped
}

// leading knows whom readers may be led to, and has no database.
func leading(t testing.TB) *Service {
	t.Helper()
	cfg := testConfig()
	s := &Service{cfg: cfg, Clients: NewClients(nil, cfg.Issuer, nil, nil)}
	s.Clients.known.Store(newDoors([]models.Client{{Audience: paperURL, Callback: paperURL + DefaultCallbackPath}}))
	return s
}

func TestSafeReturn(t *testing.T) {
	t.Parallel()
	s := leading(t)
	for raw, want := range returns {
		if got := s.SafeReturn(raw); got != want {
			t.Errorf("%q became %q, want %q", raw, got, want)
		}
	}
}

// browsersHost is the host that a browser standing on our own page would go to, by
// the URL Standard's rules: ends trimmed, tabs and line breaks dropped, backslashes
// taken for slashes.
func browsersHost(location string) string {
	location = strings.TrimFunc(location, func(r rune) bool { return r <= ' ' })
	location = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(location)
	if rest, found := strings.CutPrefix(strings.ToLower(location), "https:"); found {
		location = "//" + strings.TrimLeft(rest, "/")
	}
	if !strings.HasPrefix(location, "/") {
		return "nowhere known"
	}
	if !strings.HasPrefix(location, "//") {
		return "members.example.news"
	}
	authority, _, _ := strings.Cut(strings.TrimLeft(location, "/"), "/")
	if end := strings.IndexAny(authority, "?#"); end >= 0 {
		authority = authority[:end]
	}
	return authority[strings.LastIndex(authority, "@")+1:]
}

// A client's page is reached by its callback; whatever else is safe by itself.
func TestDoors(t *testing.T) {
	t.Parallel()
	s := leading(t)
	for to, want := range map[string]string{
		"https://www.paper.example/a/quay?x=1": "https://www.paper.example/_membership/callback?return_to=%2Fa%2Fquay%3Fx%3D1",
		"https://www.paper.example/":           "https://www.paper.example/_membership/callback?return_to=%2F",
		"https://www.example.news/a/quay":      "https://www.example.news/a/quay",
		"https://www.paper.example.evil.test/": "https://www.paper.example.evil.test/",
		"/account":                             "/account",
		"":                                     "",
	} {
		if got := s.Clients.Door(to); got != want {
			t.Errorf("the door to %q is %q, want %q", to, got, want)
		}
	}
}

func FuzzSafeReturn(f *testing.F) {
	for raw := range returns {
		f.Add(raw)
	}
	s := leading(f)
	ours := []string{"members.example.news", "www.example.news", "archive.example.news", "www.paper.example"}
	f.Fuzz(func(t *testing.T, raw string) {
		got := s.SafeReturn(raw)
		if got == "" {
			return
		}
		if host := browsersHost(got); !slices.Contains(ours, host) {
			t.Errorf("%q became %q, which leads to %q", raw, got, host)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q became %q, which is not printable ASCII", raw, got)
		}
		if again := s.SafeReturn(got); again != got {
			t.Errorf("%q became %q became %q", raw, got, again)
		}
	})
}
