package newsstand_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/newsstand"
	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

const (
	membersURL = "https://members.example.news"
	ferry      = "/a/night-ferry"

	// From the ferry article: what everybody may read, and what only members
	// may.
	opening = "The last boat to Inishcarrow leaves Tarnmouth"
	ending  = "The islanders are planning to deliver theirs by hand"

	wall       = "Become a Member for full access"
	newsletter = "Subscribe to our free newsletter to unlock direct links to all sources"
)

type paper struct {
	http.Handler
	issuer *paywalltest.Issuer
}

func newPaper(t *testing.T) paper {
	t.Helper()
	issuer := paywalltest.NewIssuer(t)
	return paper{publish(t, issuer.Verifier(t), issuer.Now), issuer}
}

func publish(t *testing.T, v *paywall.Verifier, clock func() time.Time) http.Handler {
	t.Helper()
	h, err := newsstand.New(newsstand.Config{
		MembersURL: membersURL, PublicURL: paywalltest.Audience, Paywall: v, Clock: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// open navigates to a page as a browser does, with cookies by name.
func open(h http.Handler, path string, cookies map[string]string) (*httptest.ResponseRecorder, string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	for name, value := range cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w, w.Body.String()
}

// read opens a page with a token of these options.
func (p paper) read(path string, options ...paywalltest.Option) (*httptest.ResponseRecorder, string) {
	return open(p, path, map[string]string{paywall.CookieName: p.issuer.Token(options...)})
}

func expect(t *testing.T, page string, present, absent []string) {
	t.Helper()
	for _, s := range present {
		if !strings.Contains(page, s) {
			t.Errorf("the page lacks %q", s)
		}
	}
	for _, s := range absent {
		if strings.Contains(page, s) {
			t.Errorf("the page shows %q", s)
		}
	}
}

// link is how a page links to the membership service.
func link(page, back string) string {
	return `href="` + membersURL + page + "?return_to=" + url.QueryEscape(paywalltest.Audience+back) + `"`
}

func TestWall(t *testing.T) {
	t.Parallel()
	resp, page := open(newPaper(t), ferry, nil)
	if resp.Code != http.StatusOK {
		t.Errorf("status %d", resp.Code)
	}
	expect(t, page,
		[]string{
			opening, "Orla Brannigan", "Members are reading…", wall, newsletter, "Already a member?", "What the count left out",
			link("/membership", ferry), link("/contribute", ferry), link("/newsletter", ferry), link("/signin", ferry),
			"Inishcarrow Health Centre, outpatient travel summary",
		},
		[]string{ending, `data-access="full"`, "example.org", "example.com"})
}

func TestMemberReadsOn(t *testing.T) {
	t.Parallel()
	_, page := newPaper(t).read(ferry, paywalltest.Entitlements("articles:full", "sources:links"), paywalltest.Tier("Supporter"))
	expect(t, page,
		[]string{opening, ending, "Supporter", link("/account", ferry), `href="https://example.com/inishcarrow-health/outpatient-travel"`},
		[]string{wall, newsletter, "Sign in", "Members are reading…"})
}

func TestMemberWithoutSourceLinks(t *testing.T) {
	t.Parallel()
	_, page := newPaper(t).read(ferry, paywalltest.Entitlements("articles:full"))
	expect(t, page, []string{ending, newsletter, "outpatient travel summary"}, []string{wall, "example.com"})
}

func TestNewsletterReader(t *testing.T) {
	t.Parallel()
	_, page := newPaper(t).read(ferry, paywalltest.Entitlements("sources:links"))
	expect(t, page,
		[]string{wall, "Signed in", link("/account", ferry), `href="https://example.com/inishcarrow-health/outpatient-travel"`},
		[]string{ending, newsletter, "Already a member?"})
}

func TestNotices(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	until := p.issuer.Now().Add(72 * time.Hour)
	day := until.UTC().Format("2 January")
	failed := paywalltest.Noticing(paywall.NoticePaymentFailed)
	for want, options := range map[string][]paywalltest.Option{
		"Your last payment did not go through. You can read on until " + day: {failed, paywalltest.InGrace(until, "past_due")},
		"Your last payment did not go through. <a":                           {failed},
		"The card that pays for your membership is about to expire.":         {paywalltest.Noticing(paywall.NoticeCardExpiring)},
		"The membership that you were given is about to end.":                {paywalltest.Noticing(paywall.NoticeGiftEnding)},
	} {
		_, page := p.read(ferry, append(options, paywalltest.Entitlements("articles:full"))...)
		expect(t, page, []string{want, ending}, []string{wall})
	}
	for _, silent := range []paywalltest.Option{paywalltest.Noticing("something_new"), paywalltest.InGrace(until, "renewal_due")} {
		_, page := p.read(ferry, paywalltest.Entitlements("articles:full"), silent)
		expect(t, page, []string{ending}, []string{`class="notice"`})
	}
}

func TestExpiredTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	cookies := map[string]string{paywall.CookieName: p.issuer.Token(paywalltest.Expired())}
	resp, _ := open(p, ferry, cookies)
	want := p.issuer.URL() + "/renew?return_to=" + url.QueryEscape(paywalltest.Audience+ferry)
	if got := resp.Header().Get("Location"); resp.Code != http.StatusSeeOther || got != want {
		t.Fatalf("%d to %q, want %q", resp.Code, got, want)
	}
	for _, c := range (&http.Response{Header: resp.Header()}).Cookies() {
		cookies[c.Name] = c.Value
	}
	resp, page := open(p, ferry, cookies)
	if resp.Code != http.StatusOK {
		t.Errorf("after a renewal that failed: %d", resp.Code)
	}
	expect(t, page, []string{wall}, []string{ending})

	cookies[paywall.CookieName] = p.issuer.Token(paywalltest.Entitlements("articles:full"))
	_, page = open(p, ferry, cookies)
	expect(t, page, []string{ending}, []string{wall})
}

func TestNoCookieNoBounce(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	for _, path := range []string{"/", ferry, "/a/no-such-story"} {
		if resp, _ := open(p, path, nil); resp.Header().Get("Location") != "" || resp.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", path, resp.Header())
		}
	}
}

func TestNoKeysIsNoWall(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	issuer.Break(paywalltest.Down)
	v, err := paywall.New(paywall.Config{
		Issuer: issuer.URL(), Audience: paywalltest.Audience, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	p := paper{publish(t, v, issuer.Now), issuer}
	resp, page := p.read(ferry)
	if resp.Code != http.StatusServiceUnavailable || resp.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", resp.Code, resp.Header())
	}
	expect(t, page, []string{"We cannot check your membership just now", `href="` + ferry + `"`}, []string{wall, ending})
	if resp, _ := p.read("/"); resp.Code != http.StatusOK {
		t.Errorf("the front page is free: %d", resp.Code)
	}
	if _, page := open(p, ferry, nil); !strings.Contains(page, wall) {
		t.Error("who brings no token meets the wall, keys or not")
	}
}

func TestFrontPage(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	_, page := open(p, "/", nil)
	if n := strings.Count(page, `<article class="story`); n != 6 {
		t.Errorf("%d stories", n)
	}
	expect(t, page, []string{p.issuer.Now().Format("Monday, 2 January 2006"), wall, link("/membership", "/"), `href="` + ferry + `"`}, nil)
	_, page = p.read("/", paywalltest.Entitlements("articles:full"))
	expect(t, page, []string{"Member</span>", link("/account", "/")}, []string{wall})
}

func TestEveryPageIsPrivateAndKeepsToItself(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	foreign := regexp.MustCompile(`(?i)<script|<iframe|<form|style=|\son[a-z]+=|src="(?:https?:)?//`)
	for path, status := range map[string]int{"/": 200, ferry: 200, "/a/no-such-story": 404, "/nowhere": 404} {
		resp, page := p.read(path, paywalltest.Entitlements("articles:full", "sources:links"))
		h := resp.Header()
		if resp.Code != status || h.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s", path, resp.Code, h.Get("Content-Type"))
		}
		if h.Get("Cache-Control") != "private, no-store" || h.Get("Vary") != "Cookie, Authorization" {
			t.Errorf("%s: a cache may keep it: %v", path, h)
		}
		if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %q", path, csp)
		}
		if found := foreign.FindString(page); found != "" {
			t.Errorf("%s: holds %q", path, found)
		}
	}
}

func TestStatic(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	for path, kind := range map[string]string{
		"/static/lantern.css": "text/css; charset=utf-8",
		"/static/lantern.svg": "image/svg+xml",
		"/static/harbour.svg": "image/svg+xml",
	} {
		resp, _ := open(p, path, nil)
		if resp.Code != http.StatusOK || resp.Header().Get("Content-Type") != kind || !strings.HasPrefix(resp.Header().Get("Cache-Control"), "public") {
			t.Errorf("%s: %d %v", path, resp.Code, resp.Header())
		}
	}
	for _, path := range []string{"/static/", "/static/none.css", "/static/..%2farticles%2fnight-ferry.txt"} {
		if resp, page := open(p, path, nil); resp.Code == http.StatusOK || strings.Contains(page, ending) {
			t.Errorf("%s: %d", path, resp.Code)
		}
	}
}
