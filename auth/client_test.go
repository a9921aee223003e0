package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

const (
	paperURL = "https://www.paper.example"
	verifier = "a-verifier-of-at-least-forty-three-characters-as-it-is-asked-for"
)

var (
	why       = Why{Actor: "test", Reason: "It joins us"}
	challenge = challengeOf(verifier)
)

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// paper is a client and its credentials.
func (b bench) paper(t *testing.T, audience string) Exchange {
	t.Helper()
	client, secret, err := b.Clients.Add(t.Context(), NewClient{Name: "The Paper", Audience: audience}, why)
	if err != nil {
		t.Fatal(err)
	}
	return Exchange{ClientID: client.ID, Secret: secret, Verifier: verifier, IP: "192.0.2.1"}
}

func (b bench) code(t *testing.T, client string, v Visitor) string {
	t.Helper()
	row, err := b.Clients.Client(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	code, err := b.IssueCode(t.Context(), v, row, challenge)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func (b bench) visitorOf(t *testing.T, email string) Visitor {
	t.Helper()
	in := b.signIn(t, email)
	return Visitor{in.Member, in.Session}
}

// entries are the audit log's, as "action subject".
func (b bench) entries(t *testing.T) []string {
	t.Helper()
	var all []string
	if err := b.db.Raw(`SELECT action || ' ' || subject FROM audit_log ORDER BY at, id`).Scan(&all).Error; err != nil {
		t.Fatal(err)
	}
	return all
}

func TestACodeIsExchangedForItsReader(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	ada, paper := b.visitorOf(t, "ada@example.org"), b.paper(t, paperURL)
	paper.Code = b.code(t, paper.ClientID, ada)
	v, client, err := b.ExchangeCode(t.Context(), paper)
	if err != nil {
		t.Fatal(err)
	}
	if v.Member.ID != ada.Member.ID || v.Session.ID != ada.Session.ID {
		t.Errorf("the code was %v's, and brought %v", ada, v)
	}
	token, _, err := b.ClientToken(t.Context(), v, Access{Features: []string{"articles:full"}}, client)
	if err != nil {
		t.Fatal(err)
	}
	_, said := decode(t, token)
	for claim, want := range map[string]any{"aud": paperURL, "client_id": paper.ClientID, "sid": sessionName(ada.Session.ID), "sub": Subject(ada.Member.ID)} {
		if diff := cmp.Diff(want, said[claim]); diff != "" {
			t.Errorf("%s: %s", claim, diff)
		}
	}
}

// What a code must not be good for; each case begins with one that would be.
func TestACodeIsGoodForNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, paper, rival := b.visitorOf(t, "ada@example.org"), b.paper(t, paperURL), b.paper(t, "https://rival.example")
	for name, c := range map[string]struct {
		spoil func(in *Exchange)
		code  string
	}{
		"nothing wrong":              {func(*Exchange) {}, ""},
		"its own callback":           {func(in *Exchange) { in.Callback = paperURL + DefaultCallbackPath }, ""},
		"another callback":           {func(in *Exchange) { in.Callback = paperURL + "/elsewhere" }, "client.code_refused"},
		"another verifier":           {func(in *Exchange) { in.Verifier += "x" }, "client.code_refused"},
		"no verifier":                {func(in *Exchange) { in.Verifier = "" }, "client.code_refused"},
		"the challenge as verifier":  {func(in *Exchange) { in.Verifier = challenge }, "client.code_refused"},
		"another code":               {func(in *Exchange) { in.Code = flip(in.Code, 0) }, "client.code_refused"},
		"no code":                    {func(in *Exchange) { in.Code = "" }, "client.code_refused"},
		"padding bits in the code":   {func(in *Exchange) { in.Code = in.Code[:42] + "_" }, "client.code_refused"},
		"another client":             {func(in *Exchange) { in.ClientID, in.Secret = rival.ClientID, rival.Secret }, "client.code_refused"},
		"another client's secret":    {func(in *Exchange) { in.Secret = rival.Secret }, "client.refused"},
		"no secret":                  {func(in *Exchange) { in.Secret = "" }, "client.refused"},
		"no client":                  {func(in *Exchange) { in.ClientID = "" }, "client.refused"},
		"an unknown client":          {func(in *Exchange) { in.ClientID = clientName(models.NewID()) }, "client.refused"},
		"the client in capitals":     {func(in *Exchange) { in.ClientID = strings.ToUpper(in.ClientID) }, "client.refused"},
		"the client without its cli": {func(in *Exchange) { in.ClientID = strings.TrimPrefix(in.ClientID, clientPrefix) }, "client.refused"},
	} {
		in := paper
		in.Code = b.code(t, paper.ClientID, ada)
		c.spoil(&in)
		_, _, err := b.ExchangeCode(t.Context(), in)
		if c.code == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if c.code != "" {
			t.Log(name)
			wantCode(t, err, c.code)
		}
	}
}

func TestACodeIsGoodForAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, paper := b.visitorOf(t, "ada@example.org"), b.paper(t, paperURL)
	paper.Code = b.code(t, paper.ClientID, ada)
	b.clock.Advance(codeLife - time.Second)
	late := b.code(t, paper.ClientID, ada)
	if _, _, err := b.ExchangeCode(t.Context(), paper); err != nil {
		t.Errorf("after 59 seconds: %v", err)
	}
	b.clock.Advance(codeLife)
	paper.Code = late
	_, _, err := b.ExchangeCode(t.Context(), paper)
	wantCode(t, err, "client.code_refused")
}

// A wrong verifier uses the code up: whoever stole it has one guess.
func TestACodeWithAWrongVerifierIsUsedUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paper := b.paper(t, paperURL)
	paper.Code = b.code(t, paper.ClientID, b.visitorOf(t, "ada@example.org"))
	thief := paper
	thief.Verifier = "guessed"
	_, _, err := b.ExchangeCode(t.Context(), thief)
	wantCode(t, err, "client.code_refused")
	_, _, err = b.ExchangeCode(t.Context(), paper)
	wantCode(t, err, "client.code_refused")
}

func TestOfParallelExchangesOneSucceeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, paper := b.visitorOf(t, "ada@example.org"), b.paper(t, paperURL)
	paper.Code = b.code(t, paper.ClientID, ada)
	counts := tally(atOnce(16, func(int) error {
		_, _, err := b.ExchangeCode(t.Context(), paper)
		return err
	}))
	if diff := cmp.Diff(map[string]int{"ok": 1, "client.code_refused": 15}, counts); diff != "" {
		t.Error(diff)
	}
	want := []string{"client.added " + paper.ClientID, "client.code_replayed " + paper.ClientID}
	if diff := cmp.Diff(want, b.entries(t)); diff != "" {
		t.Errorf("fifteen replays are one entry (-want +got):\n%s", diff)
	}
	if s := b.session(t, ada.Session.ID); s.RevokedAt != nil {
		t.Error("a replay ended the session")
	}
}

func TestNoTokenForASessionThatEndedOnTheWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paper, in := b.paper(t, paperURL), b.signIn(t, "ada@example.org")
	paper.Code = b.code(t, paper.ClientID, Visitor{in.Member, in.Session})
	if err := b.SignOut(t.Context(), in.Refresh); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.ExchangeCode(t.Context(), paper)
	wantCode(t, err, "client.code_refused")
}

func TestARevokedClientIsNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, paper := b.visitorOf(t, "ada@example.org"), b.paper(t, paperURL)
	paper.Code = b.code(t, paper.ClientID, ada)
	if err := b.Clients.Reload(t.Context()); err != nil || len(b.Clients.Origins()) != 1 {
		t.Fatalf("known: %v (%v)", b.Clients.Origins(), err)
	}
	for range 2 {
		if _, err := b.Clients.Revoke(t.Context(), paper.ClientID, why); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := b.ExchangeCode(t.Context(), paper)
	wantCode(t, err, "client.refused")
	_, err = b.Clients.Client(t.Context(), paper.ClientID)
	wantCode(t, err, "client.unknown")
	if err := b.Clients.Reload(t.Context()); err != nil || len(b.Clients.Origins()) != 0 {
		t.Errorf("readers are still led to %v (%v)", b.Clients.Origins(), err)
	}
	if _, _, err := b.Clients.RotateSecret(t.Context(), paper.ClientID, false, why); err == nil {
		t.Error("a revoked client got a secret")
	}
	want := []string{"client.added " + paper.ClientID, "client.revoked " + paper.ClientID}
	if diff := cmp.Diff(want, b.entries(t)); diff != "" {
		t.Error(diff)
	}
	b.paper(t, paperURL) // its origin is free again
}

func TestASecretIsExchanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, paper := b.visitorOf(t, "ada@example.org"), b.paper(t, paperURL)
	old := paper.Secret
	works := func(secret string) bool {
		in := paper
		in.Secret, in.Code = secret, b.code(t, paper.ClientID, ada)
		_, _, err := b.ExchangeCode(t.Context(), in)
		return err == nil
	}
	_, second, err := b.Clients.RotateSecret(t.Context(), paper.ClientID, false, why)
	if err != nil || !works(old) || !works(second) {
		t.Fatalf("on the first day both secrets are good: %v", err)
	}
	b.clock.Advance(oldSecretLife)
	if works(old) || !works(second) {
		t.Error("a day later the old one is not")
	}
	_, third, err := b.Clients.RotateSecret(t.Context(), paper.ClientID, true, why)
	if err != nil || works(old) || works(second) || !works(third) {
		t.Errorf("at once only the newest is: %v", err)
	}
}

func TestWrongSecretsAreLimitedAndRightOnesNever(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.PerNetwork = 3
	b := setupWith(t, cfg)
	ada, paper := b.visitorOf(t, "ada@example.org"), b.paper(t, paperURL)
	try := func(secret, ip string) error {
		in := paper
		in.Secret, in.IP, in.Code = secret, ip, b.code(t, paper.ClientID, ada)
		_, _, err := b.ExchangeCode(t.Context(), in)
		return err
	}
	for range 3 {
		wantCode(t, try("guessed", "192.0.2.1"), "client.refused")
	}
	wantCode(t, try("guessed", "192.0.2.200"), "client.limited")
	wantCode(t, try("guessed", "198.51.100.1"), "client.refused")
	if err := try(paper.Secret, "192.0.2.1"); err != nil {
		t.Errorf("the right secret from there: %v", err)
	}
}

func TestBadClientsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := NewClient{Name: "The Paper", Audience: paperURL}
	for fault, spoil := range map[string]func(*NewClient){
		"the name":           func(n *NewClient) { n.Name = " " },
		"plain characters":   func(n *NewClient) { n.Name = "a\x00b" },
		"no e-mail":          func(n *NewClient) { n.Name = "ada@example.org" },
		"is no origin":       func(n *NewClient) { n.Audience = "https://www.Paper.example" },
		"no origin as":       func(n *NewClient) { n.Audience = "http://www.paper.example" },
		"nothing after":      func(n *NewClient) { n.Audience = paperURL + "/" },
		"this service":       func(n *NewClient) { n.Audience = "https://members.example.news" },
		"is no page":         func(n *NewClient) { n.Callback = "https://www.paper.example.evil.example/x" },
		"no page of the":     func(n *NewClient) { n.Callback = paperURL + "/x?y=1" },
		"the callback":       func(n *NewClient) { n.Callback = paperURL },
		"for example https:": func(n *NewClient) { n.Callback = paperURL + "/x#y" },
	} {
		n := good
		spoil(&n)
		if _, _, err := b.Clients.Add(t.Context(), n, why); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%+v: %v, want %q", n, err, fault)
		}
	}
	if _, _, err := b.Clients.Add(t.Context(), good, Why{Actor: "test"}); err == nil {
		t.Error("added without a reason")
	}
	b.paper(t, paperURL)
	if _, _, err := b.Clients.Add(t.Context(), good, why); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a second client at one origin: %v", err)
	}
}

func TestUsedCodesAreForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paper := b.paper(t, paperURL)
	b.code(t, paper.ClientID, b.visitorOf(t, "ada@example.org"))
	left := func() int64 {
		if err := b.purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		n, err := gorm.G[models.ClientCode](b.db.DB).Count(t.Context(), "hash")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	b.clock.Advance(keepCodes)
	if n := left(); n != 1 {
		t.Errorf("%d codes are left within the hour", n)
	}
	b.clock.Advance(2 * codeLife)
	if n := left(); n != 0 {
		t.Errorf("%d codes are left after it", n)
	}
}
