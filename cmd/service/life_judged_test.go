package service_test

import (
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/oracle"
)

// judge holds the service against what Stripe says, by an oracle that shares nothing
// with billing.
type judge struct {
	api    oracle.API
	prices map[string]oracle.Price
	owners map[string]string // reader by customer, deleted ones included
}

func (l *life) newJudge() judge {
	l.t.Helper()
	// Not by way of simtest's: the oracle asks for so much that judging that takes longer than all else.
	server := httptest.NewServer(l.stripe.Sim)
	l.t.Cleanup(server.Close)
	j := judge{
		api:    oracle.API{Base: server.URL, Key: "sk_test_oracle", Client: server.Client()},
		prices: map[string]oracle.Price{}, owners: map[string]string{},
	}
	rows := must(l.books.Query(l.t.Context(), `SELECT p.id, p.plan_id, p."interval", p.currency, p.amount, plans.grace_days,
		(SELECT array_agg(feature_id ORDER BY feature_id) FROM plan_features f WHERE f.plan_id = p.plan_id)
		FROM prices p JOIN plans ON plans.id = p.plan_id`))(l.t)
	for _, p := range must(pgx.CollectRows(rows, pgx.RowToStructByPos[oracle.Price]))(l.t) {
		j.prices[p.ID] = p
	}
	return j
}

// look reads what Stripe says, and notes whose customer is whose.
func (c *chance) look() oracle.Truth {
	c.t.Helper()
	truth := must(oracle.Read(context.WithoutCancel(c.t.Context()), c.api))(c.t)
	for _, customer := range truth.Customers {
		if reader := customer.Metadata["member_id"]; reader != "" {
			c.owners[customer.ID] = reader
		}
	}
	for _, sub := range truth.Subscriptions {
		if c.owners[sub.Customer] == "" && sub.Metadata["intent_id"] != "" {
			c.owners[sub.Customer] = c.unsigned
		}
	}
	return truth
}

// expected is what the reader may read now, and until when.
func (c *chance) expected(truth oracle.Truth) map[string]time.Time {
	var spans []oracle.Span
	for _, sub := range truth.Subscriptions {
		if c.owners[sub.Customer] == c.member {
			spans = append(spans, truth.Spans(sub, c.prices)...)
		}
	}
	return oracle.Held(spans, c.clock())
}

// nextChange is when the first of what the reader may read ends; in a week if that is
// nothing.
func (c *chance) nextChange() time.Time {
	next := c.clock().AddDate(0, 0, 7)
	ends := make([]time.Time, 0, 3)
	for _, until := range c.expected(c.look()) {
		ends = append(ends, until)
	}
	if len(ends) > 0 {
		next = slices.MinFunc(ends, time.Time.Compare)
	}
	return next
}

// holdsAtChanges judges now, and on the eve and at the moment of so many changes.
func (c *chance) holdsAtChanges(changes int) {
	c.holds()
	for range changes {
		for _, before := range []time.Duration{time.Second, 0} {
			if at := c.nextChange().Add(-before); at.After(c.clock()) {
				c.moves(at)
				c.delivered()
			}
			c.holds()
		}
	}
}

// holds fails the check unless the reader may read what Stripe says, and the ledger
// holds Stripe's money.
func (c *chance) holds() {
	truth := c.look()
	want, got := c.expected(truth), map[string]time.Time{}
	for _, e := range c.me().Entitlements {
		got[e.Feature] = e.Until
	}
	now := c.clock().Format(time.DateTime)
	if diff := cmp.Diff(readable(want), readable(got)); diff != "" {
		c.rt.Fatalf("reader %d on %s (-Stripe +the service):\n%s", c.lives, now, diff)
	}
	payments := truth.Payments(c.prices, func(customer string) bool { return c.owners[customer] != "" }, c.gifts())
	maps.DeleteFunc(payments, func(_ string, p oracle.Charge) bool { return time.Unix(p.Created, 0).Before(c.since) })
	if diff := cmp.Diff(money(payments), c.booked()); diff != "" {
		c.rt.Fatalf("the ledger on %s, reader %d (-Stripe +the books):\n%s", now, c.lives, diff)
	}
	if diff := cmp.Diff(oracle.Nets(payments), c.nets()); diff != "" {
		c.rt.Fatalf("the days' sums on %s (-Stripe +the books):\n%s", now, diff)
	}
	c.judged++
}

func readable(open map[string]time.Time) []string {
	words := make([]string, 0, len(open))
	for feature, until := range open {
		words = append(words, feature+" until "+until.UTC().Format(time.DateTime))
	}
	slices.Sort(words)
	return words
}

// money is each payment by its intent, in words.
func money(payments map[string]oracle.Charge) map[string]string {
	all := map[string]string{}
	for intent, c := range payments {
		who := "nobody"
		if c.Customer != nil {
			who = *c.Customer
		}
		all[intent] = fmt.Sprintf("%d %s of %s, refunded %d, fee %d", c.Amount, c.Currency, who, c.AmountRefunded, c.Fee())
	}
	return all
}

// booked is money as the ledger holds it.
func (c *chance) booked() map[string]string {
	c.t.Helper()
	rows := must(c.books.Query(c.t.Context(), `SELECT payment_intent_id, amount || ' ' || currency || ' of ' || coalesce(customer_id, 'nobody') || ', refunded ' || refunded || ', fee ' || coalesce(fee, 0)
		FROM payments WHERE status = 'succeeded' AND paid_at >= $1`, c.since))(c.t)
	all := map[string]string{}
	var intent, words string
	must(pgx.ForEachRow(rows, []any{&intent, &words}, func() error { all[intent] = words; return nil }))(c.t)
	return all
}

func (c *chance) nets() map[oracle.Day]int64 {
	c.t.Helper()
	rows := must(c.books.Query(c.t.Context(), `SELECT date_trunc('day', paid_at AT TIME ZONE 'UTC'), currency, sum(amount - refunded - coalesce(fee, 0))::bigint
		FROM payments WHERE status = 'succeeded' AND paid_at >= $1 GROUP BY 1, 2`, c.since))(c.t)
	all := map[oracle.Day]int64{}
	var day oracle.Day
	var net int64
	must(pgx.ForEachRow(rows, []any{&day.Day, &day.Currency, &net}, func() error {
		all[oracle.Day{Day: day.Day.UTC(), Currency: day.Currency}] = net
		return nil
	}))(c.t)
	return all
}

// gifts are those of which there is a row.
func (c *chance) gifts() map[string]bool {
	c.t.Helper()
	rows := must(c.books.Query(c.t.Context(), "SELECT id::text FROM donations"))(c.t)
	all := map[string]bool{}
	for _, id := range must(pgx.CollectRows(rows, pgx.RowTo[string]))(c.t) {
		all[id] = true
	}
	return all
}
