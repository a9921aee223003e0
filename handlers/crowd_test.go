package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/limits"
)

// limit lets so many payment pages be opened from now on.
func (n *newsroom) limit(till billing.Till) {
	till.Limits = limits.New(authConfig().Pepper, n.clock)
	n.bills.CountBy(till)
}

// read is the page as a person has it who took a while to read it.
func (b *browser) read(path string) seen {
	page := b.get(path)
	b.n.advance(billing.LeastRead)
	return page
}

func TestACrowdedTillTellsWhatToDo(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.limit(billing.Till{OfStrangers: 1})
	first := n.browser()
	first.submit(first.read("/contribute"), "/contribute").to(n.stripe.URL)

	donor := n.browser()
	page := donor.submit(donor.read("/contribute?return_to="+anArticle), "/contribute", "other", "12.50", "name", "Ada", "message", "Go on!")
	page.want(429, "let only some through", "try again in 60 minutes", "Sign in and go on", `value="12.50"`, `value="Ada"`, "Go on!")
	wantEqual(t, "Retry-After", page.Header.Get("Retry-After"), fmt.Sprint(60*60-2))
	wantEqual(t, "Stripe's pages", n.count("checkout_intents"), 1)

	again := donor.get(donor.signInBy(page, "ada@example.org")).want(200, `value="12.50"`, `value="Ada"`, "Go on!")
	donor.submit(again, "/contribute").to(n.stripe.URL)

	reader := n.browser()
	plan := reader.read("/membership")
	yearly := stripeID.FindAllString(plan.Body, -1)[1]
	page = reader.submit(plan, "/checkout", "price", yearly).want(429, "let only some through", "Sign in and go on")
	back := reader.signInBy(page, "eve@example.org")
	form := reader.get(back).want(200).form("/checkout")
	wantEqual(t, "the plan that is chosen", form.Get("price"), yearly)
	reader.get(reader.pay(reader.do(request(http.MethodPost, "/checkout", form.Encode())).to(n.stripe.URL), simtest.Pays, ""))
	wantEqual(t, "what may be read", len(reader.mayRead()) > 0, true)
}

// signInBy follows the link of a page that proposes to sign in, and answers where that
// leads in the end.
func (b *browser) signInBy(page seen, address string) string {
	b.n.t.Helper()
	_, rest, _ := strings.Cut(page.Body, `<a href="/signin?return_to=`)
	encoded, _, _ := strings.Cut(rest, `"`)
	way := must(url.QueryUnescape(encoded))(b.n.t)
	b.submit(b.get("/signin?return_to="+url.QueryEscape(way)), "/signin", "email", address).to("/signin/sent")
	link, _ := b.n.mailTo(address)
	return b.submit(b.get(link).want(200), link).to(strings.SplitN(way, "?", 2)[0])
}

// A form that nobody can have read is asked for once more where many of them come. The
// one that is shown then is read, and goes through.
func TestAHastyFormIsAskedForOnceMore(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.limit(billing.Till{OfStrangers: 4})
	n.browser().post("/contribute", "interval", "once", "currency", "eur", "amount", "5").to(n.stripe.URL) // of a page of the publisher's
	b := n.browser()
	page := b.submit(b.get("/contribute"), "/contribute", "other", "7").want(429, "press the button once more", `value="7"`).wantNot("Sign in and go on")
	wantEqual(t, "Retry-After", page.Header.Get("Retry-After"), "2")
	n.advance(billing.LeastRead)
	b.submit(page, "/contribute").to(n.stripe.URL)

	left := b.get("/contribute")
	n.advance(25 * time.Hour)
	n.browser().post("/contribute", "interval", "once", "currency", "eur", "amount", "5").to(n.stripe.URL)
	b.submit(left, "/contribute").want(429, "press the button once more") // of the day before yesterday
}

func TestAProgramIsToldOfALimit(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.limit(billing.Till{OfStrangers: 8, PerNetwork: 1})
	ask := func(path, form string) seen {
		r := request(http.MethodPost, path, form)
		r.Header.Set("Accept", "application/json")
		return n.browser().do(r)
	}
	ask("/contribute", "amount=5&currency=eur&interval=once").to(n.stripe.URL)
	price := stripeID.FindString(n.browser().get("/membership").Body)
	for path, form := range map[string]string{"/contribute": "amount=5&currency=eur&interval=once", "/checkout": "price=" + price} {
		answer := ask(path, form).want(429, `"type":"urn:membership:checkout_crowded"`, `"status":429`, "sign in").wantNot("<form")
		wantEqual(t, path+" type", answer.Header.Get("Content-Type"), "application/problem+json")
		wantEqual(t, path+" Retry-After", answer.Header.Get("Retry-After"), "3600")
	}
	r := request(http.MethodPost, "/contribute", "amount=5&currency=eur&interval=once")
	r.RemoteAddr = "198.51.100.7:1234"
	n.browser().do(r).to(n.stripe.URL) // another network's
}

// A member's own limit sends nobody to sign in: they have.
func TestAMemberWhoOpensPageAfterPageIsToldToWait(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.limit(billing.Till{PerMember: 1})
	b := n.browser()
	b.signIn("ada@example.org")
	b.submit(b.get("/contribute"), "/contribute").to(n.stripe.URL)
	b.submit(b.get("/contribute"), "/contribute", "name", "Ada").want(429, "very often within an hour", `value="Ada"`).wantNot("Sign in and go on")
}
