package paywalltest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

// A test of an article service: members read, others don't.
func Example() {
	_ = func(t *testing.T) {
		issuer := paywalltest.NewIssuer(t)
		page := issuer.Verifier(t).Require("articles:full")(http.NotFoundHandler())

		r := httptest.NewRequest(http.MethodGet, "/a/ferry", nil)
		r.AddCookie(&http.Cookie{
			Name:  paywall.CookieName,
			Value: issuer.Token(paywalltest.Entitlements("articles:full")),
		})
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		if w.Code == http.StatusUnauthorized {
			t.Error("a member stands before the wall")
		}
	}
}

// Any verifier can be tried, of this module or another.
func ExampleIssuer_RunHostile() {
	ours := func(token string) error { return errors.New("not written yet") }
	_ = func(t *testing.T) {
		issuer := paywalltest.NewIssuer(t)
		issuer.RunHostile(t, ours)
	}
}
