package handlers_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

func TestTheRevocationsAreForAnybodyAndNeverOld(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	feed := b.get("/.well-known/revocations").want(200)
	for name, want := range map[string]string{
		"Content-Type": "application/jwt", "Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*",
	} {
		wantEqual(t, name, feed.Header.Get(name), want)
	}
	r := request(http.MethodGet, "/.well-known/revocations", "")
	r.Header.Set("If-None-Match", feed.Header.Get("ETag"))
	wantEqual(t, "status for a known ETag", b.do(r).Status, http.StatusNotModified)
	wantEqual(t, "status of HEAD", b.do(request(http.MethodHead, "/.well-known/revocations", "")).Status, http.StatusOK)
}

func TestWithoutADatabaseThereAreNoRevocations(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.check(n.db.Exec("ALTER TABLE revocations RENAME TO away").Error)
	gone := n.browser().get("/.well-known/revocations").want(http.StatusServiceUnavailable).wantNot("away")
	wantEqual(t, "Retry-After", gone.Header.Get("Retry-After"), "30")
}

// Tokens are signed all the time while access is given and taken. Once it is taken and
// the feed has been heard, none opens anything that was signed before, or while it was
// being taken.
func TestNoTokenOutlivesTheAccessThatWasTaken(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	b.signIn("ada@example.org")
	var reader models.Member
	n.check(n.db.Where("email = ?", "ada@example.org").Take(&reader).Error)
	why := billing.Why{Actor: "test", Reason: "A prize"}
	for range 4 {
		given, _, err := n.bills.GrantComplimentary(t.Context(), billing.Complimentary{MemberID: reader.ID, PlanID: "member", Why: why})
		n.check(err)
		before := n.feedTag()
		signed := make(chan string)
		for range 8 {
			go n.keepSigning(*b.cookies["__Host-session"], 25, signed)
		}
		tokens := []string{<-signed}
		taken := make(chan error, 1)
		go func() {
			_, _, err := n.bills.EndGrant(t.Context(), given.ID, why)
			taken <- err
		}()
		for len(tokens) < 8*25 {
			tokens = append(tokens, <-signed)
		}
		n.check(<-taken)
		for n.feedTag() == before { // for a second
		}
		if n.opened(tokens, n.articleHost(func(c *paywall.Config) { c.Revocations = -1 })) == 0 {
			t.Error("all tokens were signed after access was taken: nothing was shown")
		}
		wantEqual(t, "tokens that open articles once the feed was heard", n.opened(tokens, n.articleHost()), 0)
	}
}

func (n *newsroom) feedTag() string {
	return n.browser().get("/.well-known/revocations").want(200).Header.Get("ETag")
}

// keepSigning asks for tokens as one tab of a reader would.
func (n *newsroom) keepSigning(session http.Cookie, times int, signed chan<- string) {
	for range times {
		r := request(http.MethodGet, "/v1/token", "")
		r.AddCookie(&http.Cookie{Name: session.Name, Value: session.Value})
		w := httptest.NewRecorder()
		n.site.ServeHTTP(w, r)
		var token struct {
			AccessToken string `json:"access_token"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &token); err != nil {
			n.t.Errorf("%d: %v", w.Code, err)
		}
		signed <- token.AccessToken
	}
}

// opened counts the tokens that open articles at a host.
func (n *newsroom) opened(tokens []string, host *paywall.Verifier) (count int) {
	for _, token := range tokens {
		if m, err := host.Verify(token); err == nil && m.Has("articles:full") {
			count++
		}
	}
	return count
}
