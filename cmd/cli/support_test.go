package cli

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// desk is a newsroom with a catalogue, and support at its desk.
type desk struct {
	newsroom
	t    *testing.T
	db   *models.DB
	bill *billing.Service
}

func openDesk(t *testing.T) desk {
	t.Helper()
	d := desk{newsroom: open(t), t: t}
	d.apply(t, shipped).want(0)
	db, err := models.Open(t.Context(), d.settings["DATABASE_URL"], 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	d.db = db
	d.bill = billing.New(db, billing.Stripe(simtest.Key, d.stripe.URL), billing.Config{PublicURL: "https://members.example.news"}, time.Now, time.Now, slog.New(slog.DiscardHandler))
	return d
}

func (d desk) run(args ...string) outcome {
	d.t.Helper()
	return membership(d.t, d.settings, args...)
}

// member makes a reader.
func (d desk) member(address string) uuid.UUID {
	d.t.Helper()
	now := time.Now()
	m := models.Member{ID: models.NewID(), Email: &address, EmailVerifiedAt: &now, Locale: "en", CreatedAt: now, UpdatedAt: now}
	if err := d.db.Write(d.t.Context(), func(tx *gorm.DB) error { return tx.Create(&m).Error }); err != nil {
		d.t.Fatal(err)
	}
	return m.ID
}

// join has a reader buy a monthly membership, and returns the payment.
func (d desk) join(member uuid.UUID) models.Payment {
	d.t.Helper()
	browser := sha256.Sum256([]byte("cookie"))
	page, err := d.bill.StartCheckout(d.t.Context(), billing.Checkout{PriceID: d.monthly(), Buyer: billing.Buyer{
		MemberID: &member, Nonce: models.NewID().String(), BrowserHash: browser[:], ReturnTo: "https://www.example.news/", Locale: "en",
	}})
	if err != nil {
		d.t.Fatal(err)
	}
	d.comeBack(d.stripe.Pay(d.t, page, simtest.Pays).Location, browser[:])
	return d.lastPayment()
}

// buysAs has somebody who is not signed in buy a membership under an address, and returns
// whose purchase that is.
func (d desk) buysAs(address string) uuid.UUID {
	d.t.Helper()
	browser := sha256.Sum256([]byte("guest"))
	page, err := d.bill.StartCheckout(d.t.Context(), billing.Checkout{PriceID: d.monthly(), Buyer: billing.Buyer{
		Nonce: models.NewID().String(), BrowserHash: browser[:], ReturnTo: "https://www.example.news/", Locale: "en",
	}})
	if err != nil {
		d.t.Fatal(err)
	}
	d.comeBack(d.stripe.PayAs(d.t, page, simtest.Pays, address).Location, browser[:])
	return *d.lastPayment().MemberID
}

// monthly is the price of a membership by the month.
func (d desk) monthly() string {
	d.t.Helper()
	var price models.Price
	if err := d.db.Where(`plan_id = 'member' AND "interval" = 'month' AND currency = 'eur' AND retired_at IS NULL`).Take(&price).Error; err != nil {
		d.t.Fatal(err)
	}
	return price.ID
}

// give has a guest give once, and returns the payment.
func (d desk) give(address string) models.Payment {
	d.t.Helper()
	browser := sha256.Sum256([]byte("guest"))
	page, err := d.bill.StartDonation(d.t.Context(), billing.Gift{Amount: "5", Currency: "eur", Interval: models.Once, Buyer: billing.Buyer{
		Nonce: models.NewID().String(), BrowserHash: browser[:], ReturnTo: "https://www.example.news/", Locale: "en",
	}})
	if err != nil {
		d.t.Fatal(err)
	}
	d.comeBack(d.stripe.PayAs(d.t, page, simtest.Pays, address).Location, browser[:])
	return d.lastPayment()
}

func (d desk) comeBack(location string, browser []byte) {
	d.t.Helper()
	thanks, err := url.Parse(location)
	if err != nil {
		d.t.Fatal(err)
	}
	bought, err := d.bill.Purchase(d.t.Context(), thanks.Query().Get("session_id"), browser)
	if err != nil || bought.State != billing.PurchaseSucceeded {
		d.t.Fatalf("%+v, %v", bought, err)
	}
}

func (d desk) lastPayment() models.Payment {
	d.t.Helper()
	var p models.Payment
	if err := d.db.Order("id DESC").Take(&p).Error; err != nil {
		d.t.Fatal(err)
	}
	return p
}

// grants are the ids of grants in an output, in order.
func grants(o outcome) []string {
	var ids []string
	for _, m := range regexp.MustCompile(`Grant ([0-9a-f-]{36})`).FindAllStringSubmatch(o.stdout, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

const nobody = "0190a000-0000-7000-8000-000000000001"

func TestMembersAreFoundByWhatSupportHasInHand(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	ada := d.member("ada@example.org")
	d.member("adam@example.org")
	paid := d.join(ada)
	var grant models.Grant
	if err := d.db.Take(&grant).Error; err != nil {
		t.Fatal(err)
	}
	var intent models.CheckoutIntent
	if err := d.db.Take(&intent).Error; err != nil {
		t.Fatal(err)
	}
	d.run("members", "find", "ada").want(0, "ada@example.org", "adam@example.org")
	for _, text := range []string{
		"ada@example.org", " Ada@Example.org ", ada.String(), *paid.CustomerID, *paid.SubscriptionID, paid.PaymentIntentID, *paid.ChargeID,
		*paid.InvoiceID, paid.ID.String(), grant.ID.String(), *intent.SessionID,
	} {
		for _, command := range []string{"find", "show"} {
			d.run("members", command, text).want(0, ada.String(), "ada@example.org").wantNot("adam@")
		}
	}
	d.run("members", "find", "da@exa").want(0, "ada@example.org").wantNot("adam@")
	d.run("members", "find", "zelda").want(0, "No member was found")
	d.run("members", "find", "ad").want(1, "at least 3 characters")
	d.run("members", "find", "100%_").want(0, "No member was found")
	for _, text := range []string{"zelda@example.org", "cus_none", "pi_none", nobody, "ada", "\x00\xff", "pi_\x00", "a%"} {
		d.run("members", "show", text).want(1, "No member has that address or id. Try: membership members find")
	}
}

// An id is long; its first eight characters will do where they name one member.
func TestPartsOfIDs(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	for i, id := range []string{"0190a000-0000-7000-8000-00000000000a", "0190a000-0000-7000-8000-00000000000b", "0190b000-0000-7000-8000-00000000000a"} {
		d.exec(t, `INSERT INTO members (id, email, name, locale, created_at, updated_at) VALUES ($1, $2, '', 'en', $3, $3)`,
			id, fmt.Sprintf("reader%d@example.org", i), time.Now())
	}
	d.run("members", "show", "0190b000").want(0, "reader2@")
	d.run("members", "show", "0190a000").want(1, "More than one member answers to that", "membership members find")
	d.run("members", "find", "0190a000-0000").want(0, "reader0@", "reader1@").wantNot("reader2@")
	d.run("members", "show", "0190c000").want(1, "No member has that")
}

func TestSearchesGoOnWhereTheyStopped(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	for i := range 45 {
		d.member(fmt.Sprintf("reader%d@example.org", i))
	}
	args, seen := []string{"members", "find", "reader"}, map[string]bool{}
	for range 3 {
		o := d.run(args...).want(0)
		for _, m := range regexp.MustCompile(`reader\d+@`).FindAllString(o.stdout, -1) {
			if seen[m] {
				t.Errorf("%s is shown twice", m)
			}
			seen[m] = true
		}
		next := regexp.MustCompile(`There are more.*--after (\S+)`).FindStringSubmatch(o.stdout)
		if next == nil {
			break
		}
		args = []string{"members", "find", "reader", "--after", next[1]}
	}
	if len(seen) != 45 {
		t.Errorf("%d members were shown", len(seen))
	}
}

// Who gave without an account is found by the address, and their gift by its id.
func TestGuestsGiftsAreFound(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	paid := d.give("guest@example.org")
	for _, text := range []string{"guest@", paid.PaymentIntentID, paid.DonationID.String()} {
		d.run("members", "find", text).want(0, paid.PaymentIntentID, "guest@example.org", "5.00 EUR")
	}
	d.run("refund", paid.DonationID.String(), "--note", "Given twice", "--yes").want(0, "whole payment", "It was a gift", "succeeded")
	d.run("refund", paid.PaymentIntentID, "--note", "Given twice", "--yes").want(1, "has been refunded already")
}

func TestADossierHasEverything(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	ada := d.member("ada@example.org")
	paid := d.join(ada)
	d.exec(t, `INSERT INTO members (id, provisional_email, name, locale, created_at, updated_at) VALUES ($1, 'ada@example.org', '', 'en', $2, $2)`, nobody, time.Now())
	d.run("grants", "add", "ada@example.org", "--plan", "patron", "--days", "30", "--reason", "Won the quiz", "--as", "night-shift").want(0)
	d.run("members", "show", "ada@example.org").want(0, "ada@example.org (proven)", ada.String(), "in 0 browsers",
		*paid.CustomerID, "synced 20", *paid.SubscriptionID, "Member, 8.00 EUR a month", "active", paid.PaymentIntentID, "8.00 EUR", "succeeded",
		"articles:full", "Same address", nobody, "provisional", "cli:night-shift  grant.added", "Won the quiz")
	d.run("members", "show", "ada@example.org", "--json").want(0, `"payment_intent": "`+paid.PaymentIntentID, `"id": "`+*paid.SubscriptionID, `"minor": 800`)
	d.run("members", "show", nobody).want(0, "provisional", "May not read")
}

func TestGrantsAreAddedAndEnded(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.member("ada@example.org")
	add := []string{"grants", "add", "ada@example.org", "--plan", "member", "--days", "30", "--reason", "Won the quiz"}
	first := grants(d.run(add...).want(0, "was added: Member, until "))
	again := grants(d.run(add...).want(0, "is there already"))
	if len(first) != 1 || first[0] != again[0] {
		t.Errorf("granted %v, then %v", first, again)
	}
	d.run("explain", "ada@example.org").want(0, "articles:full", "with our compliments", "Won the quiz")
	end := []string{"grants", "end", first[0], "--reason", "Given by mistake"}
	d.run(end...).want(0, "ended: Member, now")
	d.run(end...).want(0, "has ended before. Nothing was done")
	d.run("explain", "ada@example.org").want(0, "ended it (Given by mistake)", "Nothing beyond what is open")
	d.run(add...).want(0, "was added")
	d.run("explain", "ada@example.org").want(0, "with our compliments")
}

func TestGrantsThatCannotBe(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.join(d.member("ada@example.org"))
	var bought models.Grant
	if err := d.db.Take(&bought).Error; err != nil {
		t.Fatal(err)
	}
	add := func(args ...string) outcome { return d.run(append([]string{"grants", "add"}, args...)...) }
	add("ada@example.org", "--plan", "member", "--reason", "x").want(2, "say when it ends", "--no-end")
	add("ada@example.org", "--plan", "member", "--days", "3", "--no-end", "--reason", "x").want(2, "can't be used together")
	add("ada@example.org", "--plan", "member", "--days", "3").want(2, "--reason")
	add("ada@example.org", "--plan", "member", "--until", "tomorrow", "--reason", "x").want(2, "is no time")
	add("ada@example.org", "--plan", "member", "--until", "2020-01-01", "--reason", "x").want(1, "1 January 2020 is over")
	add("ada@example.org", "--plan", "gold", "--days", "3", "--reason", "x").want(1, "There is no such plan", "newsletter, member, patron")
	add("ada@example.org", "--plan", "member", "--days", "3", "--reason", "  ").want(1, "say why")
	add("ada@example.org", "--plan", "member", "--days", "3", "--reason", "ada@example.org asked").want(1, "leave e-mail addresses out")
	add("ada@example.org", "--plan", "member", "--days", "3", "--reason", strings.Repeat("x", 501)).want(1, "500 characters")
	add("zelda@example.org", "--plan", "member", "--days", "3", "--reason", "x").want(1, "No member has that address")
	add("zelda", "--plan", "member", "--days", "3", "--reason", "x", "--create").want(1, "whole e-mail address")
	add("zelda@example.org", "--plan", "member", "--no-end", "--reason", "x", "--create").want(0, "was made", "until somebody ends it")
	d.run("members", "show", "zelda@example.org").want(0, "(unproven)", "articles:full", "without end")
	d.run("grants", "end", bought.ID.String(), "--reason", "x").want(1, "was bought, with sub_", "membership refund")
	d.run("grants", "end", nobody, "--reason", "x").want(1, "no grant of that id")
	d.run("grants", "end", "first", "--reason", "x").want(2, "membership --help")
}

func TestARefundSaysFirstWhatItDoes(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	paid := d.join(d.member("ada@example.org"))
	note := []string{"--note", "Moved away", "--yes"}
	refund := func(args ...string) outcome { return d.run(append(append([]string{"refund"}, args...), note...)...) }
	d.run("refund", paid.PaymentIntentID, "--note", "x").want(2, "--yes") // no terminal, nobody to ask
	refund("pi_none").want(1, "no such payment")
	refund(paid.PaymentIntentID, "--amount", "8.01").want(1, "more than there is left to give back: €8")
	refund(paid.PaymentIntentID, "--amount", "1.005").want(1, "digits")
	refund(paid.PaymentIntentID, "--amount", "0").want(1, "digits")
	refund(paid.PaymentIntentID, "--reason", "bored").want(2, "requested_by_customer")
	refund(paid.PaymentIntentID, "--keep-access", "--cancel").want(2, "can't be used together")
	refund(*paid.ChargeID, "--amount", "3").want(0, "gives back €3 of the €8", "€5 stay", "Access stays as it is", "charges again on", "add --cancel", "Refund re_", "articles:full")
	refund(*paid.ChargeID, "--amount", "3").want(1, "refunded already", "another note").wantNot("Refund re_")
	refund(*paid.SubscriptionID, "--reason", "duplicate").want(0, "gives back €5, all that is left of the €8", "Member ends at once", "articles:full", "succeeded", "Nothing beyond what is open",
		"the payment of €8 was refunded in full")
	refund(paid.PaymentIntentID).want(1, "has been refunded already, all of it")
	if got := d.stripe.Sim.Totals()["eur"].Refunded; got != 800 {
		t.Errorf("Stripe gave back %d", got)
	}
	d.run("audit", "--member", "ada@example.org").want(0, "refund.requested", "refund.made", "Moved away")
}

func TestARefundMayCancelOrKeepAccess(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	ada, eve := d.member("ada@example.org"), d.member("eve@example.org")
	for member, flag := range map[uuid.UUID]string{ada: "--cancel", eve: "--keep-access"} {
		paid := d.join(member)
		d.run("refund", paid.PaymentIntentID, flag, "--note", "Sorry", "--yes").want(0, "whole payment")
	}
	d.run("members", "show", "ada@example.org").want(0, "canceled", "Nothing beyond what is open")
	d.run("members", "show", "eve@example.org").want(0, "active", "with our compliments", "(Sorry)")
}

func TestTheAuditLogIsListed(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.member("ada@example.org")
	d.member("eve@example.org")
	for _, who := range []string{"ada@example.org", "eve@example.org"} {
		d.run("grants", "add", who, "--plan", "member", "--days", "3", "--reason", "For "+who[:3], "--as", "desk").want(0)
	}
	d.run("audit").want(0, "cli:desk  grant.added", "For ada", "For eve")
	d.run("audit", "--member", "eve@example.org", "--since=-1h").want(0, "For eve").wantNot("For ada")
	d.run("audit", "--since", "2099-01-01").want(0).wantNot("For")
	d.run("audit", "--json").want(0, `"action":"grant.added"`, `"plan":"member"`)
	d.exec(t, `INSERT INTO audit_log (id, at, actor, action, subject, reason)
		SELECT gen_random_uuid(), $1, 'cli:desk', 'grant.added', 'x', 'one of many' FROM generate_series(1, 1100)`, time.Now())
	if shown := strings.Count(d.run("audit").want(0).stdout, "one of many"); shown != 1100 {
		t.Errorf("%d of 1100 entries are listed", shown)
	}
	d.run("audit", "--since", "yesterday").want(2, "is no time")
	d.run("audit", "--member", "zelda@example.org").want(1, "No member has that")
}

// Who is named as acting is in the audit log for good: no address, and from no
// command.
func TestNobodyActsUnderAnAddress(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.member("ada@example.org")
	add := []string{"grants", "add", "ada@example.org", "--plan", "member", "--days", "3", "--reason", "Prize"}
	d.run(append(add, "--as", "eve@example.news")...).want(2, "--as", "without an e-mail address", "such as ada or night-shift").wantNot("was added")
	d.run("audit").want(0).wantNot("grant.added")
	d.run(append(add, "--as", "eve")...).want(0, "was added")
}

// A refund that fails at once is told, and its command fails too.
func TestARefundThatFailsAtOnceIsNoSuccess(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	paid := d.join(d.member("ada@example.org"))
	target, err := url.Parse(d.stripe.URL)
	if err != nil {
		t.Fatal(err)
	}
	stripe := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/refunds" {
			fmt.Fprint(w, `{"id": "re_1", "object": "refund", "status": "failed", "failure_reason": "lost_or_stolen_card"}`)
			return
		}
		stripe.ServeHTTP(w, r)
	}))
	t.Cleanup(failing.Close)
	d.settings = d.with("STRIPE_API_BASE", failing.URL)
	d.run("refund", paid.PaymentIntentID, "--note", "Moved away", "--yes").want(1, "Stripe refuses this refund. No money moved", "refund re_1 failed", "lost_or_stolen_card").
		wantNot("Refund re_")
}

// Whatever support did, no address is in the audit log, and none in ours.
func TestNoAddressIsKeptOrLogged(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	d.settings = d.with("LOG_LEVEL", "debug")
	paid := d.join(d.member("ada@example.org"))
	outcomes := []outcome{
		d.run("grants", "add", "zelda@example.org", "--create", "--plan", "member", "--days", "3", "--reason", "Prize"),
		d.run("grants", "add", "ada@example.org", "--plan", "patron", "--days", "3", "--reason", "Prize"),
		d.run("refund", paid.PaymentIntentID, "--keep-access", "--note", "Sorry", "--yes"),
		d.run("members", "show", "ada@example.org"), d.run("explain", "ada@example.org"), d.run("members", "show", "nobody@example.org"),
	}
	for _, o := range outcomes {
		if strings.Contains(o.stderr, "@") {
			t.Errorf("the log has an address:\n%s", o.stderr)
		}
	}
	var rows []string
	if err := d.db.Raw(`SELECT audit_log::text FROM audit_log`).Scan(&rows).Error; err != nil || len(rows) < 4 {
		t.Fatalf("%d entries, %v", len(rows), err)
	}
	for _, row := range rows {
		if strings.Contains(row, "@") {
			t.Errorf("an entry has an address: %s", row)
		}
	}
}

func TestEveryCommandOfSupportHasAnExample(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"members find", "members show", "explain", "grants add", "grants end", "refund", "audit"} {
		membership(t, nil, append(strings.Fields(command), "--help")...).want(0, "Example: membership "+command)
	}
}
