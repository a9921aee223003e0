package handlers_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/paywall"
)

func TestEveryPageIsHeldToOurOwnFiles(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	for _, path := range []string{"/membership", "/contribute", "/newsletter", "/newsletter/sent", "/signin", "/signin/sent", "/signed-out", "/nothing", "/thanks"} {
		page := b.get(path)
		h := page.Header
		policy := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
			"form-action 'self' " + n.stripe.URL + " " + articleURL} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy lacks %q: %s", path, part, policy)
			}
		}
		wantEqual(t, path+" X-Content-Type-Options", h.Get("X-Content-Type-Options"), "nosniff")
		wantEqual(t, path+" Cache-Control", h.Get("Cache-Control"), "private, no-store")
		wantEqual(t, path+" HSTS", h.Get("Strict-Transport-Security"), "max-age=31536000")
		for _, m := range loads.FindAllStringSubmatch(page.Body, -1) {
			if !strings.HasPrefix(m[1], "/static/") {
				t.Errorf("%s loads %s", path, m[1])
			}
		}
		if inline.MatchString(page.Body) {
			t.Errorf("%s has inline style or script: %s", path, inline.FindString(page.Body))
		}
	}
}

var (
	loads  = regexp.MustCompile(`(?:src|<link [^>]*href)="([^"]*)"`)
	inline = regexp.MustCompile(`<style|<script>| style="| on[a-z]+="`)
)

func TestPagesKeepToTheOutlineThatReadersOfScreensNeed(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	for _, path := range []string{"/membership", "/contribute", "/newsletter", "/signin", "/signin/sent", "/nothing"} {
		body := b.get(path).Body
		wantEqual(t, path+" main headings", strings.Count(body, "<h1"), 1)
		if !strings.Contains(body, `<html lang="en">`) || !strings.Contains(body, `<main id="main"`) {
			t.Errorf("%s has no language or no main part", path)
		}
		for _, m := range described.FindAllStringSubmatch(body, -1) {
			for _, id := range strings.Fields(m[1]) {
				wantEqual(t, path+" description "+id, strings.Count(body, ` id="`+id+`"`), 1)
			}
		}
		for _, m := range labelled.FindAllStringSubmatch(body, -1) {
			wantEqual(t, path+" field "+m[1], strings.Count(body, ` id="`+m[1]+`"`), 1)
		}
	}
}

var (
	described = regexp.MustCompile(`aria-describedby="([^"]*)"`)
	labelled  = regexp.MustCompile(`<label[^>]* for="([^"]*)"`)
)

func TestCookiesAreHeldToWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.submit(b.get("/signin"), "/signin", "email", "ada@example.org").cookie("__Host-signin")
	link, _ := n.mailTo("ada@example.org")
	b.submit(b.get(link), link)
	b.submit(b.get("/contribute"), "/contribute").cookie("__Host-checkout")
	for name, k := range b.cookies {
		if !k.Secure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.MaxAge <= 0 {
			t.Errorf("cookie %s: %s", name, k)
		}
		if isOurs := strings.HasPrefix(name, "__Host-"); isOurs != (k.Domain == "") {
			t.Errorf("cookie %s goes to domain %q", name, k.Domain)
		}
	}
	access, session := b.cookies[paywall.CookieName], b.cookies["__Host-session"]
	wantEqual(t, "the token's domain", access.Domain, "example.news")
	wantEqual(t, "the token's cookie lives as long as the session, in seconds", access.MaxAge, session.MaxAge)
	wantEqual(t, "the session's life without a visit, in seconds", session.MaxAge, 90*24*60*60)
}

func TestErrorsArePagesForPeopleAndProblemsForPrograms(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.get("/nothing").want(404, "<h1>Nothing here</h1>", "There is no page at this address")
	b.do(request(http.MethodDelete, "/membership", "")).want(405, "<h1>")
	r := request(http.MethodPost, "/contribute", "other=abc&currency=eur&interval=once")
	r.Header.Set("Accept", "application/json")
	b.do(r).want(422, `"type":"urn:membership:amount_syntax"`, "in digits").wantNot("<form")
	for _, c := range []struct {
		path, accept, body string
		status             int
	}{
		{"/v1/nothing", "*/*", `{"type":"about:blank","title":"Nothing here","status":404,"detail":"There is no page at this address. Perhaps it has moved, or the link was cut short."}`, 404},
		{"/thanks?session_id=x", "application/json", `{"type":"urn:membership:purchase_not_found","title":"Not in this browser","status":404,"detail":"We cannot find this purchase in this browser. If you have paid, nothing is lost. Please sign in with the address that you gave at the payment."}`, 404},
	} {
		r := request(http.MethodGet, c.path, "")
		r.Header.Set("Accept", c.accept)
		answer := b.do(r)
		wantEqual(t, c.path+" status", answer.Status, c.status)
		wantEqual(t, c.path+" type", answer.Header.Get("Content-Type"), "application/problem+json")
		wantEqual(t, c.path, strings.TrimSpace(answer.Body), c.body)
	}
}

func TestFaultsOfOursAreLoggedOnceAndShownToNobody(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.site.GET("/panics", func(echo.Context) error { panic("secret reason") })
	n.site.GET("/fails", func(echo.Context) error { return errors.New("secret reason") })
	for _, path := range []string{"/panics", "/fails"} {
		page := n.browser().get(path).want(500, "A fault of ours").wantNot("secret reason")
		id := page.Header.Get("X-Request-Id")
		if id == "" || !strings.Contains(page.Body, id) {
			t.Errorf("%s: the page does not give its number %q", path, id)
		}
		var told int
		for line := range strings.Lines(n.log.String()) {
			if strings.Contains(line, id) && strings.Contains(line, `"level":"ERROR"`) && strings.Contains(line, "secret reason") {
				told++
			}
		}
		wantEqual(t, path+": error lines", told, 1)
	}
}

func TestTheRequestIDIsAProxysOnlyIfItIsPlain(t *testing.T) {
	t.Parallel()
	n := open(t)
	for sent, kept := range map[string]bool{"0af7651916cd43dd8448eb211c80319c": true, "x\" onload=alert(1)": false, strings.Repeat("a", 65): false} {
		r := request(http.MethodGet, "/livez", "")
		r.Header.Set("X-Request-Id", sent)
		got := n.browser().do(r).Header.Get("X-Request-Id")
		if (got == sent) != kept || got == "" {
			t.Errorf("sent %q, got %q", sent, got)
		}
	}
}

func TestEveryGETAnswersHEAD(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	for _, r := range n.site.Routes() {
		if r.Method != http.MethodGet {
			continue
		}
		head, get := b.do(request(http.MethodHead, r.Path, "")).Status, b.get(r.Path).Status
		if isMailed := strings.HasSuffix(r.Path, "/:token"); isMailed {
			get = http.StatusOK // of a link, HEAD tells nothing
		}
		wantEqual(t, r.Path, head, get)
	}
	b.do(request(http.MethodHead, "/checkout", "")).want(405)
}

func TestProbes(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.get("/livez").want(200, `"ok"`)
	b.get("/readyz").want(200, `"ok"`)
	n.down.Store(true)
	b.get("/readyz").want(200) // Stripe's absence is no reason
	n.ready = errDraining
	b.get("/readyz").want(503, "not ready").wantNot("draining")
	b.get("/livez").want(200)
}

func TestStrangersAndUnprovenReadersAreShownTheWay(t *testing.T) {
	t.Parallel()
	n := open(t)
	stranger := n.browser()
	for _, path := range []string{"/account/portal", "/account/gifts/0190a0c4-6b1e-7c3f-9a54-2f4f0a6d9e11/stop"} {
		wantEqual(t, path, stranger.post(path).to("/"), "/signin?return_to=/account")
	}
	wantEqual(t, "/account", stranger.get("/account").to("/"), "/signin?return_to=/account")
	wantEqual(t, "/", stranger.get("/").to("/"), "/membership")

	unproven := n.browser()
	unproven.get(unproven.pay(unproven.checkoutURL(""), simtest.Pays, "ada@example.org"))
	for _, path := range []string{"/account/portal", "/account/gifts/0190a0c4-6b1e-7c3f-9a54-2f4f0a6d9e11/stop", "/checkout"} {
		wantEqual(t, path, unproven.post(path).to("/"), "/account")
	}
	unproven.post("/contribute", "interval", "month", "currency", "eur", "amount", "5").to("/signin?")
	wantEqual(t, "/", unproven.get("/").to("/"), "/account")

	proven := n.browser()
	proven.signIn("eve@example.org")
	proven.post("/account/portal").want(404, "nothing to manage")
	proven.post("/account/gifts/x/stop").want(404)
}
