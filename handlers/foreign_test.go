package handlers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

func TestFormsThatAreTooLargeOrOfAnotherKind(t *testing.T) {
	t.Parallel()
	n := open(t)
	large := "message=" + strings.Repeat("a", 70_000)
	b := n.browser()
	b.do(request(http.MethodPost, "/contribute", large)).want(413, "larger than this form can be")
	chunked := request(http.MethodPost, "/contribute", "")
	chunked.Body, chunked.ContentLength = io.NopCloser(strings.NewReader(large)), -1
	b.do(chunked).want(413)
	for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", "text/plain"} {
		r := request(http.MethodPost, "/contribute", "{}")
		r.Header.Set("Content-Type", kind)
		b.do(r).want(415)
	}
	b.do(request(http.MethodPost, "/contribute", "other=%zz")).want(400)
	b.do(request(http.MethodPost, "/contribute", "message=%00")).want(400)
	wantEqual(t, "intents", n.count("checkout_intents"), 0)
}

// origins are those that a browser could name, with what it says of them.
var origins = []struct {
	origin  string
	trusted bool // by our forms
}{
	{membersURL, false}, {articleURL, true}, {"https://shop.example.news", false}, {"https://evil.example", false},
	{articleURL + ".evil.example", false}, {"null", false}, {"", false},
}

// unsafeRoutes are all that change something, from the router's own table, but for what
// servers post, who show that it is them: Stripe, and clients with a code.
func (n *newsroom) unsafeRoutes() (pages, api []*echo.Route) {
	for _, r := range n.site.Routes() {
		switch {
		case r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions || !strings.HasPrefix(r.Path, "/"):
		case r.Path == "/v1/token":
		case strings.HasPrefix(r.Path, "/v1/"):
			api = append(api, r)
		default:
			pages = append(pages, r)
		}
	}
	return pages, api
}

// Every route that changes something × every word of Sec-Fetch-Site × every origin: only
// our own pages and what the reader did themselves pass, and for forms that are not the
// account's the publisher's sites.
func TestNothingIsTakenFromElsewhere(t *testing.T) {
	t.Parallel()
	n := open(t)
	pages, api := n.unsafeRoutes()
	if len(pages) < 12 || len(api) < 2 {
		t.Fatalf("%d pages and %d of the API: the table is not whole", len(pages), len(api))
	}
	account, free := split(pages, func(r *echo.Route) bool { return strings.HasPrefix(r.Path, "/account/") })
	for _, site := range []string{"same-origin", "none", "same-site", "cross-site", "cross-origin", ""} {
		for _, from := range origins {
			own := site == "same-origin" || site == "none"
			n.wantGuarded(free, site, from.origin, own || site != "" && from.trusted)
			n.wantGuarded(account, site, from.origin, own)
			n.wantGuarded(api, site, from.origin, own)
		}
	}
	wantEqual(t, "attempts", n.count("sign_in_attempts"), 0)
}

func split(routes []*echo.Route, first func(*echo.Route) bool) (yes, no []*echo.Route) {
	for _, r := range routes {
		if first(r) {
			yes = append(yes, r)
		} else {
			no = append(no, r)
		}
	}
	return yes, no
}

func (n *newsroom) wantGuarded(routes []*echo.Route, site, origin string, passes bool) {
	n.t.Helper()
	for _, route := range routes {
		r := request(route.Method, strings.NewReplacer(":", "", "{id}", "x").Replace(route.Path), "csrf=_echo_csrf_using_sec_fetch_site_")
		r.Header.Set("X-CSRF-Token", "_echo_csrf_using_sec_fetch_site_")
		for header, value := range map[string]string{"Sec-Fetch-Site": site, "Origin": origin} {
			r.Header.Del(header)
			if value != "" {
				r.Header.Set(header, value)
			}
		}
		if got := n.browser().do(r).Status; (got != http.StatusForbidden) != passes {
			n.t.Errorf("%s %s, Sec-Fetch-Site %q, Origin %q: %d, want it to pass: %v", route.Method, route.Path, site, origin, got, passes)
		}
	}
}

// A program that is no browser repeats a cookie in a header.
func TestAProgramMayChangeThings(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.deviceOf(firefox, "ada@example.org")
	ask := func(token string) seen {
		r := request(http.MethodDelete, "/v1/sessions", "")
		r.Header.Del("Sec-Fetch-Site")
		r.Header.Set("X-CSRF-Token", token)
		return b.do(r)
	}
	const mine = "a-value-of-the-programs-own-making"
	ask(mine).want(403)
	b.cookies["__Host-csrf"] = &http.Cookie{Name: "__Host-csrf", Value: mine}
	ask("").want(403)
	ask("guessed").want(403)
	ask(mine).want(204)
}

func TestFormsFromElsewhere(t *testing.T) {
	t.Parallel()
	n := open(t)
	post := func(b *browser, headers ...string) seen {
		r := request(http.MethodPost, "/newsletter", "email=ada@example.org")
		r.Header.Del("Sec-Fetch-Site")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return b.do(r)
	}
	post(n.browser(), "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").want(403, "another site")
	post(n.browser(), "Sec-Fetch-Site", "same-site", "Origin", "https://shop.example.news").want(403)
	post(n.browser()).want(403) // an old browser, without the form's token
	wantEqual(t, "attempts", n.count("sign_in_attempts"), 0)
	post(n.browser(), "Sec-Fetch-Site", "same-site", "Origin", articleURL).to("/newsletter/sent")

	old := n.browser()
	r := httptest.NewRequest(http.MethodGet, membersURL+"/newsletter", nil)
	form := old.do(r).want(200).form("/newsletter")
	form.Set("email", "ada@example.org")
	r = httptest.NewRequest(http.MethodPost, membersURL+"/newsletter", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	old.do(r).to("/newsletter/sent")
}
