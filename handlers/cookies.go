package handlers

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/paywall"
)

// Our own cookies. The prefix makes browsers hold them to this host, to https and
// to the whole site.
// https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-cookie-name-prefixes
const (
	sessionCookie  = "__Host-session"  // the refresh token
	attemptCookie  = "__Host-signin"   // binds a mailed link and code to the browser that asked
	checkoutCookie = "__Host-checkout" // proves on the way back that this browser went to pay
	giftCookie     = "__Host-gift"     // what was typed into a gift, while its donor signs in
	csrfCookie     = "__Host-csrf"
)

const (
	attemptLife  = 15 * time.Minute
	giftLife     = time.Hour
	checkoutLife = 26 * time.Hour // a day at Stripe, and the way back
)

// setCookie keeps value in this browser for life. Only lengths of time are sent,
// never instants: our clock may be another than the browser's.
func setCookie(c echo.Context, name, value string, life time.Duration) {
	c.SetCookie(&http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: max(1, int(life/time.Second)),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func clearCookie(c echo.Context, name string) { c.SetCookie(ended(name)) }

// ended is the cookie with which a browser forgets the one of that name.
func ended(name string) *http.Cookie {
	return &http.Cookie{Name: name, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// cookie is the value of the request's cookie of that name, "" without one.
func cookie(c echo.Context, name string) string {
	found, err := c.Cookie(name)
	if err != nil {
		return ""
	}
	return found.Value
}

// setAccess hands the article hosts a token. The cookie outlives the token in it,
// so that an article host can tell a reader who was signed in from a stranger.
func (s *server) setAccess(c echo.Context, token string, life time.Duration) {
	c.SetCookie(s.accessCookie(token, max(1, int(life/time.Second))))
}

func (s *server) clearAccess(c echo.Context) {
	if s.cfg.CookieDomain != "" {
		c.SetCookie(s.accessCookie("", -1))
	}
}

func (s *server) accessCookie(token string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: paywall.CookieName, Value: token, Domain: s.cfg.CookieDomain, Path: "/", MaxAge: maxAge,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// markBrowser makes sure that this browser holds a checkout cookie and returns the
// cookie's hash. One that is there is kept: it may be out at Stripe in another tab.
// It is given with the form, not with its answer: a form that is sent again, because
// its answer got lost, is the same browser's.
func markBrowser(c echo.Context) []byte {
	if given, ok := c.Get(checkoutCookie).(string); ok {
		return hash(given) // one answer, one mark
	}
	mark := cookie(c, checkoutCookie)
	if raw, err := base64.RawURLEncoding.DecodeString(mark); err != nil || len(raw) != sha256.Size {
		mark = base64.RawURLEncoding.EncodeToString(random(sha256.Size))
	}
	setCookie(c, checkoutCookie, mark, checkoutLife)
	c.Set(checkoutCookie, mark)
	return hash(mark)
}

// browserHash is what markBrowser returned before the way to Stripe.
func browserHash(c echo.Context) []byte { return hash(cookie(c, checkoutCookie)) }

func hash(mark string) []byte {
	sum := sha256.Sum256([]byte(mark))
	return sum[:]
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: https://pkg.go.dev/crypto/rand#Read
	return b
}
