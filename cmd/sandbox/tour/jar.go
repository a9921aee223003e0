package tour

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
)

// jar keeps cookies as browsers do: http://*.localhost counts as secure, and a
// cookie that breaks the promise of its name's prefix is dropped.
// https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-cookie-name-prefixes
type jar struct{ kept *cookiejar.Jar }

func newJar() *jar {
	kept, _ := cookiejar.New(nil) // never fails: https://pkg.go.dev/net/http/cookiejar#New
	return &jar{kept}
}

func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	var honest []*http.Cookie
	for _, c := range cookies {
		if keepsPrefix(c) {
			honest = append(honest, c)
		}
	}
	j.kept.SetCookies(trusted(u), honest)
}

func (j *jar) Cookies(u *url.URL) []*http.Cookie { return j.kept.Cookies(trusted(u)) }

func keepsPrefix(c *http.Cookie) bool {
	switch {
	case strings.HasPrefix(c.Name, "__Host-"):
		return c.Secure && c.Domain == "" && c.Path == "/"
	case strings.HasPrefix(c.Name, "__Secure-"):
		return c.Secure
	}
	return true
}

func trusted(u *url.URL) *url.URL {
	if !strings.HasSuffix(u.Hostname(), "localhost") {
		return u
	}
	secure := *u
	secure.Scheme = "https"
	return &secure
}

// witness carries every request of the tour, and remembers which cookies went to
// which host.
type witness struct {
	next http.RoundTripper

	mu   sync.Mutex
	sent map[string]map[string]int // cookie name → host → times
}

func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	w.note(r)
	return w.next.RoundTrip(r)
}

func (w *witness) note(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range r.Cookies() {
		if w.sent == nil {
			w.sent = map[string]map[string]int{}
		}
		if w.sent[c.Name] == nil {
			w.sent[c.Name] = map[string]int{}
		}
		w.sent[c.Name][r.URL.Hostname()]++
	}
}

// times is how often the cookie went to each host.
func (w *witness) times(cookie string) map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent[cookie]
}
