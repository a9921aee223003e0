package tour

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// blank is a sandbox where every page is there and says nothing.
func blank(t *testing.T) Places {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<main>Nothing today</main>") }))
	t.Cleanup(server.Close)
	return Places{Members: server.URL, News: server.URL, Control: server.URL, Transport: server.Client().Transport,
		Staff: func(context.Context, ...string) (string, error) { return "", errors.New("nobody is in") }}
}

func TestATourSaysWhatWasMissingAndWhatWasSeenInstead(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := Run(t.Context(), blank(t), &out)
	if err == nil || !strings.Contains(err.Error(), "The wall, ") || !strings.Contains(err.Error(), "The refresh cookie") {
		t.Errorf("the error is %v", err)
	}
	for _, words := range []string{"The wall", "NOT AS IT SHOULD BE: wanted an article on the front page; saw", "Nothing today"} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("%q is not in\n%s", words, out.String())
		}
	}
	if strings.Contains(out.String(), "The checkout") {
		t.Error("a journey went on after a step that failed")
	}
}

func TestATourCanBeBrokenOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, blank(t), new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestCookiesAreKeptAsBrowsersKeepThem(t *testing.T) {
	t.Parallel()
	members, news := site(t, "http://members.news.localhost:8080/"), site(t, "http://www.news.localhost:8081/")
	for name, c := range map[string]struct {
		cookie            http.Cookie
		toMembers, toNews bool
	}{
		"host":              {http.Cookie{Name: "__Host-a", Secure: true, Path: "/"}, true, false},
		"host, not secure":  {http.Cookie{Name: "__Host-a", Path: "/"}, false, false},
		"host, with domain": {http.Cookie{Name: "__Host-a", Secure: true, Path: "/", Domain: "news.localhost"}, false, false},
		"host, other path":  {http.Cookie{Name: "__Host-a", Secure: true, Path: "/x"}, false, false},
		"parent domain":     {http.Cookie{Name: "__Secure-a", Secure: true, Path: "/", Domain: "news.localhost"}, true, true},
		"prefix alone":      {http.Cookie{Name: "__Secure-a", Path: "/", Domain: "news.localhost"}, false, false},
		"plain":             {http.Cookie{Name: "a", Path: "/"}, true, false},
	} {
		j := newJar()
		c.cookie.Value = "1"
		j.SetCookies(members, []*http.Cookie{&c.cookie})
		if got := len(j.Cookies(members)) == 1; got != c.toMembers {
			t.Errorf("%s: sent to the service: %v", name, got)
		}
		if got := len(j.Cookies(news)) == 1; got != c.toNews {
			t.Errorf("%s: sent to the newspaper: %v", name, got)
		}
	}
}

func TestARefreshCookieAtTheNewspaperIsSeen(t *testing.T) {
	t.Parallel()
	tr := &tour{Places: Places{Members: "http://members.news.localhost:8080", News: "http://www.news.localhost:8081"}, witness: &witness{}}
	tr.witness.note(request(t, tr.Members, "__Host-session"))
	tr.witness.note(request(t, tr.News, "__Secure-access"))
	if _, err := tr.atHome(t.Context()); err != nil {
		t.Error(err)
	}
	tr.witness.note(request(t, tr.News, "__Host-session"))
	if _, err := tr.atHome(t.Context()); err == nil {
		t.Error("nobody noticed")
	}
}

func request(t *testing.T, address, cookie string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: cookie, Value: "1"})
	return r
}

const someForm = `<main><form method="post" action="/pay?x=1">
<input type="hidden" name="csrf" value="c&amp;d">
<input type="radio" name="how" value="once" checked><input type="radio" name="how" value="month">
<input type="checkbox" name="anonymous" value="true"><textarea name="message">Hello
there</textarea><input name="amount">
<button name="do" value="it">Pay now</button></form></main>`

func TestAFormIsSentAsItStands(t *testing.T) {
	t.Parallel()
	f := pageOf(t, someForm).form("/pay").fill("amount", "10").press("Pay")
	if f.err != nil {
		t.Fatal(f.err)
	}
	if got, want := f.values.Encode(), "amount=10&csrf=c%26d&do=it&how=once&message=Hello+there"; got != want {
		t.Errorf("sends %s, want %s", got, want)
	}
	if f.action.String() != "http://members.news.localhost/pay?x=1" {
		t.Errorf("sends it to %s", f.action)
	}
}

func TestOnlyWhatIsInAFormCanBeFilledIn(t *testing.T) {
	t.Parallel()
	p := pageOf(t, someForm)
	for name, f := range map[string]*form{
		"no such form":   p.form("/give"),
		"no such field":  p.form("/pay").fill("card", "4242"),
		"no such choice": p.form("/pay").fill("how", "weekly"),
		"no such button": p.form("/pay").press("Give"),
	} {
		if f.err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRowsGoByTheirHeadings(t *testing.T) {
	t.Parallel()
	p := pageOf(t, `<section id="payments"><table><tr><th>Who</th><th>Amount</th></tr><tr><td>ada</td><td>8.00 <b>EUR</b></td></tr></table></section>`)
	rows := p.rows("payments")
	if len(rows) != 1 || rows[0].cells["Amount"] != "8.00 EUR" || rows[0].cells["Who"] != "ada" {
		t.Errorf("rows %+v", rows)
	}
}

func pageOf(t *testing.T, body string) page {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return page{url: site(t, "http://members.news.localhost/contribute"), root: root, status: http.StatusOK}
}

func site(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
