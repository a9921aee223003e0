package handlers_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser is a reader's: it keeps the cookies of the members' host and says where
// its forms come from.
type browser struct {
	n       *newsroom
	agent   string // what it calls itself
	cookies map[string]*http.Cookie
}

func (n *newsroom) browser() *browser { return &browser{n: n, cookies: map[string]*http.Cookie{}} }

// seen is an answer.
type seen struct {
	t      *testing.T
	Status int
	Header http.Header
	Body   string
	set    []*http.Cookie
}

func (b *browser) do(r *http.Request) seen {
	b.n.t.Helper()
	for _, k := range b.cookies {
		r.AddCookie(&http.Cookie{Name: k.Name, Value: k.Value})
	}
	r.Header.Set("User-Agent", b.agent)
	w := httptest.NewRecorder()
	b.n.site.ServeHTTP(w, r)
	answer := w.Result()
	for _, k := range answer.Cookies() {
		b.n.hold(k)
		if k.MaxAge < 0 {
			delete(b.cookies, k.Name)
			continue
		}
		b.cookies[k.Name] = k
	}
	return seen{b.n.t, answer.StatusCode, answer.Header, w.Body.String(), answer.Cookies()}
}

func request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, membersURL+path, strings.NewReader(body))
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (b *browser) get(path string) seen { return b.do(request(http.MethodGet, path, "")) }

func (b *browser) post(path string, pairs ...string) seen {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.do(request(http.MethodPost, path, form.Encode()))
}

// submit posts a form of the page as it stands there, with some fields filled in.
func (b *browser) submit(page seen, action string, pairs ...string) seen {
	b.n.t.Helper()
	form := page.form(action)
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.do(request(http.MethodPost, action, form.Encode()))
}

var (
	formTag   = regexp.MustCompile(`(?s)<form\b([^>]*)>(.*?)</form>`)
	fieldTag  = regexp.MustCompile(`(?s)<input\b[^>]*>|<textarea\b[^>]*>[^<]*`)
	stopForm  = regexp.MustCompile(`/account/gifts/[0-9a-f-]+/stop`)
	sessionID = regexp.MustCompile(`cs_test_\w+`)
	stripeID  = regexp.MustCompile(`price_\w+`)
	memberID  = regexp.MustCompile(`mem_[0-9a-f-]+`)
	attr      = regexp.MustCompile(`(\w[\w-]*)(?:="([^"]*)")?`)
)

// form is what a browser would send for the form with that action.
func (s seen) form(action string) url.Values {
	s.t.Helper()
	for _, f := range formTag.FindAllStringSubmatch(s.Body, -1) {
		if to := attributes(f[1])["action"]; to == action || to == "" {
			return fieldsOf(f[2])
		}
	}
	s.t.Fatalf("no form for %s on the page (status %d):\n%s", action, s.Status, s.Body)
	return nil
}

func fieldsOf(form string) url.Values {
	values := url.Values{}
	for _, tag := range fieldTag.FindAllString(form, -1) {
		open, text, _ := strings.Cut(tag, ">")
		a := attributes(open)
		_, checked := a["checked"]
		switch kind := a["type"]; {
		case strings.HasPrefix(tag, "<textarea"):
			values.Set(a["name"], html.UnescapeString(text))
		case kind == "radio" || kind == "checkbox":
			if checked {
				values.Set(a["name"], a["value"])
			}
		default:
			values.Set(a["name"], a["value"])
		}
	}
	return values
}

func attributes(tag string) map[string]string {
	all := map[string]string{}
	for _, m := range attr.FindAllStringSubmatch(tag, -1) {
		all[m[1]] = html.UnescapeString(m[2])
	}
	return all
}

// want checks the status and that the page says each of the texts.
func (s seen) want(status int, texts ...string) seen {
	s.t.Helper()
	if s.Status != status {
		s.t.Fatalf("status %d, want %d (Location %q):\n%s", s.Status, status, s.Header.Get("Location"), s.Body)
	}
	body := html.UnescapeString(s.Body)
	for _, text := range texts {
		if !strings.Contains(body, text) {
			s.t.Errorf("the page does not say %q:\n%s", text, body)
		}
	}
	return s
}

// wantNot checks that the page says none of the texts.
func (s seen) wantNot(texts ...string) seen {
	s.t.Helper()
	for _, text := range texts {
		if strings.Contains(html.UnescapeString(s.Body), text) {
			s.t.Errorf("the page says %q:\n%s", text, s.Body)
		}
	}
	return s
}

// escaped checks that no typed markup became the page's own.
func (s seen) escaped() seen {
	s.t.Helper()
	if strings.Contains(s.Body, "<script>") {
		s.t.Errorf("typed markup stands in the page:\n%s", s.Body)
	}
	return s
}

// to checks that the answer leads on with 303 and returns where.
func (s seen) to(prefix string) string {
	s.t.Helper()
	where := s.Header.Get("Location")
	if s.Status != http.StatusSeeOther || !strings.HasPrefix(where, prefix) {
		s.t.Fatalf("status %d to %q, want 303 to %s…\n%s", s.Status, where, prefix, s.Body)
	}
	return where
}

// cookie is one that the answer set.
func (s seen) cookie(name string) *http.Cookie {
	s.t.Helper()
	for _, k := range s.set {
		if k.Name == name {
			return k
		}
	}
	s.t.Fatalf("the answer sets no cookie %s", name)
	return nil
}

// signIn signs the browser in by a mailed link.
func (b *browser) signIn(address string) {
	b.n.t.Helper()
	b.submit(b.get("/signin"), "/signin", "email", address).to("/signin/sent")
	link, _ := b.n.mailTo(address)
	b.submit(b.get(link).want(200), link).to("/account")
}

// checkoutURL begins to buy the plan's first price and returns Stripe's page.
func (b *browser) checkoutURL(returnTo string) string {
	b.n.t.Helper()
	page := b.get("/membership?return_to=" + url.QueryEscape(returnTo)).want(200)
	return b.submit(page, "/checkout").to(b.n.stripe.URL)
}

// pay pays on Stripe's page and returns the path on us that Stripe leads back to.
func (b *browser) pay(session, card, address string) string {
	b.n.t.Helper()
	paid := b.n.stripe.PayAs(b.n.t, session, card, address)
	back, ours := strings.CutPrefix(paid.Location, membersURL)
	if !ours {
		b.n.t.Fatalf("Stripe led to %q (%s)", paid.Location, paid.Problem)
	}
	return back
}
