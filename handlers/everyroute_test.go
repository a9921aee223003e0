package handlers_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

// limited is a browser that has paid and proven nothing.
func (n *newsroom) limited(address string) *browser {
	n.t.Helper()
	b := n.browser()
	b.get(b.pay(b.checkoutURL(""), simtest.Pays, address)).cookie(sessionCookie)
	return b
}

// ask sends a request to a route, its gaps filled with what is nobody's.
func (b *browser) ask(route *echo.Route) seen {
	const nobodys = "0190a0c4-6b1e-7c3f-9a54-2f4f0a6d9e11"
	return b.do(request(route.Method, strings.NewReplacer(":id", nobodys, "{id}", nobodys, ":", "").Replace(route.Path), ""))
}

// whoever is one browser of each sort.
func (n *newsroom) whoever() map[string]*browser {
	return map[string]*browser{
		"a stranger": n.browser(), "a limited session": n.limited("paid@example.org"), "a reader": n.deviceOf(firefox, "ada@example.org"),
	}
}

// Every answer of every route, from the router's own table, for everybody: whatever it
// is, no frame holds it, no cache keeps it that need not, and nothing foreign runs in it.
func TestEveryAnswerHasTheHeaders(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.site.GET("/panics", func(echo.Context) error { panic("secret reason") })
	n.site.GET("/fails", func(echo.Context) error { return errors.New("secret reason") })
	routes := append(n.site.Routes(), &echo.Route{Method: "GET", Path: "/nothing"}, &echo.Route{Method: "PUT", Path: "/membership"},
		&echo.Route{Method: "OPTIONS", Path: "/v1/me"}, &echo.Route{Method: "DELETE", Path: "/.well-known/jwks.json"})
	for who, b := range n.whoever() {
		asked := 0
		for _, route := range routes {
			if !strings.HasPrefix(route.Path, "/") || strings.ToUpper(route.Method) != route.Method || strings.HasPrefix(route.Method, "ECHO") {
				continue // echo's own marks in the table
			}
			as := &browser{n: n, agent: b.agent, cookies: maps.Clone(b.cookies)}
			h, what := as.ask(route).Header, who+": "+route.Method+" "+route.Path
			if asked++; route.Path == "/.well-known/jwks.json" && route.Method != http.MethodDelete {
				wantEqual(t, what, []string{h.Get("X-Content-Type-Options"), h.Get("Set-Cookie")}, []string{"nosniff", ""})
				continue // anybody's, answered before all else, and no page
			}
			wantHeld(t, what, route.Path, h)
		}
		if asked < 70 {
			t.Errorf("%s: %d routes: the table is not whole", who, asked)
		}
	}
	foreign := request(http.MethodPost, "/signin", "email=ada@example.org")
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	wantHeld(t, "a refused form", "/signin", n.browser().do(foreign).want(403).Header)
	wantHeld(t, "a form too large", "/contribute", n.browser().post("/contribute", "message", strings.Repeat("a", 70_000)).want(413).Header)
}

// kept are the answers that others may keep, or that say for themselves that nobody may.
var kept = []string{"/static/", "/.well-known/", "/v1/plans", "/v1/token"}

// mailed are where an address holds a secret.
var mailed = []string{"/signin/:token", "/newsletter/confirm/:token", "/address/:token", "/thanks"}

func wantHeld(t *testing.T, what, path string, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin",
		"Strict-Transport-Security": "max-age=31536000",
	} {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s %q", what, name, got)
		}
	}
	policy := h.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%s: the policy lacks %q: %q", what, part, policy)
		}
	}
	isKept := slices.ContainsFunc(kept, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
	if got := h.Get("Cache-Control"); got != "private, no-store" && !isKept {
		t.Errorf("%s: Cache-Control %q", what, got)
	}
	if strings.Contains(h.Get("Cache-Control"), "public") && h.Get("Set-Cookie") != "" {
		t.Errorf("%s: a cookie that caches would hand to others", what)
	}
	referrer := "same-origin"
	if slices.Contains(mailed, path) {
		referrer = "no-referrer"
	}
	if got := h.Get("Referrer-Policy"); got != referrer {
		t.Errorf("%s: Referrer-Policy %q", what, got)
	}
}

// A limited session reads and no more, and nothing that it asks for makes it another.
// What needs a proof is found in the router's own table.
func TestALimitedSessionRaisesItselfNowhere(t *testing.T) {
	t.Parallel()
	n := open(t)
	b, stranger := n.limited("ada@example.org"), n.browser()
	asked := 0
	for _, route := range n.site.Routes() {
		if !strings.HasPrefix(route.Path, "/account") || route.Path == "/account" {
			continue
		}
		wantEqual(t, route.Method+" "+route.Path, b.ask(route).to("/"), "/account")
		wantEqual(t, "a stranger's "+route.Method+" "+route.Path, stranger.ask(route).to("/"), "/signin?return_to=/account")
		asked++
	}
	if asked < 12 {
		t.Errorf("%d routes: the table is not whole", asked)
	}
	_, api := n.unsafeRoutes()
	for _, route := range api {
		b.ask(route).want(401, "session.limited")
	}
	b.post("/checkout").to("/account")
	b.post("/newsletter", "email", "eve@example.org").to("/newsletter/sent")
	b.get("/renew").to("/account")
	b.get("/account").want(200, "not proven").wantNot("€8")
	b.get("/v1/me").want(200, `"proven":false`)
	var sessions []models.Session
	n.check(n.db.Find(&sessions).Error)
	if len(sessions) != 1 || !sessions[0].Limited || sessions[0].RevokedAt != nil {
		t.Errorf("%+v", sessions)
	}
	wantEqual(t, "members whose address is proven", n.count("members WHERE email_verified_at IS NOT NULL"), 0)
}

// cookieDomains are all cookies that we set, and the domains that they are sent to:
// "" is the members' host alone.
var cookieDomains = map[string]string{
	sessionCookie: "", "__Host-signin": "", "__Host-checkout": "", "__Host-gift": "", "__Host-csrf": "",
	paywall.CookieName: "example.news",
}

// hold checks a cookie, as it is given and as it is taken away. Every answer in all
// tests comes by here.
func (n *newsroom) hold(k *http.Cookie) {
	n.t.Helper()
	domain, ours := cookieDomains[k.Name]
	if !ours || k.Domain != domain || k.Path != "/" || !k.Secure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode {
		n.t.Errorf("cookie %s", k)
	}
	if byLength := k.MaxAge != 0 && k.Expires.IsZero(); !byLength && k.Name != "__Host-csrf" {
		n.t.Errorf("cookie %s: it must say how long it lives", k)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.given = append(n.given, k.Value)
}
