package paywall

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

const (
	// renewingSeconds is how long after a renewal that brought nothing the next is
	// tried, unansweredSeconds after one that was not answered.
	renewingSeconds   = 60
	unansweredSeconds = 10
)

// What the marker says.
const (
	sentAway   = "1"
	unanswered = "2"
)

// renew deals with an outlived token in the cookie, and reports whether it
// answered the request: with a redirect to the membership service, which comes
// back with a fresh token if the reader's session lives.
//
// It cannot loop: a cookie of our own marks that the reader was sent, and while
// it lives they are not sent again. A good token takes it away, so that the
// next expiry bounces at once; after a renewal that failed, the reader meets
// the wall and the next try is a minute later.
func (v *Verifier) renew(w http.ResponseWriter, r *http.Request, who *reader) (answered bool) {
	marker, err := r.Cookie(v.config.cookieName("renewing"))
	sent := err == nil
	switch {
	case who.err == nil && sent:
		http.SetCookie(w, v.marker(sentAway, -1))
	case sent && marker.Value == unanswered && who.waits():
		who.err = ErrUnavailable // that they have no token is not their fault
	case !who.outlived() || sent || !navigation(r):
	case v.keysFailing.Load() || v.feedAway.Load() || speculative(r):
		// The membership service doesn't answer, or the browser follows for
		// itself and would spend the one try: not the time for a wall either.
		who.err = ErrUnavailable
	default:
		http.SetCookie(w, v.marker(sentAway, renewingSeconds))
		v.sendAway(w, r)
		return true
	}
	return false
}

// outlived reports whether the reader's token may have been good once, so that a
// session that is good still may stand behind it. The key of a token that lay in
// its cookie while the keys were rotated is unknown by now: without a bounce,
// every rotation would put readers who come back before the wall. And what called
// a token back may have left another membership.
func (r *reader) outlived() bool {
	return errors.Is(r.err, ErrExpired) || errors.Is(r.err, ErrRevoked) || errors.Is(r.err, errUnknownKey)
}

// waits reports whether the reader may have a session and, since it was not answered
// for, has no token yet.
func (r *reader) waits() bool { return r.outlived() || errors.Is(r.err, errNoToken) }

// sendAway sends the reader to renew their token.
func (v *Verifier) sendAway(w http.ResponseWriter, r *http.Request) {
	if v.config.Client.ID != "" {
		v.begin(w, r, r.URL.RequestURI())
		return
	}
	http.Redirect(w, r, v.renewalOf(r), http.StatusSeeOther)
}

// renewalOf returns where to renew and come back to this page. The page's
// origin is the configured one: a request's Host may be anybody's invention.
func (v *Verifier) renewalOf(r *http.Request) string {
	return v.renewURL(url.Values{"return_to": {v.config.Audience + r.URL.RequestURI()}})
}

func (v *Verifier) renewURL(query url.Values) string {
	joint := "?"
	if strings.Contains(v.config.RenewURL, "?") {
		joint = "&"
	}
	return v.config.RenewURL + joint + query.Encode()
}

// navigation reports whether a reader is going to a page, as against a script,
// an image or a form: only a page may be replaced by a redirect. Browsers say
// so (Fetch Metadata); older ones at least ask for HTML.
func navigation(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// speculative reports whether the browser fetches the page in advance.
func speculative(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch")
}

// marker is a cookie that says what became of the last try.
func (v *Verifier) marker(says string, maxAge int) *http.Cookie {
	return v.config.ownCookie(v.config.cookieName("renewing"), says, maxAge)
}
