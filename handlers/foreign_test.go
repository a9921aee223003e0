package handlers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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

func TestNoFormIsTakenFromElsewhere(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("ada@example.org")
	for _, route := range n.site.Routes() {
		if route.Method != http.MethodPost {
			continue
		}
		for _, from := range []struct{ site, origin string }{
			{"cross-site", "https://evil.example"}, {"cross-site", "null"}, {"same-site", "https://shop.example.news"}, {"same-site", ""}, {"", "https://evil.example"}, {"", ""},
		} {
			r := request(http.MethodPost, route.Path, "csrf=_echo_csrf_using_sec_fetch_site_")
			for header, value := range map[string]string{"Sec-Fetch-Site": from.site, "Origin": from.origin} {
				r.Header.Del(header)
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			wantEqual(t, route.Path+" from "+from.site+" "+from.origin, b.do(r).Status, 403)
		}
	}
	b.get("/account").want(200, "ada@example.org")
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
