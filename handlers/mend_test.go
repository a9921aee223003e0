package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// pass lets time go by for Stripe, and brings what came of it into our books.
func (n *newsroom) pass(d time.Duration) {
	n.t.Helper()
	n.advance(d)
	n.stripe.Sim.RunDue()
	n.check(n.db.Exec("UPDATE sync_subjects SET dirty = dirty + 1").Error)
	_, _, err := n.bills.SyncDue(n.t.Context(), func(int64) {})
	n.check(err)
}

// A reader whose renewal failed is told so wherever they would buy again, with the one
// button that mends it; a program is told by name.
func TestAStuckMembershipHasAWayOn(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("reader@example.org")
	page := b.get("/membership")
	b.get(b.pay(b.submit(page, "/checkout").to(n.stripe.URL), simtest.DeclinesLater, ""))
	b.get("/account").want(200, "Member").wantNot("Pay it now")
	n.pass(33 * 24 * time.Hour)
	b.signIn("reader@example.org")
	const why = "The last payment for your membership did not go through."
	b.get("/membership").want(200, why, "Pay it now").wantNot(`action="/checkout"`)
	b.submit(page, "/checkout", "nonce", "another", "csrf", b.get("/account").form("/account/mend").Get("csrf")).
		want(409, "A second membership is not needed.", why, "Pay it now").wantNot(`action="/checkout"`)
	asked := request(http.MethodPost, "/checkout", b.get("/account").form("/account/mend").Encode()+"&price="+page.form("/checkout").Get("price"))
	asked.Header.Set("Accept", "application/json")
	b.do(asked).want(409, "urn:membership:membership_unpaid", "pay it from your account")
	invoice := b.submit(b.get("/account").want(200, why), "/account/mend").to(n.stripe.URL)
	if !strings.Contains(invoice, "/invoice/") {
		t.Fatalf("leads to %s", invoice)
	}
	n.stripe.PayInvoice(t, invoice, simtest.Pays)
	n.pass(0)
	b.get("/membership").want(200, "You are a member already").wantNot("Pay it now")
	b.do(request(http.MethodPost, "/account/mend", b.get("/account").form("/signout").Encode())).want(303)
}
