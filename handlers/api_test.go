package handlers_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/internal/stripesim/simtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares an answer with a file in testdata. Clients are written from these
// shapes: a difference here is a change of the API.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, file, got, string(must(os.ReadFile(file))(t)))
}

// indented is the answer's JSON in a form that people can compare.
func (s seen) indented() string {
	s.t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s.Body), &v); err != nil {
		s.t.Fatalf("not JSON (status %d): %v\n%s", s.Status, err, s.Body)
	}
	return string(must(json.MarshalIndent(v, "", "  "))(s.t)) + "\n"
}

func TestTheDescriptionOfTheAPIIsStable(t *testing.T) {
	t.Parallel()
	n := open(t)
	description := n.browser().get("/openapi.json")
	wantEqual(t, "Content-Type", description.Header.Get("Content-Type"), "application/openapi+json")
	golden(t, "openapi.json", description.indented())
}

func TestPlansForEverybody(t *testing.T) {
	t.Parallel()
	n := open(t)
	r := request(http.MethodGet, "/v1/plans", "")
	r.Header.Set("Origin", "https://anybody.example")
	plans := n.browser().do(r)
	wantEqual(t, "CORS", plans.Header.Get("Access-Control-Allow-Origin"), "*")
	wantEqual(t, "Cache-Control", plans.Header.Get("Cache-Control"), "public, max-age=60")
	golden(t, "plans.json", stripeID.ReplaceAllString(plans.indented(), "price_…"))
}

func TestMeAndTokenOfAMember(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("ada@example.org")
	b.submit(b.get("/newsletter"), "/newsletter")
	b.get(b.pay(b.submit(b.get("/membership"), "/checkout").to(n.stripe.URL), simtest.Pays, ""))

	me := b.get("/v1/me")
	wantEqual(t, "Cache-Control", me.Header.Get("Cache-Control"), "private, no-store")
	golden(t, "me.json", memberID.ReplaceAllString(me.indented(), "mem_…"))

	answer := b.get("/v1/token?audience=" + articleURL)
	wantEqual(t, "Cache-Control", answer.Header.Get("Cache-Control"), "no-store")
	var token struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}
	n.check(json.Unmarshal([]byte(answer.Body), &token))
	wantEqual(t, "type", token.TokenType, "Bearer")
	wantEqual(t, "life in seconds", token.ExpiresIn, 600)
	m, err := n.articleHost().Verify(token.AccessToken)
	n.check(err)
	if !m.Has("articles:full", "sources:links") || !strings.Contains(me.Body, m.ID) {
		t.Errorf("the token says %+v", m.Claims())
	}
	wantEqual(t, "member since", m.Since, time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
}

func TestTheAPIRefusesInProblemDocuments(t *testing.T) {
	t.Parallel()
	n := open(t)
	known := n.browser()
	known.signIn("ada@example.org")
	for _, c := range []struct {
		b            *browser
		path, refuse string
		status       int
	}{
		{n.browser(), "/v1/me", "urn:membership:session.ended", 401},
		{n.browser(), "/v1/token", "urn:membership:session.ended", 401},
		{known, "/v1/token?audience=https://evil.example", "urn:membership:token.audience_unknown", 422},
	} {
		answer := c.b.get(c.path).want(c.status, `"type":"`+c.refuse+`"`)
		wantEqual(t, c.path+" type", answer.Header.Get("Content-Type"), "application/problem+json")
	}
}

func TestOnlyThePublishersSitesMayAskWhoIsReading(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("ada@example.org")
	for origin, allowed := range map[string]string{articleURL: articleURL, "https://evil.example": "", membersURL + ".evil.example": ""} {
		for path, wanted := range map[string]string{"/v1/me": allowed, "/v1/token": ""} {
			r := request(http.MethodGet, path, "")
			r.Header.Set("Origin", origin)
			h := b.do(r).Header
			wantEqual(t, path+" for "+origin, h.Get("Access-Control-Allow-Origin"), wanted)
			wantEqual(t, path+" with cookies for "+origin, h.Get("Access-Control-Allow-Credentials") == "true", wanted != "")
		}
	}
}
