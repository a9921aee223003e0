package service_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
)

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

// until fails the test unless something is held, and all of it ends at that moment,
// grace included.
func (l *life) until(moment string) *life {
	l.t.Helper()
	held := l.me().Entitlements
	if len(held) == 0 {
		l.t.Errorf("on %s nothing is held; want it until %s", l.clock().Format(time.DateTime), moment)
	}
	for _, e := range held {
		if got := e.Until.Format("2006-01-02 15:04"); got != moment {
			l.t.Errorf("on %s %s ends %s; want %s", l.clock().Format(time.DateTime), e.Feature, got, moment)
		}
	}
	return l
}

// standsAs fails the test unless Stripe says so of the latest subscription.
func (l *life) standsAs(status string) *life {
	l.t.Helper()
	if got := l.stripe.Sim.Subscriptions()[0].Status; got != status {
		l.t.Errorf("on %s Stripe calls the subscription %s; want %s", l.clock().Format(time.DateTime), got, status)
	}
	return l
}

// ledger fails the test unless the books hold exactly these payments, the oldest
// first, each as "kind status amount", with "refunded n" and "disputed n" where
// there is any, in the smallest unit: "membership succeeded 800 eur, refunded 300".
// The fee of each that succeeded is the one that Stripe took.
func (l *life) ledger(want ...string) *life {
	l.t.Helper()
	rows := must(l.books.Query(l.t.Context(), `
		SELECT kind || ' ' || status || ' ' || amount || ' ' || currency
			|| CASE WHEN refunded > 0 THEN ', refunded ' || refunded ELSE '' END
			|| CASE WHEN disputed > 0 THEN ', disputed ' || disputed ELSE '' END,
			payment_intent_id, fee
		FROM payments ORDER BY created_at, id`))(l.t)
	fees := map[string]int64{}
	for _, p := range l.stripe.Sim.Payments() {
		fees[p.Intent] = p.Fee
	}
	var got []string
	var line, intent string
	var fee *int64
	_, err := pgx.ForEachRow(rows, []any{&line, &intent, &fee}, func() error {
		got = append(got, line)
		if took, paid := fees[intent]; paid && (fee == nil || *fee != took) {
			l.t.Errorf("%s: the books do not have Stripe's fee of %d", line, took)
		}
		return nil
	})
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		l.t.Errorf("the ledger on %s (-want +got):\n%s%v", l.clock().Format(time.DateTime), diff, err)
	}
	return l
}
