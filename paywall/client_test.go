package paywall_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

// till is the membership service's token endpoint, as far as a client sees it.
type till struct {
	*paywalltest.Issuer
	url string

	mu     sync.Mutex
	status int
	answer string
	asked  []url.Values
	header http.Header
}

// clientOf is an article service on a domain of its own, and the till that it asks.
func clientOf(t *testing.T, change ...func(*paywall.Config)) (*till, http.Handler) {
	t.Helper()
	k := &till{Issuer: paywalltest.NewIssuer(t)}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	v := k.Verifier(t, append([]func(*paywall.Config){func(c *paywall.Config) {
		c.Client, c.TokenURL = paywall.Client{ID: "cli_1", Secret: "s3cret"}, server.URL+"/v1/token"
	}}, change...)...)
	mux := http.NewServeMux()
	mux.Handle("/_membership/callback", v.Callback())
	mux.Handle("/", v.Optional(says))
	k.url = server.URL
	return k, mux
}

func (k *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = r.ParseForm()
	k.asked, k.header = append(k.asked, r.PostForm), r.Header
	if k.status == http.StatusTemporaryRedirect {
		w.Header().Set("Location", k.url+"/elsewhere")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(k.status)
	fmt.Fprint(w, k.answer)
}

func (k *till) says(status int, answer string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status, k.answer = status, answer
}

func (k *till) gives(token string) {
	k.says(200, `{"access_token":"`+token+`","token_type":"Bearer","expires_in":600,"session_expires_in":7776000}`)
}

func (k *till) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.asked)
}

// to opens another page than browser.goTo does.
func to(path string) request {
	return func(r *http.Request) {
		u, err := url.Parse(path)
		if err != nil {
			panic(err)
		}
		r.URL, r.RequestURI = u, path
	}
}

func sentTo(t *testing.T, w *httptest.ResponseRecorder) *url.URL {
	t.Helper()
	u, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther {
		t.Fatalf("%d to %q (%v)", w.Code, w.Header().Get("Location"), err)
	}
	return u
}

func back(away *url.URL, pairs ...string) string {
	q := url.Values{"state": {away.Query().Get("state")}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "/_membership/callback?" + q.Encode()
}

func TestThereAndBackWithACode(t *testing.T) {
	t.Parallel()
	k, paper := clientOf(t)
	b := &browser{handler: paper, jar: map[string]string{"__Host-access": k.Token(paywalltest.Expired())}}
	w := b.goTo()
	away := sentTo(t, w)
	q := away.Query()
	if !strings.HasPrefix(away.String(), k.URL()+"/renew?") || q.Get("client_id") != "cli_1" || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		t.Errorf("sent to %s", away)
	}
	if strings.Contains(away.String(), "ferry") || strings.Contains(away.String(), "s3cret") {
		t.Errorf("the membership service is told too much: %s", away)
	}
	for _, c := range cookiesOf(w) {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode || c.MaxAge <= 0 || c.MaxAge > 300 {
			t.Errorf("cookie %s", c)
		}
	}
	k.gives(k.Token(paywalltest.Entitlements("articles:full")))
	w = b.goTo(to(back(away, "code", "c0de")))
	if got := sentTo(t, w).String(); got != paywalltest.Audience+"/a/ferry?page=2" {
		t.Errorf("back at %s", got)
	}
	for name, want := range map[string]string{"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, c := range cookiesOf(w) {
		if c.Name == "__Host-access" && (c.MaxAge != 7776000 || !c.Secure || !c.HttpOnly || c.Domain != "") {
			t.Errorf("the token's cookie: %s", c)
		}
	}
	asked := k.asked[0]
	id, secret, _ := (&http.Request{Header: k.header}).BasicAuth()
	if id != "cli_1" || secret != "s3cret" || asked.Get("grant_type") != "authorization_code" || asked.Get("code") != "c0de" || len(asked.Get("code_verifier")) != 43 {
		t.Errorf("exchanged with %q, %v", id, asked)
	}
	if w := b.goTo(); w.Body.String() != "granted true mem_test" {
		t.Errorf("back: %q", w.Body)
	}
	if len(b.jar) != 1 {
		t.Errorf("cookies left: %v", b.jar)
	}
}

func TestStrangersAreNotSentAway(t *testing.T) {
	t.Parallel()
	k, paper := clientOf(t)
	b := &browser{handler: paper, jar: map[string]string{}}
	if w := b.goTo(); w.Body.String() != "anonymous false " || len(b.jar) != 0 || k.count() != 0 {
		t.Errorf("%q %v", w.Body, b.jar)
	}
}

func TestWhoHasNoSessionIsAskedOnce(t *testing.T) {
	t.Parallel()
	k, paper := clientOf(t)
	b := &browser{handler: paper, jar: map[string]string{"__Host-access": k.Token(paywalltest.Expired())}}
	away := sentTo(t, b.goTo())
	if got := sentTo(t, b.goTo(to(back(away, "error", "login_required")))).String(); got != paywalltest.Audience+"/a/ferry?page=2" {
		t.Errorf("back at %s", got)
	}
	delete(b.jar, "__Host-renewing") // and also when its minute is over
	for range 3 {
		if w := b.goTo(); w.Body.String() != "anonymous false " {
			t.Errorf("%d %q", w.Code, w.Body)
		}
	}
	if len(b.jar) != 0 || k.count() != 0 {
		t.Errorf("cookies %v, %d exchanges", b.jar, k.count())
	}
}

// Tabs that are restored together come back in any order.
func TestEachTabFindsItsPage(t *testing.T) {
	t.Parallel()
	k, paper := clientOf(t)
	b := &browser{handler: paper, jar: map[string]string{}}
	var tabs []*url.URL
	for i := range 8 {
		tabs = append(tabs, sentTo(t, b.goTo(to(fmt.Sprintf("/_membership/callback?return_to=/a/%d", i)))))
	}
	k.gives(k.Token())
	for i := 7; i >= 0; i-- {
		if got := sentTo(t, b.goTo(to(back(tabs[i], "code", "c")))).Path; got != fmt.Sprintf("/a/%d", i) {
			t.Errorf("tab %d is at %s", i, got)
		}
	}
	if len(b.jar) != 1 {
		t.Errorf("cookies left: %v", b.jar)
	}
}

// Somebody else's code, with somebody else's state or with none of this browser's, signs
// nobody in and out.
func TestWhatThisBrowserDidNotBeginIsNotFinished(t *testing.T) {
	t.Parallel()
	k, paper := clientOf(t)
	k.gives(k.Token(paywalltest.Entitlements("articles:full")))
	mine := k.Token()
	attacker := &browser{handler: paper, jar: map[string]string{}}
	away := sentTo(t, attacker.goTo(to("/_membership/callback?return_to=/a/trap")))
	victim := &browser{handler: paper, jar: map[string]string{"__Host-access": mine}}
	own := sentTo(t, victim.goTo(to("/_membership/callback"))).Query().Get("state") // one of its own is under way
	flow := len(victim.jar)
	for _, link := range []string{
		back(away, "code", "c0de"), back(away, "error", "login_required"), "/_membership/callback?code=c0de&state=",
		"/_membership/callback?code=c0de&state=" + own[:20] + strings.Repeat("x", 23), // finds the cookie, and is not it
		"/_membership/callback?code=c0de&state=" + strings.Repeat("x", 43), "/_membership/callback?code=c0de&state=short",
	} {
		if got := sentTo(t, victim.goTo(to(link))).String(); got != paywalltest.Audience+"/" {
			t.Errorf("%s leads to %s", link, got)
		}
	}
	if victim.jar["__Host-access"] != mine || len(victim.jar) != flow || k.count() != 0 {
		t.Errorf("the victim has %v; %d exchanges", victim.jar, k.count())
	}
}

func TestATroubleIsNotAWall(t *testing.T) {
	t.Parallel()
	foreign := paywalltest.NewIssuer(t).Token()
	for name, trouble := range map[string]func(k *till){
		"down":                      func(k *till) { k.says(503, "") },
		"wrong secret":              func(k *till) { k.says(401, `{"error":"invalid_client"}`) },
		"code refused":              func(k *till) { k.says(400, `{"error":"invalid_grant"}`) },
		"no JSON":                   func(k *till) { k.says(200, "<html>") },
		"no token":                  func(k *till) { k.says(200, `{}`) },
		"a token of another issuer": func(k *till) { k.gives(foreign) },
		"a token for another paper": func(k *till) { k.gives(k.Token(func(c *paywall.Claims) { c.Audience = "https://rival.example" })) },
		"a redirect":                func(k *till) { k.says(307, "") },
		"endless":                   func(k *till) { k.says(200, `{"access_token":"`+strings.Repeat("a", 1<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, paper := clientOf(t)
			trouble(k)
			b := &browser{handler: paper, jar: map[string]string{"__Host-access": k.Token(paywalltest.Expired())}}
			sentTo(t, b.goTo(to(back(sentTo(t, b.goTo()), "code", "c0de"))))
			for range 3 {
				if w := b.goTo(); w.Body.String() != "unavailable false " {
					t.Errorf("%d %q", w.Code, w.Body)
				}
			}
			if k.count() != 1 {
				t.Errorf("%d exchanges", k.count())
			}
			delete(b.jar, "__Host-renewing") // ten seconds later
			sentTo(t, b.goTo())
		})
	}
}

// A reader who has just signed in, and whose code could not be exchanged, has no token
// of before: they are asked for patience too.
func TestATroubleAfterSigningInIsNotAWall(t *testing.T) {
	t.Parallel()
	k, paper := clientOf(t)
	k.says(503, "")
	b := &browser{handler: paper, jar: map[string]string{}}
	away := sentTo(t, b.goTo(to("/_membership/callback?return_to=/a/ferry")))
	w := b.goTo(to(back(away, "code", "c0de")))
	for _, c := range cookiesOf(w) {
		if c.Name == "__Host-renewing" && c.MaxAge != 10 {
			t.Errorf("the next try is %d seconds later", c.MaxAge)
		}
	}
	if w := b.goTo(); w.Body.String() != "unavailable false " {
		t.Errorf("%q", w.Body)
	}
}

func TestTheCallbackLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	k, paper := clientOf(t)
	k.gives(k.Token())
	for wanted, want := range map[string]string{
		"/a/ferry?page=2":                 "/a/ferry?page=2",
		"/a?ref=https%3A%2F%2Fx.example":  "/a?ref=https%3A%2F%2Fx.example",
		"/a?q=\u00e9":                     "/a",
		"":                                "/",
		"https://evil.example/":           "/",
		"//evil.example/a":                "//evil.example/a", // behind our origin it is a path of ours
		"/\\evil.example":                 "/\\evil.example",
		"/\t/evil.example":                "/",
		"javascript:alert(1)":             "/",
		"@evil.example":                   "/",
		".evil.example":                   "/",
		":80@evil.example":                "/",
		"/a\r\nSet-Cookie: x=y":           "/",
		"/_membership/callback":           "/",
		"/_membership/callback?return_to": "/",
		"/" + strings.Repeat("a", 2048):   "/",
	} {
		b := &browser{handler: paper, jar: map[string]string{}}
		away := sentTo(t, b.goTo(to("/_membership/callback?return_to="+url.QueryEscape(wanted))))
		w := b.goTo(to(back(away, "code", "c0de")))
		if got := w.Header().Get("Location"); got != paywalltest.Audience+want {
			t.Errorf("%q led to %q, want %q", wanted, got, paywalltest.Audience+want)
		}
	}
}

func TestTheCallbackIsForNavigations(t *testing.T) {
	t.Parallel()
	k, paper := clientOf(t)
	for name, change := range map[string]request{
		"POST":       func(r *http.Request) { r.Method = http.MethodPost },
		"HEAD":       func(r *http.Request) { r.Method = http.MethodHead },
		"an image":   withHeader("Sec-Fetch-Dest", "image"),
		"a frame":    withHeader("Sec-Fetch-Dest", "iframe"),
		"a prefetch": withHeader("Sec-Purpose", "prefetch"),
	} {
		b := &browser{handler: paper, jar: map[string]string{}}
		if w := b.goTo(to("/_membership/callback?return_to=/a"), change); w.Code != http.StatusBadRequest || len(b.jar) != 0 {
			t.Errorf("%s: %d %v", name, w.Code, b.jar)
		}
	}
	if k.count() != 0 {
		t.Errorf("%d exchanges", k.count())
	}
}

// On plain http, as in a sandbox, no cookie is one that a browser would drop; and who
// shares a domain has no callback.
func TestClientOptions(t *testing.T) {
	t.Parallel()
	const local = "http://www.other.localhost:8081"
	k, paper := clientOf(t, func(c *paywall.Config) { c.Audience = local })
	b := &browser{handler: paper, jar: map[string]string{}}
	away := sentTo(t, b.goTo(to("/_membership/callback?return_to=/a/ferry")))
	k.gives(k.Token(func(c *paywall.Claims) { c.Audience = local }))
	w := b.goTo(to(back(away, "code", "c0de")))
	if c := cookiesOf(w); sentTo(t, w).String() != local+"/a/ferry" || b.jar["access"] == "" || c[0].Secure || c[1].Secure {
		t.Errorf("%v %v", w.Header(), b.jar)
	}
	if w := ask(paywalltest.NewIssuer(t).Verifier(t).Callback()); w.Code != http.StatusNotFound {
		t.Errorf("without a client: %d", w.Code)
	}
	if text := fmt.Sprint(paywall.Client{ID: "cli_1", Secret: "s3cret"}); strings.Contains(text, "s3cret") {
		t.Errorf("printed: %s", text)
	}
}

// The code is exchanged in good time, or not at all: the reader waits. The log hears of
// it, and of nothing secret.
func TestTheExchangeDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		b := &browser{handler: v.Callback(), jar: map[string]string{}}
		away := sentTo(t, b.goTo(to("/_membership/callback?return_to=/a/ferry")))
		verifier, _, _ := strings.Cut(b.jar["__Host-membership-"+away.Query().Get("state")[:16]], ".")
		w.set(func(w *wire) { w.hanging = true })
		began := time.Now()
		sentTo(t, b.goTo(to(back(away, "code", "c0de"))))
		if took := time.Since(began); took != 5*time.Second || b.jar["__Host-renewing"] == "" {
			t.Errorf("after %v: %v", took, b.jar)
		}
		if log := w.log.String(); !strings.Contains(log, "no token for a reader") || strings.Contains(log, "s3cret") || strings.Contains(log, "c0de") || verifier == "" || strings.Contains(log, verifier) {
			t.Errorf("the log says:\n%s", log)
		}
	}, func(c *paywall.Config) { c.Client = paywall.Client{ID: "cli_1", Secret: "s3cret"} })
}
