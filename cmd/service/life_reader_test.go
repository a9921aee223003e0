package service_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/mailcatch"
)

// answer is what the service said to the reader.
type answer struct {
	status int
	to     string // where it leads, if it leads anywhere
	body   string
}

func (l *life) get(path string) answer { return l.send(http.MethodGet, path, nil) }

// post sends a form as the service's own page does.
func (l *life) post(path string, pairs ...string) answer {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return l.send(http.MethodPost, path, strings.NewReader(form.Encode()))
}

func (l *life) send(method, path string, body io.Reader) answer {
	l.t.Helper()
	r := must(http.NewRequestWithContext(l.t.Context(), method, membersSite+strings.TrimPrefix(path, membersSite), body))(l.t)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", membersSite)
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	got := must(l.reader.Do(r))(l.t)
	defer got.Body.Close()
	text := must(io.ReadAll(got.Body))(l.t)
	return answer{got.StatusCode, got.Header.Get("Location"), string(text)}
}

var mailedLink = regexp.MustCompile(regexp.QuoteMeta(membersSite) + `(/signin/\S+)`)

// signIn proves the reader's address by the next mailed link.
func (l *life) signIn() {
	l.t.Helper()
	before := len(l.mails.Mails())
	l.post("/signin", "email", l.email)
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	mail := must(l.mails.Wait(ctx, func(m mailcatch.Mail) bool {
		return len(l.mails.Mails()) > before && mailedLink.MatchString(m.Text)
	}))(l.t)
	link := mailedLink.FindStringSubmatch(mail.Text)[1]
	if done := l.post(link); done.status != http.StatusSeeOther {
		l.t.Fatalf("signing in answered %d", done.status)
	}
}

// me is /v1/me: what the service says that the reader may read.
type me struct {
	Tier         string
	Entitlements []struct {
		Feature string
		Until   time.Time
		InGrace bool `json:"in_grace"`
	}
	Grace *struct {
		Until  time.Time
		Reason string
	}
}

// me asks in the reader's session, or in a new one if that has run out.
func (l *life) me() me {
	l.t.Helper()
	said := l.get("/v1/me")
	if said.status == http.StatusUnauthorized {
		l.signIn()
		said = l.get("/v1/me")
	}
	var m me
	if err := json.Unmarshal([]byte(said.body), &m); err != nil || said.status != http.StatusOK {
		l.t.Fatalf("/v1/me answered %d %s", said.status, said.body)
	}
	return m
}

// What the sample catalogue's plans open.
const (
	nothing = ""
	member  = "articles:full sources:links"
	patron  = "archive:full articles:full sources:links"
)

// reads fails the test unless the reader may read exactly these features now, none
// of them by grace.
func (l *life) reads(features string) *life {
	l.t.Helper()
	return l.holds(features, "")
}

// readsByGrace is reads for what is held by grace alone, for that reason.
func (l *life) readsByGrace(features, reason string) *life {
	l.t.Helper()
	return l.holds(features, reason)
}

func (l *life) holds(features, grace string) *life {
	l.t.Helper()
	m := l.me()
	held := make([]string, 0, len(m.Entitlements))
	for _, e := range m.Entitlements {
		held = append(held, e.Feature)
	}
	reason := ""
	if m.Grace != nil {
		reason = m.Grace.Reason
	}
	want := fmt.Sprintf("%q, grace %q", features, grace)
	if got := fmt.Sprintf("%q, grace %q", strings.Join(held, " "), reason); got != want {
		l.t.Errorf("on %s the reader reads %s; want %s", l.clock().Format(time.DateTime), got, want)
	}
	return l
}

// until fails the test unless everything held ends at that moment, grace included.
func (l *life) until(moment string) *life {
	l.t.Helper()
	for _, e := range l.me().Entitlements {
		if got := e.Until.Format("2006-01-02 15:04"); got != moment {
			l.t.Errorf("on %s %s ends %s; want %s", l.clock().Format(time.DateTime), e.Feature, got, moment)
		}
	}
	return l
}

// ledger fails the test unless the books hold exactly these payments, the oldest
// first, each as "kind status amount", with "refunded n" and "disputed n" where
// there is any, in the smallest unit: "membership succeeded 800 eur, refunded 300".
func (l *life) ledger(want ...string) *life {
	l.t.Helper()
	rows := must(l.books.Query(l.t.Context(), `
		SELECT kind || ' ' || status || ' ' || amount || ' ' || currency
			|| CASE WHEN refunded > 0 THEN ', refunded ' || refunded ELSE '' END
			|| CASE WHEN disputed > 0 THEN ', disputed ' || disputed ELSE '' END
		FROM payments ORDER BY created_at, id`))(l.t)
	got := must(pgx.CollectRows(rows, pgx.RowTo[string]))(l.t)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		l.t.Errorf("the ledger on %s (-want +got):\n%s", l.clock().Format(time.DateTime), diff)
	}
	return l
}

// price is the id of a plan's price in euros.
func (l *life) price(plan, interval string) string {
	l.t.Helper()
	var id string
	err := l.books.QueryRow(l.t.Context(), `SELECT id FROM prices WHERE plan_id = $1 AND "interval" = $2 AND currency = 'eur' AND retired_at IS NULL`, plan, interval).Scan(&id)
	if err != nil {
		l.t.Fatalf("no price of %s by the %s: %v", plan, interval, err)
	}
	return id
}

// buys is the reader's way to a membership: our page, Stripe's page with that card,
// and back. It answers the subscription's id.
func (l *life) buys(plan, interval, card string) string {
	l.t.Helper()
	l.pays(l.post("/checkout", "price", l.price(plan, interval)), card)
	return l.stripe.Sim.Subscriptions()[0].ID
}

// gives is the reader's way to a gift of so many euros, "once" or every "month".
func (l *life) gives(amount, interval, card string) {
	l.t.Helper()
	l.pays(l.post("/contribute", "currency", "eur", "other", amount, "interval", interval), card)
}

func (l *life) pays(till answer, card string) {
	l.t.Helper()
	if till.status != http.StatusSeeOther {
		l.t.Fatalf("the form was answered with %d:\n%s", till.status, till.body)
	}
	paid := l.stripe.PayAs(l.t, till.to, card, l.email)
	if paid.Location == "" {
		l.t.Fatalf("Stripe's page says %q", paid.Problem)
	}
	l.get(paid.Location)
	l.settle()
}
