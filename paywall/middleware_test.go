package paywall_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

// says answers with what the paywall tells a handler.
var says = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	m, known := paywall.FromContext(r.Context())
	fmt.Fprintf(w, "%s %v %s", paywall.AccessFor(r.Context(), "articles:full"), known, m.ID)
})

type request func(*http.Request)

func withBearer(token string) request {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func withCookie(name, value string) request {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: name, Value: value}) }
}

func withHeader(name, value string) request {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func ask(h http.Handler, change ...request) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/a/ferry?page=2", nil)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v := issuer.Verifier(t)
	full := issuer.Token(paywalltest.Entitlements("articles:full"))
	grace := issuer.Token(paywalltest.Entitlements("articles:full"), paywalltest.InGrace(issuer.Now().Add(time.Hour), "payment_failed"))
	links := issuer.Token(paywalltest.Entitlements("sources:links"))
	expired := issuer.Token(paywalltest.Entitlements("articles:full"), paywalltest.Expired())
	cases := map[string]struct {
		with      []request
		status    int
		challenge string
		optional  string
	}{
		"nothing":            {nil, 401, `Bearer`, "anonymous false "},
		"member by header":   {[]request{withBearer(full)}, 200, "", "granted true mem_test"},
		"member by cookie":   {[]request{withCookie(paywall.CookieName, full)}, 200, "", "granted true mem_test"},
		"scheme in any case": {[]request{withHeader("Authorization", "bearer "+full)}, 200, "", "granted true mem_test"},
		"in grace":           {[]request{withBearer(grace)}, 200, "", "grace true mem_test"},
		"without the feature": {
			[]request{withBearer(links)}, 403,
			`Bearer error="insufficient_scope", scope="articles:full"`, "insufficient true mem_test",
		},
		"expired header": {
			[]request{withBearer(expired)}, 401,
			`Bearer error="invalid_token", error_description="the token has expired"`, "anonymous false ",
		},
		"nonsense": {[]request{withBearer("nonsense")}, 401, `Bearer error="invalid_token"`, "anonymous false "},
		"bad header before a good cookie": {
			[]request{withBearer("nonsense"), withCookie(paywall.CookieName, full)}, 401,
			`Bearer error="invalid_token"`, "anonymous false ",
		},
		"another scheme beside the cookie": {
			[]request{withHeader("Authorization", "Basic c3RhZ2luZzo="), withCookie(paywall.CookieName, full)}, 200,
			"", "granted true mem_test",
		},
		"another cookie": {[]request{withCookie("access", full)}, 401, `Bearer`, "anonymous false "},
	}
	for name, c := range cases {
		required := ask(v.Require("articles:full")(says), c.with...)
		if required.Code != c.status || required.Header().Get("WWW-Authenticate") != c.challenge {
			t.Errorf("%s: %d, %q", name, required.Code, required.Header())
		}
		optional := ask(v.Optional(says), c.with...)
		if optional.Code != 200 || optional.Body.String() != c.optional {
			t.Errorf("%s: optional: %d %q", name, optional.Code, optional.Body)
		}
		for _, w := range []*httptest.ResponseRecorder{required, optional} {
			checkUncached(t, name, w)
		}
	}
}

func checkUncached(t *testing.T, name string, w *httptest.ResponseRecorder) {
	t.Helper()
	if got := w.Header(); got.Get("Cache-Control") != "private, no-store" || got.Get("Vary") != "Cookie, Authorization" {
		t.Errorf("%s: a cache may keep it: %v", name, got)
	}
}

func TestRequireWantsAllFeatures(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v := issuer.Verifier(t)
	token := withBearer(issuer.Token(paywalltest.Entitlements("articles:full")))
	if w := ask(v.Require("articles:full", "archive")(says), token); w.Code != 403 {
		t.Errorf("two features, one had: %d", w.Code)
	}
	if w := ask(v.Require()(says), token); w.Code != 200 {
		t.Errorf("no feature: %d", w.Code)
	}
	if w := ask(v.Require()(says)); w.Code != 401 {
		t.Errorf("no feature, no token: %d", w.Code)
	}
}

func TestNoKeysIsNotTheReadersFault(t *testing.T) {
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
	cookie := withCookie(paywall.CookieName, issuer.Token(paywalltest.Expired()))
	w := ask(v.Require("articles:full")(says), cookie, withHeader("Accept", "text/html"))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	checkUncached(t, "no keys", w)
	if w := ask(v.Optional(says), cookie); w.Body.String() != "unavailable false " {
		t.Errorf("optional: %q", w.Body)
	}
	if w := ask(v.Require("articles:full")(says)); w.Code != 401 {
		t.Errorf("who brings no token needs no keys: %d", w.Code)
	}
}

func TestRefusalAndCookieOptions(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v := issuer.Verifier(t, func(c *paywall.Config) {
		c.Cookie = "__Secure-lantern"
		c.Refusal = func(w http.ResponseWriter, r *http.Request, access paywall.Access) {
			w.WriteHeader(http.StatusPaymentRequired)
			fmt.Fprintf(w, "%s at %s", access, r.URL.Path)
		}
	})
	h := v.Require("articles:full")(says)
	if w := ask(h); w.Code != 402 || w.Body.String() != "anonymous at /a/ferry" {
		t.Errorf("refusal: %d %q", w.Code, w.Body)
	}
	token := issuer.Token(paywalltest.Entitlements("articles:full"))
	if w := ask(h, withCookie("__Secure-lantern", token)); w.Code != 200 {
		t.Errorf("named cookie: %d", w.Code)
	}
	if w := ask(h, withCookie(paywall.CookieName, token)); w.Code != 402 {
		t.Errorf("default cookie: %d", w.Code)
	}
}

func TestPaymentRequiredByChoice(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	h := issuer.Verifier(t, func(c *paywall.Config) { c.PaymentRequired = true }).Require("articles:full")(says)
	for name, c := range map[string]struct {
		with   []request
		status int
	}{
		"a member without it": {[]request{withBearer(issuer.Token())}, 402},
		"a stranger":          {nil, 401},
	} {
		w := ask(h, c.with...)
		if w.Code != c.status || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		checkUncached(t, name, w)
	}
}

func TestHandlerWithoutPaywallIsAnonymous(t *testing.T) {
	t.Parallel()
	if w := ask(says); w.Body.String() != "anonymous false " {
		t.Errorf("%q", w.Body)
	}
}
