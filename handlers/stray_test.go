package handlers_test

import (
	"regexp"
	"testing"
	"time"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

var (
	addButton    = regexp.MustCompile(`/account/purchases/[0-9a-f-]+/add`)
	disownButton = regexp.MustCompile(`/account/purchases/[0-9a-f-]+/disown`)
)

// buyAs buys a membership under an address, without signing in.
func (b *browser) buyAs(address string) (back string) {
	b.n.t.Helper()
	back = b.pay(b.checkoutURL(""), simtest.Pays, address)
	b.get(back).want(200, "Thank you")
	return back
}

// proves opens the mailed link of an address in this browser.
func (b *browser) proves(address string) {
	b.n.t.Helper()
	link, _ := b.n.mailTo(address)
	b.submit(b.get(link).want(200), link).to("/account")
}

func (b *browser) token() string {
	b.n.t.Helper()
	token, ok := b.cookies[paywall.CookieName]
	if !ok || b.n.opened([]string{token.Value}, b.n.articleHost()) != 1 {
		b.n.t.Fatal("no token that opens anything")
	}
	return token.Value
}

// signedOut checks that the browser's session is over, and that what was signed for it
// opens nothing once the feed was heard.
func (b *browser) signedOut(token, feed string) {
	b.n.t.Helper()
	for b.n.feedTag() == feed { // for a second
	}
	wantEqual(b.n.t, "articles that the old token opens", b.n.opened([]string{token}, b.n.articleHost()), 0)
	b.get("/account").to("/signin")
}

// Who bought without signing in, under an address that is theirs, finds the purchase
// where the mailed link leads, and it was kept apart until then.
func TestWhatIBoughtUnsignedIsAddedToMine(t *testing.T) {
	t.Parallel()
	n := open(t)
	phone, desk := n.browser(), n.browser()
	phone.signIn("ada@example.org")
	back := desk.buyAs("ada@example.org")
	wantEqual(t, "the guest may read", desk.mayRead(), []string{"articles:full", "sources:links"})
	phone.proves("ada@example.org")
	account := phone.get("/account").want(200, "Was it you?", "bought with your address on 22 November 2026", "Member, €8 a month", "Nothing beyond what is open")
	token, feed := desk.token(), n.feedTag()
	phone.submit(account, addButton.FindString(account.Body)).to("/account")
	wantEqual(t, "the owner may read", phone.mayRead(), []string{"articles:full", "sources:links"})
	phone.get("/account").want(200, "Every article in full", "It renews on 22 December 2026", "€8.00").wantNot("Was it you?")
	phone.submit(account, addButton.FindString(account.Body)).to("/account") // a second click
	desk.signedOut(token, feed)
	for _, k := range desk.get(back).want(200, "please sign in").set {
		if k.Name == "__Host-session" {
			t.Error("coming back once more let the browser in")
		}
	}
	var ada models.Member
	n.check(n.db.Where("email = ?", "ada@example.org").Take(&ada).Error)
	n.customerSays("member_id", ada.ID.String())
}

// customerSays waits until Stripe's only customer carries that.
func (n *newsroom) customerSays(key, want string) {
	n.t.Helper()
	var known models.Customer
	n.check(n.db.Take(&known).Error)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	var got string
	for range 1000 {
		if got = must(n.stripe.Client().Customers.Get(known.ID, nil))(n.t).Metadata[key]; got == want {
			return
		}
		<-look.C
	}
	n.t.Errorf("Stripe's customer has %s %q, want %q", key, got, want)
}

func TestAStrayPurchaseThatWasNotMine(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada, payer := n.browser(), n.browser()
	ada.signIn("ada@example.org")
	payer.buyAs("ada@example.org")
	account := ada.get("/account").want(200, "Was it you?")
	said := ada.submit(account, disownButton.FindString(account.Body)).to("/account/purchases/disowned")
	ada.get(said).want(200, "Nothing of it has come into your account", "ask them to write to us")
	ada.get("/account").want(200, "Nothing beyond what is open").wantNot("Was it you?", "€8.00")
	ada.submit(account, addButton.FindString(account.Body)).want(404, "does not wait for your answer any more")
	payer.get("/renew").to("/")
	wantEqual(t, "the payer reads on", payer.mayRead(), []string{"articles:full", "sources:links"})
}

// Somebody buys under the address of a reader who has not come yet, and waits for them
// there. The reader's own purchase is not mixed with it, and the first proof of the
// address turns the other out.
func TestLyingInWaitOnAnAddress(t *testing.T) {
	t.Parallel()
	n := open(t)
	lurker, reader := n.browser(), n.browser()
	lurker.buyAs("ada@example.org")
	n.mailTo("ada@example.org")
	n.advance(time.Hour)
	reader.buyAs("ada@example.org")
	wantEqual(t, "payments of members", n.count("(SELECT DISTINCT member_id FROM payments) AS p"), 2)
	lurker.get("/account").want(200, "You have not proven your address").wantNot("€8", "Was it you?")
	lurker.get("/renew")
	token, feed := lurker.token(), n.feedTag()
	reader.proves("ada@example.org")
	lurker.signedOut(token, feed)
	account := reader.get("/account").want(200, "Was it you?", "It was the first and stays; this one ends when you add it")
	wantEqual(t, "purchases to be asked about", len(addButton.FindAllString(account.Body, -1)), 1)
	wantEqual(t, "payments of members", n.count("(SELECT DISTINCT member_id FROM payments) AS p"), 2)
}

// Pressing another's buttons, or one's own before the address is proven, does nothing.
func TestStraysAreForWhoHasTheMailbox(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada, eve, payer := n.browser(), n.browser(), n.browser()
	ada.signIn("ada@example.org")
	eve.signIn("eve@example.org")
	payer.buyAs("ada@example.org")
	account := ada.get("/account")
	for _, button := range []string{addButton.FindString(account.Body), disownButton.FindString(account.Body)} {
		eve.post(button).want(404)
		wantEqual(t, "before the proof", payer.post(button).to("/"), "/account")
		wantEqual(t, "signed out", n.browser().post(button).to("/"), "/signin?return_to=/account")
	}
	eve.post("/account/purchases/x/add").want(404)
	eve.post("/account/purchases/x/disown").want(404)
	wantEqual(t, "members merged or disowned", n.count("(SELECT FROM members WHERE merged_into IS NOT NULL OR disowned_at IS NOT NULL) AS m"), 0)
}

// Who pays on a page at Stripe that another opened, gives a membership away: it is whose
// page it was, and the thief's browser is nobody there.
func TestAStolenCheckoutPage(t *testing.T) {
	t.Parallel()
	n := open(t)
	ada, thief := n.browser(), n.browser()
	ada.signIn("ada@example.org")
	back := thief.pay(ada.checkoutURL(""), simtest.Pays, "")
	thief.get(back).want(404, "Not in this browser").wantNot("ada@")
	thief.get("/account").to("/signin")
	ada.get(back).want(200, "Thank you")
	wantEqual(t, "whose page it was may read", ada.mayRead(), []string{"articles:full", "sources:links"})
	wantEqual(t, "sessions", n.count("sessions"), 1)
}
