package faults

import (
	"context"
	"strings"
	"time"
)

// row is one fault of the matrix: how its world differs, what is done in it. What
// is checked is the same for all, by the oracle; a row adds what only it can see.
type row struct {
	name  string // for ROW=
	fault string
	setting
	alone bool // it needs the machine for itself
	full  bool // only in the long form
	run   func(context.Context, *world) error
}

// matrix is every fault that the service must survive.
var matrix = []row{
	{name: "oracle", fault: "none: the books are forged, and the oracle must see it", setting: setting{nodes: 1}, run: disbelieved},

	{name: "duplicates", fault: "a fifth of all deliveries come twice", run: duplicated},
	{name: "eight-at-once", fault: "the same event eight times at once", run: eightfold},
	{name: "orders", fault: "the six events of one life, in every order", run: ordered},
	{name: "same-second", fault: "events of one second, in any order", run: sameSecond},
	{name: "during-sync", fault: "an event while its customer is being synced", run: during},
	{name: "muddle", fault: "deliveries missed, late, shuffled and twice", run: muddled},
	{name: "stale-update", fault: "deleted, then an older update", run: stale},
	{name: "superseded", fault: "the superseded subscription is deleted", run: superseded},
	{name: "never-made", fault: "events that Stripe never made, of subscriptions 90 days old", run: unmade},
	{name: "dropped", fault: "half of all deliveries lost for good", run: dropped},
	{name: "dead-endpoint", fault: "the endpoint dead for four days, without redelivery", run: deadEndpoint},

	{name: "webhook-first", fault: "the webhook before the redirect", run: webhookFirst},
	{name: "redirect-first", fault: "the redirect before the webhook", run: redirectFirst},
	{name: "redirect-and-webhook", fault: "both at the same moment", run: bothAtOnce},

	{name: "kill", fault: "kill -9 of every replica a second after it is ready", setting: setting{nodes: 3}, run: killed},
	{name: "resume", fault: "kill -9 while leases are held", setting: setting{nodes: 1}, run: resumed},
	{name: "stopped", fault: "a worker stopped past its lease while it fetches: it gives up by itself", setting: setting{nodes: 1}, run: stopped},
	{name: "stalled", fault: "a worker that has fetched, kept from Postgres past its lease: the fence refuses it", setting: setting{nodes: 1, cutter: true}, run: stalled},
	{name: "create-then-kill", fault: "a crash between Stripe's create and our commit", setting: setting{nodes: 1}, run: createdThenKilled},

	{name: "postgres-crash", fault: "pg_ctl stop -m immediate, again and again", setting: setting{crashes: true}, run: crashed},
	{name: "cut-after-commit", fault: "the connection cut after COMMIT was sent", setting: setting{cutter: true}, run: cut},
	{name: "few-connections", fault: "two connections, and two locks held", setting: setting{conns: 2}, run: narrow},
	{name: "no-transaction", fault: "every call to Stripe takes a quarter of a second", setting: setting{lease: 30 * time.Second}, run: between},

	{name: "rate-limit", fault: "Stripe answers 429", run: rateLimited},
	{name: "stored-500", fault: "Stripe answers 500 and keeps it under the key", run: storedErrors},
	{name: "unavailable", fault: "Stripe answers 503", run: unavailable},
	{name: "hang", fault: "Stripe does not answer", run: hanging},
	{name: "reset", fault: "Stripe resets the connection", run: reset},
	{name: "half-body", fault: "Stripe sends half of an answer", run: halved},
	{name: "garbage", fault: "Stripe sends a page of HTML", run: garbled},

	{name: "slow-senders", fault: "200 connections to each replica that send a byte now and then", run: slowloris},
	{name: "large-bodies", fault: "bodies of 10 MiB", run: large},
	{name: "nonsense", fault: "bad JSON, bad UTF-8, deep nesting", run: malformed},
	{name: "signatures", fault: "wrong, missing, old and future signatures", run: forged},
	{name: "secret-roll", fault: "the signing secret is rolled", run: rolled},
	{name: "clock", fault: "our clock ten minutes ahead, and behind", run: skewed},
	{name: "strange-letters", fault: "another API version, the other mode", run: strangeLetters},

	{name: "unknown-customer", fault: "events of customers that do not exist", run: unknown},
	{name: "deleted-customer", fault: "customers deleted at Stripe", run: deleted},
	{name: "renamed-customer", fault: "customers given another's address", run: renamed},
	{name: "foreign-product", fault: "another shop in the same account", run: foreign},
	{name: "poisoned", fault: "one customer whom nobody can read", run: poisoned},
	{name: "stuck", fault: "one customer whose reads hang", alone: true, run: stuck},

	{name: "renewals", fault: "renewals that are paid, and that are not", run: renewals},
	{name: "debits", fault: "SEPA debits paid or refused days later", run: debits},
	{name: "refunds", fault: "refunds: in part, whole, failed", run: refunds},
	{name: "disputes", fault: "disputes: won, lost, open, warnings", run: disputes},

	{name: "hundred-posts", fault: "one form posted 100 times at once", run: hundredPosts},
	{name: "twenty-tabs", fault: "20 tabs of one member", run: twentyTabs},
	{name: "second-tab", fault: "one tab paid, unheard, and then another", run: secondTab},
	{name: "both-paid", fault: "both tabs paid, of guests and of members", run: bothPaid},
	{name: "healing-killed", fault: "both tabs paid, and kill -9 while one is given back", setting: setting{nodes: 1}, run: killedHealing},
	{name: "card-testing", fault: "a bot that tries cards, 1,000 posts a minute from everywhere", setting: setting{till: &till{perNetwork: 20, ofStrangers: 60}}, run: cardsTried},

	{name: "storm", fault: "the renewals of all at once, 25 requests/s an endpoint", alone: true, setting: setting{rate: 100, lease: 30 * time.Second, conns: 16}, run: storm},
	{name: "ten-thousand", fault: "10,000 events, kill -9 each second, 8 crashes of Postgres", alone: true, full: true,
		setting: setting{crashes: true, nodes: 3}, run: tenThousand},
}

func names(rows []row) string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r.name
	}
	return strings.Join(all, " ")
}
