package handlers_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/stripesim/simtest"
)

func TestAmountsThatAreNone(t *testing.T) {
	t.Parallel()
	n := open(t)
	const digits, decimals, small, large = "in digits", "more decimals", "The smallest amount is €2.", "The largest amount that we take here is €5,000."
	for typed, want := range map[string]string{
		"ten": digits, "-5": digits, "+5": digits, "1e9": digits, "1,000": digits, "1.000,50": digits, "€10": digits, "0x10": digits,
		"10.": digits, ",5": digits, "１０": digits, "NaN": digits, "<b>": digits, " ": digits,
		"10.999": digits, "10.5001": decimals,
		"0": small, "0,00": small, "1.99": small, "1,99": small,
		"5000.01": large, "5001": large, "99999999999999999999": large,
	} {
		b := n.browser()
		page := b.submit(b.get("/contribute"), "/contribute", "other", typed, "name", "Ada <script>", "message", "Go on!")
		page.want(422, want, `aria-describedby="amount-fault amount-hint"`, `href="#amount"`, "Ada <script>", "Go on!").escaped()
		if got := page.form("/contribute").Get("other"); got != typed {
			t.Errorf("typed %q, the form says %q", typed, got)
		}
	}
	wantEqual(t, "intents", n.count("checkout_intents"), 0)
	wantEqual(t, "donations", n.count("donations"), 0)
}

func TestAmountsInEverySpellingThatPeopleUse(t *testing.T) {
	t.Parallel()
	n := open(t)
	for typed, want := range map[string]string{"10": "10.00", "10.5": "10.50", "10,50": "10.50", " 25 ": "25.00", "2": "2.00", "5000": "5000.00"} {
		b := n.browser()
		session := b.submit(b.get("/contribute"), "/contribute", "other", typed).to(n.stripe.URL)
		if page := must(http.Get(session))(t); page.StatusCode != http.StatusOK {
			t.Errorf("%q: Stripe answers %d, want a page for %s", typed, page.StatusCode, want)
		} else if body := string(must(io.ReadAll(page.Body))(t)); !strings.Contains(strings.ReplaceAll(body, ",", ""), want) {
			t.Errorf("%q: Stripe's page does not say %s", typed, want)
		}
	}
}

func TestGiftsThatCannotBe(t *testing.T) {
	t.Parallel()
	n := open(t)
	for _, c := range []struct{ field, value, want string }{
		{"currency", "gbp", "do not take gifts in this currency"},
		{"interval", "year", "how often"},
		{"message", strings.Repeat("ü", 501), "shorten your message to 500"},
		{"name", strings.Repeat("x", 101), "shorten your name to 100"},
		{"campaign", strings.Repeat("x", 65), "not as it should be"},
	} {
		b := n.browser()
		page := b.submit(b.get("/contribute"), "/contribute", c.field, c.value)
		if page.Status != 400 && page.Status != 422 {
			t.Errorf("%s: status %d", c.field, page.Status)
		}
		page.want(page.Status, c.want)
	}
	n.browser().get("/contribute?campaign=" + strings.Repeat("x", 65)).want(400)
	wantEqual(t, "donations", n.count("donations"), 0)
}

func TestAnUnknownPriceIsRefused(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	for _, price := range []string{"", "price_nobody", "'; DROP TABLE members; --"} {
		b.submit(b.get("/membership"), "/checkout", "price", price).want(422, "not on offer any more", "€8 a month")
	}
	wantEqual(t, "intents", n.count("checkout_intents"), 0)
}

func TestOneFormBuysOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	page := b.get("/contribute")
	first := b.submit(page, "/contribute", "other", "20").to(n.stripe.URL)
	wantEqual(t, "where a double click leads", b.submit(page, "/contribute", "other", "20").to(n.stripe.URL), first)
	n.browser().submit(page, "/contribute", "other", "20").want(409, "sent already")
	wantEqual(t, "donations", n.count("donations"), 1)
	b.submit(page, "/contribute", "nonce", strings.Repeat("n", 65)).want(400)
	b.post("/contribute", "interval", "once", "currency", "eur", "amount", "5").to(n.stripe.URL) // a form without a nonce
}

func TestAMemberDoesNotPayTwice(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("ada@example.org")
	page := b.get("/membership")
	b.get(b.pay(b.submit(page, "/checkout").to(n.stripe.URL), simtest.Pays, ""))
	b.submit(page, "/checkout", "nonce", "another").want(409, "You are a member already")
}

func TestReturnsThatLeadAway(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("ada@example.org")
	for _, evil := range []string{
		"https://evil.example/", "//evil.example", `/\evil.example`, "https://www.example.news.evil.example/", "https://www.example.news@evil.example/",
		"javascript:alert(1)", "/%2f/evil.example", "/../account", " https://evil.example", "http://www.example.news/a", "data:text/html,x",
	} {
		q := "?return_to=" + url.QueryEscape(evil)
		wantEqual(t, "renew after "+evil, b.get("/renew"+q).to("/"), "/account")
		for _, path := range []string{"/membership", "/contribute", "/newsletter", "/signin"} {
			b.get(path+q).want(200).wantNot("evil.example", "javascript:alert", `name="return_to"`)
		}
		wantEqual(t, "newsletter after "+evil, b.post("/newsletter", "return_to", evil).to("/"), "/account")
	}
}

// What comes back in a cookie was in the reader's hands.
func TestCookiesThatWereForged(t *testing.T) {
	t.Parallel()
	n := open(t)
	for _, kept := range []string{
		`{"return_to":"https://evil.example/","name":"\"><script>alert(1)</script>"}`, `{"return_to":"//evil.example"}`, `{"return_to":"/\\evil.example"}`,
		`{"name":7}`, `not JSON`, `{"message":"\u0000"}`, strings.Repeat("[", 2000),
	} {
		b := n.browser()
		b.cookies["__Host-gift"] = &http.Cookie{Name: "__Host-gift", Value: base64.RawURLEncoding.EncodeToString([]byte(kept))}
		b.get("/contribute").want(200).wantNot("evil.example").escaped()
	}
	for _, forged := range []string{"x", strings.Repeat("A", 75), strings.Repeat("A", 4000)} {
		b := n.browser()
		for _, name := range []string{"__Host-session", "__Host-signin", "__Host-checkout", "__Host-csrf", "__Secure-access"} {
			b.cookies[name] = &http.Cookie{Name: name, Value: forged}
		}
		b.get("/account").to("/signin")
		b.get("/v1/me").want(401)
		b.post("/signin/code", "code", "AAAAAAAA").want(410)
		b.get("/thanks?session_id=cs_test_x").want(404)
		b.get("/renew").to("/account")
	}
}

func TestLinksThatAreNotGood(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.submit(b.get("/signin"), "/signin", "email", "ada@example.org")
	link, _ := n.mailTo("ada@example.org")
	for _, forged := range []string{"/signin/x", "/signin/" + strings.Repeat("A", 86), link[:len(link)-4], link + "AAAA"} {
		b.get(forged).want(404, "not one of ours", "Ask for a new link")
		b.post(forged).want(404, "not one of ours")
	}
	b.submit(b.get(link), link).to("/account")
	for _, again := range []seen{b.get(link), b.post(link)} {
		again.want(410, "used already", "Ask for a new link")
	}
	b.submit(b.get("/signin"), "/signin", "email", "ada@example.org")
	late, _ := n.mailTo("ada@example.org")
	n.advance(16 * time.Minute)
	b.get(late).want(410, "no longer good")
	b.post(late).want(410, "no longer good")
	wantEqual(t, "sessions", n.count("sessions"), 1)
}

func TestLookingAtALinkChangesNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.submit(b.get("/signin"), "/signin", "email", "ada@example.org")
	link, _ := n.mailTo("ada@example.org")
	scanner := n.browser()
	for range 3 {
		head := scanner.do(request(http.MethodHead, link, "")).want(200)
		if head.Body != "" || len(head.set) != 0 {
			t.Errorf("HEAD answers %q and sets %v", head.Body, head.set)
		}
		page := scanner.get(link).want(200)
		wantEqual(t, "Referrer-Policy", page.Header.Get("Referrer-Policy"), "no-referrer")
	}
	wantEqual(t, "members", n.count("members"), 0)
	wantEqual(t, "sessions", n.count("sessions"), 0)
	b.submit(b.get(link), link).to("/account")
}

func TestWrongCodes(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.submit(b.get("/signin"), "/signin", "email", "ada@example.org")
	_, code := n.mailTo("ada@example.org")
	thief := n.browser()
	thief.post("/signin/code", "code", code).want(410)
	for range 4 {
		b.submit(b.get("/signin/sent"), "/signin/code", "code", "AAAAAAAA").want(422, "not the code that we sent", `aria-describedby="code-fault code-hint"`)
	}
	b.post("/signin/code", "code", "AAAAAAAA").want(410, "Too many wrong codes")
	b.post("/signin/code", "code", code).want(410, "Too many wrong codes")
	wantEqual(t, "sessions", n.count("sessions"), 0)
}

func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	for _, path := range []string{"/signin", "/newsletter"} {
		for _, address := range []string{"", "ada", "ada@", "@example.org", "a b@example.org", "ada@example.org\r\nBcc: eve@example.org", strings.Repeat("a", 250) + "@example.org"} {
			b.submit(b.get(path), path, "email", address).want(422, "does not look like an e-mail address", `aria-describedby="email-fault"`)
		}
	}
	wantEqual(t, "attempts", n.count("sign_in_attempts"), 0)
	wantEqual(t, "jobs", n.count("river_job"), 0)
}

func TestKnownAndUnknownAddressesGetTheSameAnswer(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.browser().signIn("known@example.org")
	var answers []string
	for _, address := range []string{"known@example.org", "unknown@example.org"} {
		b := n.browser()
		asked := b.submit(b.get("/signin"), "/signin", "email", address)
		asked.to("/signin/sent")
		answers = append(answers, b.get("/signin/sent").want(200).Body)
	}
	wantEqual(t, "the page afterwards", answers[1], answers[0])
}

func TestProgramsThatFillInEverythingGetNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.submit(b.get("/signin"), "/signin", "email", "ada@example.org", "website", "http://x").to("/signin/sent")
	b.submit(b.get("/newsletter"), "/newsletter", "email", "ada@example.org", "website", "http://x").to("/newsletter/sent")
	b.submit(b.get("/contribute"), "/contribute", "website", "http://x").to("/contribute")
	b.submit(b.get("/membership"), "/checkout", "website", "http://x").to("/membership")
	wantEqual(t, "attempts", n.count("sign_in_attempts"), 0)
	wantEqual(t, "intents", n.count("checkout_intents"), 0)
}

func TestForeignPurchases(t *testing.T) {
	t.Parallel()
	n := open(t)
	for _, id := range []string{"", "cs_test_nobody", "x", "cs_" + strings.Repeat("a", 5000), "../../account"} {
		n.browser().get("/thanks?session_id="+url.QueryEscape(id)).want(404, "cannot find this purchase in this browser")
	}
	n.browser().get("/thanks?session_id=cs_%00").want(400)
	n.browser().get("/thanks?session_id=cs_%ff").want(400)
}
