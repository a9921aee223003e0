package service_test

import (
	"net/http"
	"regexp"

	"github.com/jackc/pgx/v5"
)

// joins makes the reader a member whose address is proven: mostly by signing in, at
// times by buying first, unsigned, under an address that nobody has. What was bought is
// theirs if the purchase made the member. A debit that is still on its way when they
// prove the address has made nobody: whose it is then is not for an address to say.
func (c *chance) joins() {
	c.t.Helper()
	c.unsigned = ""
	stranger := "whoever typed " + c.email
	mails := len(c.mails.Mails())
	if pick(c, "joins by", "signing in", "signing in", "buying") == "buying" {
		c.anyPurchase()
		c.settle()
	}
	var made bool
	if err := c.books.QueryRow(c.t.Context(), "SELECT EXISTS (SELECT FROM members WHERE email = $1)", c.email).Scan(&made); err != nil {
		c.t.Fatal(err)
	}
	if c.get("/v1/me").status == http.StatusOK { // let in, and mailed the link
		c.proves(mails)
	} else {
		c.signIn()
	}
	if err := c.books.QueryRow(c.t.Context(), "SELECT id FROM members WHERE email = $1", c.email).Scan(&c.member); err != nil {
		c.t.Fatal(err)
	}
	if c.unsigned = stranger; made {
		c.unsigned = c.member
	}
	c.look()
	c.unsigned = stranger
}

// buysUnsigned is a purchase under the reader's address by somebody who is not signed
// in. The address proves nothing: the money is ours, and the reader may read no more
// by it.
func (c *chance) buysUnsigned() bool {
	reader := c.reader
	defer func() { c.reader = reader }()
	c.reader = c.browser()
	return c.anyPurchase()
}

var (
	strayForm = regexp.MustCompile(`(?s)action="(/account/purchases/([^"/]+)/(?:add|disown))".*?</form>`)
	toldField = regexp.MustCompile(`name="told" value="([^"]*)"`)
)

// answersForAStray says of a purchase under the reader's address whether it was them. If
// it was, what Stripe says of its customers is what the reader may read.
func (c *chance) answersForAStray() bool {
	forms := strayForm.FindAllStringSubmatch(c.get("/account").body, 2)
	if forms == nil {
		return false
	}
	add, disown := forms[0], forms[1]
	pressed := pick(c, "answer", add, add, disown)
	rows := must(c.books.Query(c.t.Context(), "SELECT id FROM customers WHERE member_id = $1", pressed[2]))(c.t)
	customers := must(pgx.CollectRows(rows, pgx.RowTo[string]))(c.t)
	if said := c.post(pressed[1], "told", toldField.FindStringSubmatch(add[0])[1]); said.status != http.StatusSeeOther {
		c.t.Fatalf("%s was answered with %d", pressed[1], said.status)
	}
	if pressed[1] == add[1] {
		for _, customer := range customers {
			c.owners[customer] = c.member
		}
	}
	return true
}
