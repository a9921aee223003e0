package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/paywall"
)

const (
	otherURL     = "https://www.other.example"
	otherArticle = otherURL + "/a/ferry?page=2"
	otherDoor    = otherURL + "/_membership/callback"
)

// elsewhere is an article service on a domain of its own.
type elsewhere struct {
	*newsroom
	client paywall.Client
	paper  http.Handler
}

func (n *newsroom) elsewhere() *elsewhere {
	n.t.Helper()
	why := auth.Why{Actor: "test", Reason: "It joins us"}
	added, secret, err := n.who.Clients.Add(n.t.Context(), auth.NewClient{Name: "The Other Paper", Audience: otherURL}, why)
	n.check(err)
	n.check(n.who.Clients.Reload(n.t.Context()))
	e := &elsewhere{newsroom: n, client: paywall.Client{ID: added.ID, Secret: secret}}
	v := n.articleHost(func(c *paywall.Config) { c.Audience, c.Client = otherURL, e.client })
	mux := http.NewServeMux()
	mux.Handle("GET /_membership/callback", v.Callback())
	mux.Handle("GET /", v.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, _ := paywall.FromContext(r.Context())
		fmt.Fprintf(w, "%s, for %s by %s", paywall.AccessFor(r.Context(), "sources:links"), m.Claims().Audience, m.Claims().ClientID)
	})))
	e.paper = mux
	return e
}

// traveller is a browser that keeps the cookies of both hosts apart and follows where
// it is sent.
type traveller struct {
	e     *elsewhere
	http  *http.Client
	asked []string // the addresses of the last journey
}

func (e *elsewhere) traveller() *traveller {
	tr := &traveller{e: e}
	tr.http = &http.Client{Jar: must(cookiejar.New(nil))(e.t), Transport: tr}
	return tr
}

// RoundTrip answers for both hosts without a network.
func (tr *traveller) RoundTrip(r *http.Request) (*http.Response, error) {
	tr.asked = append(tr.asked, r.URL.String())
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	w := httptest.NewRecorder()
	if strings.HasPrefix(r.URL.String(), otherURL) {
		tr.e.paper.ServeHTTP(w, r)
	} else {
		tr.e.site.ServeHTTP(w, r)
	}
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// open goes to an address and returns where that ended and what the page says.
func (tr *traveller) open(address string) (where, page string) {
	tr.e.t.Helper()
	tr.asked = nil
	answer := must(tr.http.Get(address))(tr.e.t)
	defer answer.Body.Close()
	return answer.Request.URL.String(), string(must(io.ReadAll(answer.Body))(tr.e.t))
}

// stops are the paths of the last journey, without what was said there.
func (tr *traveller) stops() []string {
	var all []string
	for _, address := range tr.asked {
		path, _, _ := strings.Cut(address, "?")
		all = append(all, path)
	}
	return all
}

// takes gives this browser the session of another.
func (tr *traveller) takes(b *browser) {
	tr.e.t.Helper()
	u := must(url.Parse(membersURL))(tr.e.t)
	tr.http.Jar.SetCookies(u, []*http.Cookie{b.cookies["__Host-session"]})
}

var (
	roundTrip = []string{otherURL + "/a/ferry", membersURL + "/renew", otherDoor, otherURL + "/a/ferry"}
	arrival   = []string{otherDoor, membersURL + "/renew", otherDoor, otherURL + "/a/ferry"}
)

func TestAReaderOnAnotherDomain(t *testing.T) {
	t.Parallel()
	n := open(t)
	e := n.elsewhere()
	reader := e.traveller()
	member := "granted, for " + otherURL + " by " + e.client.ID

	_, page := reader.open(otherArticle)
	wantEqual(t, "a stranger's page", page, "anonymous, for  by ")
	wantEqual(t, "a stranger's journey", len(reader.asked), 1)

	b := n.browser()
	b.submit(b.get("/newsletter?return_to="+url.QueryEscape(otherArticle)), "/newsletter", "email", "ada@example.org").to("/newsletter/sent")
	link, _ := n.mailTo("ada@example.org")
	door := b.submit(b.get(link), link).to(otherDoor + "?return_to=%2Fa%2Fferry%3Fpage%3D2")
	reader.takes(b)
	where, page := reader.open(door)
	wantEqual(t, "after signing in", []string{where, page}, []string{otherArticle, member})
	wantEqual(t, "the way there", reader.stops(), arrival)

	_, page = reader.open(otherArticle)
	wantEqual(t, "the next page", []string{page, fmt.Sprint(len(reader.asked))}, []string{member, "1"})

	for range 3 {
		n.advance(11 * time.Minute)
		where, page = reader.open(otherArticle)
		wantEqual(t, "after the token's end", []string{where, page}, []string{otherArticle, member})
		wantEqual(t, "the way round", reader.stops(), roundTrip)
		if strings.Contains(strings.Join(reader.asked[1:3], " "), "ferry") {
			t.Errorf("the members' host hears what is read: %v", reader.asked)
		}
	}

	b.submit(b.get("/account"), "/signout").to("/signed-out")
	n.advance(11 * time.Minute)
	where, page = reader.open(otherArticle)
	wantEqual(t, "after signing out", []string{where, page}, []string{otherArticle, "anonymous, for  by "})
	wantEqual(t, "the way round", reader.stops(), roundTrip)
	n.advance(time.Hour)
	reader.open(otherArticle)
	wantEqual(t, "whoever has no session is left in peace", len(reader.asked), 1)
}

// Who is signed in here need not do so again for a paper that could not know.
func TestWhoIsSignedInIsOnlyPassedThrough(t *testing.T) {
	t.Parallel()
	n := open(t)
	e := n.elsewhere()
	b := n.browser()
	signIn := "/signin?return_to=" + url.QueryEscape(otherArticle)
	b.get(signIn).want(200, "Send me the link")
	b.signIn("ada@example.org")
	reader := e.traveller()
	reader.takes(b)
	where, page := reader.open(membersURL + signIn)
	wantEqual(t, "signing in again", []string{where, page}, []string{otherArticle, "insufficient, for " + otherURL + " by " + e.client.ID})
	b.get("/signin").want(200, "Send me the link")
	b.get("/signin?return_to="+anArticle).want(200, "Send me the link")
	where, _ = reader.open(membersURL + "/renew?return_to=" + url.QueryEscape(otherArticle))
	wantEqual(t, "renewing without being a client", where, otherArticle)
}

// Who has paid reads on where they were, before they have proven their address.
func TestABuyerFromAnotherDomainReadsOn(t *testing.T) {
	t.Parallel()
	n := open(t)
	e := n.elsewhere()
	b := n.browser()
	back := b.pay(b.checkoutURL(otherArticle), simtest.Pays, "ada@example.org")
	door := otherDoor + "?return_to=%2Fa%2Fferry%3Fpage%3D2"
	b.get(back).want(200, "Read on where you were", `href="`+door+`"`)
	reader := e.traveller()
	reader.takes(b)
	where, page := reader.open(door)
	wantEqual(t, "reading on", []string{where, page}, []string{otherArticle, "granted, for " + otherURL + " by " + e.client.ID})
}

func TestFormsMayLeadToClients(t *testing.T) {
	t.Parallel()
	n := open(t)
	if policy := n.browser().get("/signin").Header.Get("Content-Security-Policy"); strings.Contains(policy, otherURL) {
		t.Errorf("before: %s", policy)
	}
	n.elsewhere()
	policy := n.browser().get("/signin").Header.Get("Content-Security-Policy")
	if !strings.HasSuffix(policy, articleURL+" "+otherURL) || !strings.Contains(policy, "; form-action ") {
		t.Errorf("after: %s", policy)
	}
}

// ask is what a client sends a browser to /renew with; pairs change it.
func (e *elsewhere) ask(pairs ...string) string {
	q := url.Values{
		"client_id": {e.client.ID}, "response_type": {"code"}, "state": {"st&te"}, "code_challenge_method": {"S256"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, // https://www.rfc-editor.org/rfc/rfc7636#appendix-B
	}
	for i := 0; i < len(pairs); i += 2 {
		if q.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return "/renew?" + q.Encode()
}

const rfcVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func TestWhatAClientIsTold(t *testing.T) {
	t.Parallel()
	n := open(t)
	e := n.elsewhere()
	b := n.browser()
	b.signIn("ada@example.org")
	told := func(b *browser, pairs ...string) url.Values {
		t.Helper()
		where := must(url.Parse(b.get(e.ask(pairs...)).to(otherDoor + "?")))(t)
		return where.Query()
	}
	answer := told(b, "redirect_uri", otherDoor)
	if len(answer.Get("code")) != 43 || answer.Get("state") != "st&te" || answer.Has("error") {
		t.Errorf("a session: %v", answer)
	}
	wantEqual(t, "without a state", told(b, "state", "").Has("state"), false)
	for want, c := range map[string]struct {
		b     *browser
		pairs []string
	}{
		"login_required":            {n.browser(), nil},
		"unsupported_response_type": {b, []string{"response_type", "token"}},
		"invalid_request":           {b, []string{"code_challenge_method", "plain"}},
	} {
		answer := told(c.b, c.pairs...)
		wantEqual(t, want, []string{answer.Get("error"), answer.Get("state"), answer.Get("code")}, []string{want, "st&te", ""})
	}
	wantEqual(t, "without a challenge", told(b, "code_challenge", "").Get("error"), "invalid_request")
	wantEqual(t, "a short challenge", told(b, "code_challenge", "abc").Get("error"), "invalid_request")
}

// A request that is not plainly a client's leads nowhere.
func TestNobodyIsLedToAStranger(t *testing.T) {
	t.Parallel()
	n := open(t)
	e := n.elsewhere()
	b := n.browser()
	b.signIn("ada@example.org")
	for status, all := range map[int][]string{
		404: {e.ask("client_id", "cli_0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"), "/renew?client_id=", e.ask("client_id", "x\x01y")},
		400: {e.ask("redirect_uri", "https://evil.example/"), e.ask("redirect_uri", otherDoor+"/x"), e.ask("state", strings.Repeat("s", 513))},
	} {
		for _, path := range all {
			if answer := b.get(path).want(status); answer.Header.Get("Location") != "" {
				t.Errorf("%s leads to %s", path, answer.Header.Get("Location"))
			}
		}
	}
	wantEqual(t, "codes", n.count("client_codes"), 0)
	_, err := n.who.Clients.Revoke(t.Context(), e.client.ID, auth.Why{Actor: "test", Reason: "Its domain is sold"})
	n.check(err)
	b.get(e.ask()).want(404, "not one that we know")
	n.check(n.who.Clients.Reload(t.Context()))
	b.get("/renew?return_to=" + otherArticle).to("/account")
}

// A newsroom none of whose papers shares a domain with the service sets no cookie for one.
func TestWithoutASharedDomainThereIsNoTokenCookie(t *testing.T) {
	t.Parallel()
	n := open(t, domainless)
	b := n.browser()
	b.signIn("ada@example.org")
	b.submit(b.get("/account"), "/signout")
	if _, set := b.cookies[paywall.CookieName]; set || slices.ContainsFunc(b.get("/renew").set, func(c *http.Cookie) bool { return c.Name == paywall.CookieName }) {
		t.Error("a cookie for nobody")
	}
}
