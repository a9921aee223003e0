package paywall

import (
	"net/http"
	"strings"
)

// ownCookie is one that only this host sees. Life is in seconds, negative to be
// forgotten at once.
func (c Config) ownCookie(name, value string, life int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: life,
		Secure: c.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// cookieName makes browsers hold a cookie to this host and to https. Where the site is
// plain http, as in a sandbox, a browser might not keep it then, and without it there
// would be a loop.
// https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-cookie-name-prefixes
func (c Config) cookieName(name string) string {
	if c.secure() {
		return "__Host-" + name
	}
	return name
}

func (c Config) secure() bool { return strings.HasPrefix(c.Audience, "https://") }
