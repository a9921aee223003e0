package handlers_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/paywall"
)

// articleHost is a verifier as an article service runs it, on our published keys.
func (n *newsroom) articleHost(changes ...func(*paywall.Config)) *paywall.Verifier {
	n.t.Helper()
	cfg := paywall.Config{
		Issuer: membersURL, Audience: articleURL, Clock: n.clock, Logger: slog.New(slog.DiscardHandler),
		HTTPClient: &http.Client{Transport: inProcess{n}},
	}
	for _, change := range changes {
		change(&cfg)
	}
	v := must(paywall.New(cfg))(n.t)
	n.t.Cleanup(v.Close)
	ctx, cancel := context.WithTimeout(n.t.Context(), 20*time.Second)
	defer cancel()
	n.check(v.Ready(ctx))
	return v
}

// inProcess answers requests to the members' host without a network.
type inProcess struct{ n *newsroom }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.n.site.ServeHTTP(w, r)
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// mayRead is what the browser's access cookie says to an article host.
func (b *browser) mayRead() []string {
	b.n.t.Helper()
	token, ok := b.cookies[paywall.CookieName]
	if !ok {
		return nil
	}
	m, err := b.n.articleHost().Verify(token.Value)
	if err != nil {
		b.n.t.Fatalf("the article host refuses our token: %v", err)
	}
	return m.Claims().Entitlements
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestFromTheWallToTheOpenedArticle(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	page := b.get("/membership?return_to=" + anArticle)
	page.want(200, "Member", "€8 a month", "€80 a year", "Saves you €16 a year", "22 December 2026", "22 November 2027", "Cancel any time")
	session := b.submit(page, "/checkout").to(n.stripe.URL)
	back := b.pay(session, simtest.Pays, "ada@example.org")
	b.get(back).want(200, "Thank you", "Read on where you were", anArticle, "We have sent you a mail")
	wantEqual(t, "entitlements", b.mayRead(), []string{"articles:full", "sources:links"})

	b.get("/account").want(200, "You have not proven your address yet").wantNot("€8")
	link, _ := n.mailTo("ada@example.org")
	b.submit(b.get(link), link).to("/account")
	b.get("/account").want(200, "ada@example.org", "Every article in full", "for as long as your membership goes on", "€8 a month. It renews on 22 December 2026.", "€8.00")
	wantEqual(t, "entitlements", b.mayRead(), []string{"articles:full", "sources:links"})

	b.get("/membership").want(200, "You are a member already").wantNot("€8 a month")
	portal := b.submit(b.get("/account"), "/account/portal").to(n.stripe.URL)
	n.stripe.CancelInPortal(t, portal)
}

func TestConfirmingTheNewsletterUnlocksTheSources(t *testing.T) {
	t.Parallel()
	for name, confirm := range map[string]func(b *browser, link, code string) seen{
		"by the link in the same browser": func(b *browser, link, _ string) seen {
			return b.submit(b.get(link).want(200, "data-auto"), link)
		},
		"by the code": func(b *browser, _, code string) seen {
			return b.submit(b.get("/newsletter/sent"), "/signin/code", "code", strings.ToLower(code))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			b := n.browser()
			b.submit(b.get("/newsletter?return_to="+anArticle), "/newsletter", "email", "Grace@Example.org").to("/newsletter/sent")
			wantEqual(t, "grants before the proof", n.count("grants"), 0)
			link, code := n.mailTo("grace@example.org")
			if !strings.HasPrefix(link, "/newsletter/confirm/") {
				t.Errorf("the mail leads to %s", link)
			}
			confirm(b, link, code).to(anArticle)
			wantEqual(t, "entitlements", b.mayRead(), []string{"sources:links"})
			b.get("/account").want(200, "With our newsletter", "without an end")
		})
	}
}

func TestAnotherBrowserIsAskedBeforeItConfirms(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.submit(b.get("/newsletter"), "/newsletter", "email", "grace@example.org")
	link, _ := n.mailTo("grace@example.org")
	phone := n.browser()
	page := phone.get(link).want(200, "grace@example.org", "another browser").wantNot("data-auto")
	phone.submit(page, link).to("/account")
	wantEqual(t, "entitlements", phone.mayRead(), []string{"sources:links"})
}

func TestAReaderWhoIsKnownSubscribesWithOneButton(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("ada@example.org")
	b.submit(b.get("/newsletter?return_to="+anArticle).want(200, "ada@example.org"), "/newsletter").to(anArticle)
	wantEqual(t, "entitlements", b.mayRead(), []string{"sources:links"})
}

func TestAGuestGivesOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	page := b.get("/contribute?return_to="+anArticle).want(200, "€5", "€50", "From €2 to €5,000")
	session := b.submit(page, "/contribute", "other", "12,50", "name", "Ada", "message", "Go on!").to(n.stripe.URL)
	thanks := b.get(b.pay(session, simtest.Pays, "ada@example.org"))
	thanks.want(200, "your gift of €12.50", anArticle)
	if _, ok := b.cookies["__Host-session"]; ok {
		t.Error("a gift opened a session")
	}
}

func TestAMonthlyGiftComesBackFromSigningInAsItWasTyped(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	page := b.get("/contribute?return_to=" + anArticle)
	signIn := b.submit(page, "/contribute", "interval", "month", "other", "7.50", "name", "Ada", "anonymous", "true", "message", "Für die Küste / 1.").to("/signin?")
	if strings.Contains(signIn, "Ada") || strings.Contains(signIn, "K%C3%BCste") {
		t.Errorf("personal words in an address: %s", signIn)
	}
	b.submit(b.get(signIn).want(200, "For a monthly gift"), "/signin", "email", "ada@example.org")
	link, _ := n.mailTo("ada@example.org")
	back := b.submit(b.get(link), link).to("/contribute?")
	form := b.get(back).form("/contribute")
	for field, want := range map[string]string{
		"interval": "month", "other": "7.50", "name": "Ada", "anonymous": "true", "message": "Für die Küste / 1.", "return_to": anArticle,
	} {
		wantEqual(t, field, form.Get(field), want)
	}
	session := b.submit(b.get(back), "/contribute").to(n.stripe.URL)
	b.get(b.pay(session, simtest.Pays, "")).want(200, "Your monthly gift of €7.50 has begun")

	account := b.get("/account").want(200, "€7.50 a month", "The next one is on 22 December 2026")
	stop := stopForm.FindString(account.Body)
	other := n.browser()
	other.signIn("eve@example.org")
	other.post(stop).want(404, "no such gift")
	b.submit(account, stop).to("/account")
	b.get("/account").want(200, "It has been stopped").wantNot("Stop this gift")
	b.submit(account, stop).to("/account") // twice is fine
}

func TestAnExpiredTokenIsRenewedAfterAMonth(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("ada@example.org")
	b.submit(b.get("/newsletter"), "/newsletter")
	for range 2 {
		n.advance(31 * 24 * time.Hour)
		b.get("/renew?return_to=" + anArticle + "%3Fpage%3D2").to(anArticle + "?page=2")
		wantEqual(t, "entitlements", b.mayRead(), []string{"sources:links"})
	}
}

func TestATrackingLinkStillLeadsBackToItsArticle(t *testing.T) {
	t.Parallel()
	b := open(t).browser()
	b.get("/renew?return_to=" + url.QueryEscape(anArticle+"?ref=https%3A%2F%2Fsearch.example%2F")).to(anArticle)
}

func TestSigningInEndsTheSessionThatTheBrowserHad(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("ada@example.org")
	before := *b.cookies["__Host-session"]
	b.signIn("eve@example.org")
	b.get("/account").want(200, "eve@example.org")
	b.cookies["__Host-session"] = &before
	b.get("/account").to("/signin")
}

func TestWithoutASessionTheDeadTokenIsTakenAway(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.cookies[paywall.CookieName] = &http.Cookie{Name: paywall.CookieName, Value: "old"}
	gone := b.get("/renew?return_to=" + anArticle)
	gone.to(anArticle)
	k := gone.cookie(paywall.CookieName)
	if k.MaxAge >= 0 || k.Domain != "example.news" {
		t.Errorf("the token's cookie stays: %s", k)
	}
}

func TestSigningOutEndsTheSessionAndTheToken(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("ada@example.org")
	kept := *b.cookies["__Host-session"]
	b.submit(b.get("/account"), "/signout").to("/signed-out")
	if len(b.cookies) != 0 {
		t.Errorf("cookies left: %v", b.cookies)
	}
	b.cookies["__Host-session"] = &kept
	b.get("/account").to("/signin")
	b.get("/signed-out").want(200, "no longer knows you")
}
