package paywall

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Require lets a request pass to the handler only if its token names all the
// features; with none, if it is good at all. Others get 401, 403 or 503, as
// Config.Refusal writes them, or are sent once to have an expired token
// renewed (see Optional).
func (v *Verifier) Require(features ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return v.guard(func(w http.ResponseWriter, r *http.Request, who *reader) {
			if access := who.access(features); !access.Allowed() {
				challenge(w.Header(), access, who.err, features)
				v.config.Refusal(w, r, access)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Optional lets every request pass and tells the handler who it is from, by
// FromContext and AccessFor: for pages that show less to some.
//
// The token is taken from the Authorization header (RFC 6750) or else from the
// cookie. A reader who navigates to a page with an expired or revoked one in
// the cookie is sent to Config.RenewURL, with this page as return_to, and comes back with
// a fresh one: once, so that a renewal that doesn't work ends here.
//
// Every response gets Cache-Control: private, no-store and Vary: Cookie,
// Authorization, so that no shared cache shows one reader's page to another.
// A handler must not take these away.
func (v *Verifier) Optional(next http.Handler) http.Handler {
	return v.guard(func(w http.ResponseWriter, r *http.Request, _ *reader) {
		next.ServeHTTP(w, r)
	})
}

func (v *Verifier) guard(answer func(http.ResponseWriter, *http.Request, *reader)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, no-store")
		w.Header().Add("Vary", "Cookie, Authorization")
		who, fromHeader := v.identify(r)
		if !fromHeader && v.renew(w, r, who) {
			return
		}
		answer(w, r.WithContext(context.WithValue(r.Context(), readerKey{}, who)), who)
	})
}

// identify looks for a token and checks it. An Authorization header of another
// scheme is somebody else's, such as the password of a staging site.
func (v *Verifier) identify(r *http.Request) (who *reader, fromHeader bool) {
	token, fromHeader := bearer(r.Header.Get("Authorization"))
	if !fromHeader {
		cookie, err := r.Cookie(v.config.Cookie)
		if err != nil {
			return &reader{err: errNoToken}, false
		}
		token = cookie.Value
	}
	m, err := v.Verify(token)
	return &reader{member: m, err: err}, fromHeader
}

func bearer(header string) (token string, found bool) {
	scheme, token, found := strings.Cut(header, " ")
	return token, found && strings.EqualFold(scheme, "Bearer")
}

// challenge sets what RFC 6750, section 3 wants to hear about a refusal.
func challenge(h http.Header, access Access, err error, features []string) {
	switch {
	case access == Unavailable:
		h.Set("Retry-After", "5")
	case access == Insufficient:
		h.Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+strings.Join(features, " ")+`"`)
	case errors.Is(err, ErrExpired):
		h.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="the token has expired"`)
	case errors.Is(err, ErrRevoked):
		h.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="the token has been revoked"`)
	case errors.Is(err, ErrInvalid):
		h.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	default:
		h.Set("WWW-Authenticate", "Bearer")
	}
}

func (c Config) plainRefusal(w http.ResponseWriter, _ *http.Request, access Access) {
	text := map[Access]string{
		Anonymous:    "This is for members. Please sign in.",
		Insufficient: "Your membership does not include this.",
		Unavailable:  "We cannot check your membership just now. Please try again in a moment.",
	}
	status := access.Status()
	if access == Insufficient && c.PaymentRequired {
		status = http.StatusPaymentRequired
	}
	http.Error(w, text[access], status)
}
