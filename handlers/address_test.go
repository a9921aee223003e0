package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

var addressLinks = regexp.MustCompile(regexp.QuoteMeta(membersURL) + `(/address/\S+)`)

// moving is a reader who has asked to move from old@ to new@example.org, with both mails
// open.
type moving struct {
	*newsroom
	desk, phone, elsewhere *browser
	confirm, code          string // in the new mailbox
	allow, undo            string // in the old one
}

func move(t *testing.T) moving {
	t.Helper()
	n := open(t)
	m := moving{newsroom: n, phone: n.deviceOf(iPhone, "old@example.org"), desk: n.deviceOf(firefox, "old@example.org"), elsewhere: n.browser()}
	m.ask("New@Example.org")
	mail := n.letterTo("new@example.org")
	m.confirm, m.code = addressLinks.FindStringSubmatch(mail.Text)[1], mailCode.FindStringSubmatch(mail.Text)[1]
	if strings.Contains(mail.Text, "old@") {
		t.Errorf("the new mailbox is told the old address:\n%s", mail.Text)
	}
	links := addressLinks.FindAllStringSubmatch(n.letterTo("old@example.org").Text, -1)
	m.allow, m.undo = links[0][1], links[1][1]
	return m
}

func (m moving) ask(address string) seen {
	m.t.Helper()
	answer := m.desk.submit(m.desk.get("/account/address").want(200, "old@example.org"), "/account/address", "email", address)
	answer.to("/account/address/sent")
	return answer
}

// follow opens a mailed link in another browser and presses the button.
func (m moving) follow(link string) seen {
	m.t.Helper()
	return m.elsewhere.submit(m.elsewhere.get(link).want(200), link)
}

func TestAnAddressChangesOnceBothHaveConfirmed(t *testing.T) {
	t.Parallel()
	for name, both := range map[string]func(m moving){
		"the new one first, by link": func(m moving) {
			m.follow(m.confirm).to("/address?now=waiting")
			m.follow(m.confirm).to("/address?now=waiting")
			m.desk.get("/account").want(200, "old@example.org")
			m.follow(m.allow).to("/address?now=done")
		},
		"the old one first, then the code": func(m moving) {
			m.follow(m.allow).to("/address?now=waiting")
			m.desk.get("/account").want(200, "old@example.org")
			m.desk.submit(m.desk.get("/account/address/sent"), "/account/address/code", "code", strings.ToLower(m.code)).to("/address?now=done")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := move(t)
			both(m)
			m.elsewhere.get("/address?now=done").want(200, "Your address has changed")
			m.desk.get("/account").want(200, "new@example.org").wantNot("old@")
			wantEqual(t, "the other device", m.phone.get("/account").to("/"), "/signin?return_to=/account")
			m.elsewhere.get("/account").to("/signin") // a link about an address signs nobody in
			m.elsewhere.signIn("new@example.org")
			wantEqual(t, "members", m.count("members"), 1)
			m.follow(m.allow).want(410, "is over")
		})
	}
}

func TestMailedAddressLinksDoNothingByThemselves(t *testing.T) {
	t.Parallel()
	m := move(t)
	for _, link := range []string{m.confirm, m.allow, m.undo} {
		m.elsewhere.get(link).want(200)
		answer := m.elsewhere.do(request(http.MethodHead, link, "")).want(200)
		wantEqual(t, "referrer", answer.Header.Get("Referrer-Policy"), "no-referrer")
		m.elsewhere.get(link[:len(link)-2]).want(404)
	}
	wantEqual(t, "confirmed", m.count("address_changes WHERE coalesce(old_confirmed_at, new_confirmed_at, undone_at) IS NOT NULL"), 0)
	m.phone.get("/account").want(200)
}

// The code is good in the session that asked, and for the wish that it was mailed for.
func TestTheCodeOfANewAddressIsBound(t *testing.T) {
	t.Parallel()
	m := move(t)
	m.phone.post("/account/address/code", "code", m.code).want(410)
	m.elsewhere.post("/account/address/code", "code", m.code).to("/signin")
	wantEqual(t, "tries", m.count("address_changes WHERE tries > 0"), 0)
	m.advance(time.Second)
	m.ask("third@example.org")
	m.desk.post("/account/address/code", "code", m.code).want(422, "not the code")
	_, code := m.mailTo("third@example.org")
	m.desk.post("/account/address/code", "code", code).to("/address?now=waiting")
	wantEqual(t, "confirmed", m.count("address_changes WHERE new_confirmed_at IS NOT NULL AND new_email = 'third@example.org'"), 1)
}

func TestAChangeOfAddressRunsOut(t *testing.T) {
	t.Parallel()
	m := move(t)
	m.follow(m.confirm).to("/address?now=waiting")
	m.advance(time.Hour)
	m.elsewhere.get(m.allow).want(410)
	m.elsewhere.post(m.allow).want(410)
	m.desk.post("/account/address/code", "code", m.code).want(410)
	m.advance(7 * 24 * time.Hour)
	m.elsewhere.post(m.undo).want(410)
	m.desk.get("/account").want(200, "old@example.org")
}

func TestOnlyTheNewestChangeCounts(t *testing.T) {
	t.Parallel()
	m := move(t)
	m.follow(m.allow)
	m.advance(time.Second)
	m.ask("third@example.org")
	m.elsewhere.post(m.confirm).want(410)
	m.desk.get("/account").want(200, "old@example.org")
}

// Whoever asks learns nothing about an address that is a member's: same answer, same
// jobs. Its owner is told, and nothing can be confirmed.
func TestATakenAddressIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	m := move(t)
	m.deviceOf(iPhone, "taken@example.org")
	free, taken := m.ask("free@example.org"), m.ask("taken@example.org")
	wantEqual(t, "answer", []any{taken.Status, taken.Body, taken.Header.Get("Location")}, []any{free.Status, free.Body, free.Header.Get("Location")})
	wantEqual(t, "jobs", m.count("river_job WHERE kind = 'address_mail'"), 6)
	mail := m.letterTo("taken@example.org")
	if addressLinks.MatchString(mail.Text) || mailCode.MatchString(mail.Text) || !strings.Contains(mail.Text, "has an account already") {
		t.Errorf("the owner of the taken address is told\n%s", mail.Text)
	}
}

// An address that becomes a member's between the mail and the button is refused, and
// what was confirmed stays as it was.
func TestAnAddressThatIsTakenMeanwhile(t *testing.T) {
	t.Parallel()
	m := move(t)
	m.deviceOf(iPhone, "new@example.org")
	m.follow(m.allow).to("/address?now=waiting")
	m.follow(m.confirm).want(422, "belongs to another account")
	m.desk.get("/account").want(200, "old@example.org")
	m.phone.get("/account").want(200)
}

func TestAddressesThatCannotBe(t *testing.T) {
	t.Parallel()
	m := move(t)
	for typed, want := range map[string]string{
		"": "does not look like", "x": "does not look like", " OLD@example.org ": "your address already", "a@b.org\r\nBcc: c@d.org": "does not look like",
	} {
		m.desk.submit(m.desk.get("/account/address"), "/account/address", "email", typed).want(422, want, `href="#email"`)
	}
	for range 5 {
		m.desk.post("/account/address/code", "code", "wrong").want(422, "not the code")
	}
	m.desk.post("/account/address/code", "code", m.code).want(410)
	m.phone.post("/account/address/code", "code", m.code).want(410)
	m.elsewhere.get("/address?now=x").want(404)
	wantEqual(t, "changes", m.count("address_changes"), 1)
}

// Receipts go to the new address: Stripe is told after the change, outside its
// transaction, and again until it has heard.
func TestStripeLearnsTheNewAddress(t *testing.T) {
	t.Parallel()
	n := open(t)
	desk := n.deviceOf(firefox, "old@example.org")
	desk.get(desk.pay(desk.submit(desk.get("/membership"), "/checkout").to(n.stripe.URL), simtest.Pays, ""))
	m := moving{newsroom: n, desk: desk, elsewhere: n.browser()}
	m.ask("new@example.org")
	m.follow(addressLinks.FindStringSubmatch(n.letterTo("new@example.org").Text)[1])
	n.down.Store(true)
	m.follow(addressLinks.FindStringSubmatch(n.letterTo("old@example.org").Text)[1]).to("/address?now=done")
	n.down.Store(false)
	n.customerIs("new@example.org")
}

// customerIs waits until Stripe's only customer has that address.
func (n *newsroom) customerIs(address string) {
	n.t.Helper()
	var known models.Customer
	n.check(n.db.Take(&known).Error)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	var got string
	for range 1000 {
		got = must(n.stripe.Client().Customers.Get(known.ID, nil))(n.t).Email
		if got == address {
			return
		}
		<-look.C
	}
	n.t.Errorf("Stripe's customer has the address %s", got)
}
