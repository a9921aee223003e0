package paywall

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Client is who an article service is to the membership service, as `membership clients
// add` said once.
type Client struct {
	ID, Secret string
}

// String leaves out the secret.
func (c Client) String() string { return c.ID }

func (c Client) check() error {
	if (c.ID == "") != (c.Secret == "") {
		return fault("Client", "an ID and a Secret are needed, or neither")
	}
	return nil
}

// Callback answers at the address that was registered for Config.Client; by default
//
//	mux.Handle("GET /_membership/callback", v.Callback())
//
// The membership service sends readers here after they have signed in or paid, and after
// a renewal. Their browser is sent round once with a secret of its own, comes back with a
// code, and the code is exchanged for their token, server to server. The token is put into a
// cookie of this host, and the reader goes on to the page that they wanted, whose address
// the membership service is not told. Without Config.Client it answers 404.
func (v *Verifier) Callback() http.Handler {
	if v.config.Client.ID == "" {
		return http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		query := r.URL.Query()
		switch {
		case r.Method != http.MethodGet || speculative(r) || !navigation(r):
			http.Error(w, "This address is only passed through, by readers who sign in.", http.StatusBadRequest)
		case query.Has("state"):
			v.finish(w, r, query)
		default:
			v.begin(w, r, notBack(r, query.Get("return_to")))
		}
	})
}

// begin sends the reader to the membership service, and keeps in their browser what is
// to be known when they are back: so that nobody comes back who was not sent, with a code
// that is not theirs, and is signed in as somebody else (RFC 9700, section 4.7). Each
// begin has a cookie of its own: tabs that are restored together all find back.
func (v *Verifier) begin(w http.ResponseWriter, r *http.Request, to string) {
	verifier := randomText()
	state := challengeOf(verifier)
	kept := verifier + "." + base64.RawURLEncoding.EncodeToString([]byte(local(to)))
	http.SetCookie(w, v.config.ownCookie(v.flowName(state), kept, flowSeconds))
	http.Redirect(w, r, v.renewURL(url.Values{
		"client_id": {v.config.Client.ID}, "response_type": {"code"}, "state": {state},
		"code_challenge": {state}, "code_challenge_method": {"S256"},
	}), http.StatusSeeOther)
}

// flowSeconds is how long the way to the membership service and back may take. Nobody is
// asked anything there.
const flowSeconds = 300

// finish takes a reader back who was sent by begin.
func (v *Verifier) finish(w http.ResponseWriter, r *http.Request, query url.Values) {
	verifier, to, known := v.flow(r, query.Get("state"))
	if !known { // an old page in the history, or somebody else's link
		http.Redirect(w, r, v.config.Audience+"/", http.StatusSeeOther)
		return
	}
	http.SetCookie(w, v.config.ownCookie(v.flowName(query.Get("state")), "", -1))
	if query.Get("error") == "login_required" {
		// Without the old token nobody is sent again who has no session.
		http.SetCookie(w, v.config.ownCookie(v.config.Cookie, "", -1))
	} else {
		v.admitReader(w, r, query, verifier)
	}
	http.Redirect(w, r, v.config.Audience+to, http.StatusSeeOther)
}

// admitReader puts the reader's token into their cookie. If there is none, the page will
// ask them for patience, and the next try is a few seconds later.
func (v *Verifier) admitReader(w http.ResponseWriter, r *http.Request, query url.Values, verifier string) {
	given, err := v.redeem(r.Context(), query, verifier)
	if err == nil {
		http.SetCookie(w, v.config.ownCookie(v.config.Cookie, given.Token, given.life()))
		return
	}
	http.SetCookie(w, v.config.ownCookie(v.config.cookieName("renewing"), unanswered, unansweredSeconds))
	if !errors.Is(err, errGrant) && r.Context().Err() == nil {
		v.config.Logger.WarnContext(r.Context(), "paywall: no token for a reader", "error", err)
	}
}

// flow finds what begin kept in this browser for that state.
func (v *Verifier) flow(r *http.Request, state string) (verifier, to string, known bool) {
	if len(state) != len(challengeOf("")) {
		return "", "", false
	}
	cookie, err := r.Cookie(v.flowName(state))
	if err != nil {
		return "", "", false
	}
	verifier, page, _ := strings.Cut(cookie.Value, ".")
	path, err := base64.RawURLEncoding.DecodeString(page)
	known = err == nil && subtle.ConstantTimeCompare([]byte(challengeOf(verifier)), []byte(state)) == 1
	return verifier, local(string(path)), known
}

// flowName is the cookie of the flow with that state.
func (v *Verifier) flowName(state string) string {
	return v.config.cookieName("membership-" + state[:16])
}

// challengeOf is S256 of RFC 7636, section 4.2. It serves as state too: what is sent
// away says nothing about what is kept.
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func randomText() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: https://pkg.go.dev/crypto/rand#Read
	return base64.RawURLEncoding.EncodeToString(b)
}

// maxPath is how long the address of a page may be to come back to, in bytes: a cookie
// holds it.
const maxPath = 2048

// local returns the path, with its query if that is plain, for a browser that is told our
// own origin and then this: it cannot leave it, whatever the path says. What is no path is
// our front page.
func local(to string) string {
	path, _, _ := strings.Cut(to, "?")
	for _, each := range []string{to, path} {
		plain := !strings.ContainsFunc(each, func(r rune) bool { return r <= ' ' || r > '~' })
		if strings.HasPrefix(each, "/") && len(each) <= maxPath && plain {
			return each
		}
	}
	return "/"
}

// notBack is where a link wants to lead, but not to where it came from: that would go
// round again.
func notBack(r *http.Request, to string) string {
	if path, _, _ := strings.Cut(to, "?"); path == r.URL.Path {
		return "/"
	}
	return to
}
