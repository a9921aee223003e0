package paywall_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

func cookiesOf(w *httptest.ResponseRecorder) []*http.Cookie {
	return (&http.Response{Header: w.Header()}).Cookies()
}

// browser follows what a browser would: it keeps the marker that it is given.
type browser struct {
	handler http.Handler
	jar     map[string]string
}

func (b *browser) goTo(change ...request) *httptest.ResponseRecorder {
	all := []request{withHeader("Sec-Fetch-Mode", "navigate"), withHeader("Sec-Fetch-Dest", "document")}
	for name, value := range b.jar {
		all = append(all, withCookie(name, value))
	}
	w := ask(b.handler, append(all, change...)...)
	for _, c := range cookiesOf(w) {
		if b.jar[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.jar, c.Name)
		}
	}
	return w
}

func newBrowser(v *paywall.Verifier, token string) *browser {
	return &browser{handler: v.Optional(says), jar: map[string]string{paywall.CookieName: token}}
}

func TestExpiredCookieBouncesOnce(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	b := newBrowser(issuer.Verifier(t), issuer.Token(paywalltest.Expired()))
	w := b.goTo()
	want := issuer.URL() + "/renew?return_to=" + url.QueryEscape(paywalltest.Audience+"/a/ferry?page=2")
	if w.Code != 303 || w.Header().Get("Location") != want {
		t.Fatalf("%d to %q, want %q", w.Code, w.Header().Get("Location"), want)
	}
	checkUncached(t, "bounce", w)
	const marker = "__Host-renewing"
	if got := w.Header().Get("Set-Cookie"); got != marker+"=1; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("marker: %s", got)
	}
	for range 3 { // the renewal brought nothing
		if w := b.goTo(); w.Code != 200 || w.Body.String() != "anonymous false " {
			t.Errorf("after a failed renewal: %d %q", w.Code, w.Body)
		}
	}
	delete(b.jar, marker) // its minute is over
	if w := b.goTo(); w.Code != 303 {
		t.Errorf("a minute later: %d", w.Code)
	}
}

func TestRenewalThatWorksMayFollowAnother(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	b := newBrowser(issuer.Verifier(t), issuer.Token(paywalltest.Expired()))
	for range 3 {
		if w := b.goTo(); w.Code != 303 {
			t.Fatalf("expired: %d", w.Code)
		}
		b.jar[paywall.CookieName] = issuer.Token(paywalltest.Entitlements("articles:full"))
		if w := b.goTo(); w.Body.String() != "granted true mem_test" {
			t.Fatalf("renewed: %q", w.Body)
		}
		if w := b.goTo(); len(b.jar) != 1 || len(cookiesOf(w)) != 0 {
			t.Errorf("the marker stays: %v", b.jar)
		}
		issuer.Advance(30 * 24 * time.Hour)
	}
}

// A cookie outlives its token, and may outlive the key that signed it.
func TestReaderFromBeforeARotationBouncesOnce(t *testing.T) {
	t.Parallel()
	forgotten := paywalltest.NewIssuer(t).Token(paywalltest.Expired())
	b := newBrowser(paywalltest.NewIssuer(t).Verifier(t), forgotten)
	if w := b.goTo(); w.Code != 303 {
		t.Errorf("first: %d", w.Code)
	}
	if w := b.goTo(); w.Code != 200 || w.Body.String() != "anonymous false " {
		t.Errorf("after a renewal that brought nothing: %d %q", w.Code, w.Body)
	}
}

// An issuer whose clock is behind ours signs tokens that are expired at birth.
func TestTokensExpiredAtBirthDontLoop(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	b := newBrowser(issuer.Verifier(t), issuer.Token(paywalltest.Expired()))
	if w := b.goTo(); w.Code != 303 {
		t.Fatalf("first: %d", w.Code)
	}
	b.jar[paywall.CookieName] = issuer.Token(paywalltest.Expired())
	if w := b.goTo(); w.Code != 200 {
		t.Errorf("second: %d", w.Code)
	}
}

func TestWhoIsNotSentToRenew(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v := issuer.Verifier(t)
	expired := withCookie(paywall.CookieName, issuer.Token(paywalltest.Expired()))
	elsewhere := issuer.Token(paywalltest.Expired(), func(c *paywall.Claims) { c.Audience = "https://other.example.news" })
	html := withHeader("Accept", "text/html,*/*;q=0.8")
	cases := map[string]struct {
		with []request
		code int
	}{
		"an old browser is":       {[]request{expired, html}, 303},
		"HEAD is":                 {[]request{expired, html, func(r *http.Request) { r.Method = "HEAD" }}, 303},
		"without a cookie":        {[]request{html}, 401},
		"with a header":           {[]request{html, withBearer(issuer.Token(paywalltest.Expired()))}, 401},
		"with nonsense":           {[]request{html, withCookie(paywall.CookieName, "nonsense")}, 401},
		"for another audience":    {[]request{html, withCookie(paywall.CookieName, elsewhere)}, 401},
		"POST":                    {[]request{expired, html, func(r *http.Request) { r.Method = "POST" }}, 401},
		"a script":                {[]request{expired, html, withHeader("Sec-Fetch-Mode", "cors"), withHeader("Sec-Fetch-Dest", "empty")}, 401},
		"a frame":                 {[]request{expired, html, withHeader("Sec-Fetch-Mode", "navigate"), withHeader("Sec-Fetch-Dest", "iframe")}, 401},
		"a client without Accept": {[]request{expired}, 401},
		"a prefetch, not yet":     {[]request{expired, html, withHeader("Sec-Purpose", "prefetch;prerender")}, 503},
	}
	for name, c := range cases {
		if w := ask(v.Require("articles:full")(says), c.with...); w.Code != c.code {
			t.Errorf("%s: %d, want %d", name, w.Code, c.code)
		}
	}
}

func TestRenewOptions(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v := issuer.Verifier(t, func(c *paywall.Config) {
		c.Audience = "http://www.news.localhost:8081"
		c.RenewURL = "http://members.news.localhost:8080/again?via=lantern"
	})
	expired := issuer.Token(paywalltest.Expired(), func(c *paywall.Claims) { c.Audience = "http://www.news.localhost:8081" })
	forged := func(r *http.Request) { r.Host = "evil.example" }
	w := newBrowser(v, expired).goTo(forged)
	want := "http://members.news.localhost:8080/again?via=lantern&return_to=http%3A%2F%2Fwww.news.localhost%3A8081%2Fa%2Fferry%3Fpage%3D2"
	if got := w.Header().Get("Location"); got != want {
		t.Errorf("to %q, want %q", got, want)
	}
	if c := cookiesOf(w)[0]; c.Name != "renewing" || c.Secure {
		t.Errorf("a marker that plain http would drop: %v", c)
	}
}

func TestNoBounceWhileTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		b := newBrowser(v, issuer.Token(paywalltest.Expired()))
		w.set(func(w *wire) { w.broken = true })
		pass(6 * time.Minute)
		if got := b.goTo(); got.Code != 200 || !strings.HasPrefix(got.Body.String(), "unavailable") {
			t.Errorf("away: %d %q", got.Code, got.Body)
		}
		w.set(func(w *wire) { w.broken = false })
		pass(time.Minute)
		if got := b.goTo(); got.Code != 303 {
			t.Errorf("back: %d", got.Code)
		}
	})
}
