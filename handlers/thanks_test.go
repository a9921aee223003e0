package handlers_test

import (
	"context"
	"maps"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"newsroom.example/membership/handlers"
	"newsroom.example/membership/internal/stripesim/simtest"
)

func TestTheBuyerIsLetInOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	back := b.pay(b.checkoutURL(""), simtest.Pays, "ada@example.org")
	thief := n.browser()
	thief.get(back).want(404, "Not in this browser").wantNot("€8", "has begun", "ada@example.org")
	b.get(back).cookie("__Host-session")
	session := b.cookies["__Host-session"].Value
	delete(b.cookies, "__Host-session")
	again := b.get(back).want(200, "please sign in")
	for _, k := range again.set {
		if k.Name == "__Host-session" {
			t.Errorf("a second look opened another session (was %q…)", session[:4])
		}
	}
	wantEqual(t, "sessions", n.count("sessions"), 1)
}

// Tabs that come back at once are let in once: each session is a way in. All of them
// have seen that nobody was let in yet before the first of them is.
func TestTabsThatComeBackAtOnceGetOneSession(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	back := b.pay(b.checkoutURL(""), simtest.Pays, "ada@example.org")
	n.syncPurchase()
	door := n.db.Begin()
	n.check(door.Exec("SELECT id FROM checkout_intents FOR UPDATE").Error)
	const tabs = 4
	var all sync.WaitGroup
	for range tabs {
		tab := &browser{n: n, cookies: maps.Clone(b.cookies)}
		all.Go(func() { tab.get(back) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for atTheDoor := 0; atTheDoor < tabs; { // not by way of door: a transaction sees one state of affairs
		n.check(n.db.WithContext(ctx).Raw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&atTheDoor).Error)
	}
	n.check(door.Commit().Error)
	all.Wait()
	wantEqual(t, "sessions", n.count("sessions"), 1)
}

// Who proved the address meanwhile, elsewhere, is a member whom the browser that
// typed it may not be: it has to sign in like anybody.
func TestAnAddressProvenMeanwhileIsNotEnteredByPaying(t *testing.T) {
	t.Parallel()
	n := open(t)
	buyer, owner := n.browser(), n.browser()
	back := buyer.pay(buyer.checkoutURL(""), simtest.Pays, "ada@example.org")
	n.syncPurchase()
	owner.signIn("ada@example.org")
	for _, k := range buyer.get(back).want(200, "please sign in").set {
		if k.Name == "__Host-session" {
			t.Error("the browser that typed the address was let in")
		}
	}
	owner.get("/account").want(200, "Every article in full")
}

func TestAnAddressTypedAtStripeOpensNobodysSession(t *testing.T) {
	t.Parallel()
	n := open(t)
	owner := n.browser()
	owner.signIn("ada@example.org")
	stranger := n.browser()
	back := stranger.pay(stranger.checkoutURL(""), simtest.Pays, "ada@example.org")
	stranger.get(back).want(200, "Thank you")
	wantEqual(t, "stranger may read", stranger.mayRead(), []string{"articles:full", "sources:links"})
	if got := stranger.cookies["__Host-session"].MaxAge; got > 24*60*60 {
		t.Errorf("the guest pass lives %d s, want a day at most", got)
	}
	stranger.get("/account").want(200, "You have not proven your address").wantNot("Every article in full")
	owner.get("/account").want(200, "Nothing beyond what is open to everybody")
}

func TestThanksTellsEachState(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	session := b.checkoutURL(anArticle)
	back := "/thanks?session_id=" + sessionID.FindString(session)
	b.get(back).want(200, "The payment did not go through", "Nothing has been taken", session)
	declined := n.stripe.Pay(t, session, simtest.Declined)
	wantEqual(t, "Stripe leads away after a declined card", declined.Location, "")
	n.down.Store(true)
	b.get(back).want(200, "Confirming your payment", `role="status"`, `http-equiv="refresh"`, "look=1")
	b.get(back+"&look=15").want(200, "What you paid counts").wantNot(`http-equiv="refresh"`)
	n.down.Store(false)
	n.advance(2 * time.Hour)
	b.get(back).want(200, "This payment page has expired", "/membership?return_to="+url.QueryEscape(anArticle))
}

// A direct debit takes days: the page says so at once, does not look every two
// seconds, opens nothing yet, and knows how it went in the end.
func TestThanksForADirectDebit(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.debits.Store(true)
	for name, c := range map[string]struct {
		account, later string
		membership     bool
	}{
		"a gift that arrives":        {simtest.DebitPays, "your gift of €20", false},
		"a gift that does not":       {simtest.DebitFails, "The payment did not go through", false},
		"a membership that arrives":  {simtest.DebitPays, "Your membership has begun", true},
		"a membership that does not": {simtest.DebitFails, "The payment did not go through", true},
	} {
		b := n.browser()
		session := ""
		if c.membership {
			session = b.checkoutURL("")
		} else {
			session = b.submit(b.get("/contribute"), "/contribute", "other", "20").to(n.stripe.URL)
		}
		paid := n.stripe.PayByDebit(t, session, c.account)
		back := strings.TrimPrefix(paid.Location, membersURL)
		b.get(back).want(200, "Your bank is paying", `role="status"`, "takes a few days").wantNot(`http-equiv="refresh"`, session)
		wantEqual(t, name+": how much may be read", len(b.mayRead()), 0)
		n.advance(15 * 24 * time.Hour)
		n.stripe.Sim.RunDue()
		b.get(back).want(200, c.later).wantNot("Your bank is paying", session)
	}
}

func TestWhileStripeIsDownTheFormSaysSo(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	page := b.get("/contribute")
	n.down.Store(true)
	b.submit(page, "/contribute", "other", "20").want(503, "We cannot reach Stripe", `value="20"`)
	if !strings.Contains(n.log.String(), "stripe_unavailable") {
		t.Error("the log does not tell why the form failed")
	}
}

func TestNobodyWaitsForASilentStripe(t *testing.T) {
	t.Parallel()
	n := open(t, func(c *handlers.Config) { c.Patience = time.Second })
	b := n.browser()
	page := b.get("/contribute")
	n.silent.Store(true)
	b.submit(page, "/contribute", "other", "20").want(503, "takes longer than it should")
}

func TestTwoTabsAtStripeBothComeBack(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	one := b.submit(b.get("/contribute"), "/contribute", "other", "20").to(n.stripe.URL)
	other := b.submit(b.get("/contribute"), "/contribute", "other", "30").to(n.stripe.URL)
	b.get(b.pay(one, simtest.Pays, "ada@example.org")).want(200, "your gift of €20")
	b.get(b.pay(other, simtest.Pays, "ada@example.org")).want(200, "your gift of €30")
}
