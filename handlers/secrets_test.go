package handlers_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// What readers do, what others try and what fails meanwhile leaves nothing in the log
// that is a secret or about a person, and no secret in any table, the jobs' arguments
// and errors included.
func TestNothingSecretIsLeftBehind(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.signInEveryWay()
	n.buyAndGive()
	n.moveAndBack()
	n.fail()
	secrets := n.secrets()
	if len(secrets) < 40 {
		t.Fatalf("%d secrets: not all was collected", len(secrets))
	}
	personal := []string{
		"@example.org", "%40example.org", "Lovelace", "confidential", "/a/harbour", "192.0.2.1", "Gecko", "cs_test_",
	}
	log := n.log.String()
	for _, must := range []string{`"route":"/signin/:token"`, `"route":"/thanks"`, `"level":"ERROR"`, "sign_in_mail", "451"} {
		if !strings.Contains(log, must) {
			t.Errorf("the log does not tell of %s: nothing was shown", must)
		}
	}
	wantNone(t, "the log", log, append(personal, secrets...))
	dump := n.dump()
	for _, must := range []string{"ada@example.org", "address_mail", "session_reuse_mail", "451", "confidential"} {
		if !strings.Contains(dump, must) {
			t.Errorf("the dump has no %s: it is not whole", must)
		}
	}
	wantNone(t, "the dump", dump, append(secrets, "192.0.2.1"))
}

func (n *newsroom) signInEveryWay() {
	ada := n.browser()
	ada.agent = firefox
	ada.submit(ada.get("/signin?return_to="+anArticle), "/signin", "email", "ada@example.org")
	link, code := n.mailTo("ada@example.org")
	ada.post("/signin/code", "code", "wrong").want(422)
	ada.submit(ada.get(link), link).to(anArticle)
	for _, late := range []string{link, link + "/x", "/nothing" + link + "?email=ada@example.org", "/v1/nothing?code=" + code[:4]} {
		ada.get(late)
	}
	ada.post("/signin/code", "code", code)
	grace := n.browser()
	grace.submit(grace.get("/newsletter"), "/newsletter", "email", "grace@example.org")
	_, code = n.mailTo("grace@example.org")
	grace.post("/signin/code", "code", code).to("/account")
	stolen := *ada.cookies[sessionCookie]
	for range 2 {
		n.advance(25 * time.Hour)
		ada.get("/renew?return_to=" + anArticle).to(anArticle)
	}
	thief := n.browser()
	thief.cookies[sessionCookie] = &stolen
	thief.get("/v1/token").want(401)
	ada.get("/v1/me").want(401)
	n.letterTo("ada@example.org")
}

func (n *newsroom) buyAndGive() {
	n.limited("buyer@example.org").get("/v1/me").want(200)
	ada := n.deviceOf(firefox, "ada@example.org")
	ada.get(ada.pay(ada.submit(ada.get("/membership"), "/checkout").to(n.stripe.URL), simtest.Pays, "")).want(200)
	ada.submit(ada.get("/contribute"), "/contribute", "name", "Ada Lovelace", "message", "confidential").to(n.stripe.URL)
	for _, path := range []string{"/account", "/account/devices", "/v1/sessions", "/v1/token?audience=https://ada@example.org"} {
		ada.get(path)
	}
	stranger := n.browser()
	stranger.submit(stranger.get("/contribute"), "/contribute", "interval", "month", "other", "7", "name", "Ada Lovelace", "message", "confidential").
		cookie("__Host-gift")
	ada.submit(ada.get("/account"), "/signout").to("/signed-out")
}

func (n *newsroom) moveAndBack() {
	m := moving{newsroom: n, desk: n.deviceOf(firefox, "old@example.org"), elsewhere: n.browser()}
	m.ask("new@example.org")
	confirm := addressLinks.FindStringSubmatch(n.letterTo("new@example.org").Text)[1]
	links := addressLinks.FindAllStringSubmatch(n.letterTo("old@example.org").Text, -1)
	m.desk.post("/account/address/code", "code", "wrong").want(422)
	m.follow(confirm)
	m.follow(links[0][1]).to("/address?now=done")
	m.follow(links[1][1]).to("/address?now=undone")
}

// fail has the mail server, Stripe and the database fail, one after the other.
func (n *newsroom) fail() {
	n.mails.FailNext(451)
	b := n.browser()
	b.agent = firefox
	b.submit(b.get("/signin"), "/signin", "email", "later@example.org").to("/signin/sent")
	n.letterTo("later@example.org")
	page := b.get("/contribute")
	n.down.Store(true)
	b.submit(page, "/contribute", "name", "Ada Lovelace", "message", "confidential").want(503)
	n.down.Store(false)
	b.signIn("ada@example.org")
	n.check(n.db.Exec("ALTER TABLE sessions RENAME TO away").Error)
	b.get("/account?email=ada@example.org").want(500)
	b.get("/v1/token").want(500)
	n.check(n.db.Exec("ALTER TABLE away RENAME TO sessions").Error)
}

// secrets are everything that was mailed, set as a cookie or signed.
func (n *newsroom) secrets() (all []string) {
	n.t.Helper()
	for _, mail := range n.mails.Mails() {
		for _, link := range mailLink.FindAllStringSubmatch(mail.Text, -1) {
			all = append(all, link[1][strings.LastIndex(link[1], "/")+1:])
		}
		for _, code := range mailCode.FindAllStringSubmatch(mail.Text, -1) {
			all = append(all, code[1], strings.ReplaceAll(code[1], " ", ""))
		}
	}
	b := n.deviceOf(firefox, "grace@example.org")
	var token struct {
		AccessToken string `json:"access_token"`
	}
	n.check(json.Unmarshal([]byte(b.get("/v1/token").want(http.StatusOK).Body), &token))
	n.mu.Lock()
	defer n.mu.Unlock()
	all = append(append(all, n.given...), token.AccessToken, string(authConfig().Pepper), string(authConfig().SealingKeys[0]), simtest.Key)
	var spelt []string
	for _, secret := range all {
		if len(secret) >= 8 { // a mail may also lead to a page of ours
			spelt = append(spelt, spellings(secret)...)
		}
	}
	return spelt
}

// spellings are the forms that a secret could have in a row: as it is, as bytes, and its
// secret half alone, which is all that follows a row's id.
func spellings(secret string) []string {
	all := []string{secret, hex.EncodeToString([]byte(secret))}
	parts := strings.Split(secret, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) < 32 {
		return all
	}
	return append(all, hex.EncodeToString(raw), hex.EncodeToString(raw[len(raw)-32:]), base64.StdEncoding.EncodeToString(raw[len(raw)-32:]))
}

// dump is every row of every table, as text.
func (n *newsroom) dump() string {
	n.t.Helper()
	var tables []string
	n.check(n.db.Raw(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables).Error)
	var dump strings.Builder
	for _, table := range tables {
		var rows []string
		n.check(n.db.Raw(`SELECT row_to_json(r)::text FROM "` + table + `" AS r`).Scan(&rows).Error)
		dump.WriteString(strings.Join(rows, "\n"))
	}
	return dump.String()
}

func wantNone(t *testing.T, what, text string, words []string) {
	t.Helper()
	for _, word := range words {
		if at := strings.Index(text, word); at >= 0 {
			t.Errorf("%s holds %q: …%s…", what, word, text[max(0, at-120):min(len(text), at+120)])
		}
	}
}
