package service_test

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"pgregory.net/rapid"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/models"
)

// TestMain gives every run the same random lives, so that a change is judged by itself
// and not by chance. New ones are lived where somebody asks for more of them, as `make
// full` does, or for a seed.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("rapid.checks").Value.String() == flag.Lookup("rapid.checks").DefValue && flag.Lookup("rapid.seed").Value.String() == "0" {
		if err := flag.Set("rapid.seed", "20261122"); err != nil {
			panic(err)
		}
	}
	m.Run()
}

// Whatever happens to a reader, however the deliveries that tell of it are doubled,
// shuffled, late, lost or never made: when things are quiet, and what was lost has been
// swept up, the reader may read what Stripe's present state says, to the second, and
// the ledger holds Stripe's money, day by day.
//
// A life takes a second or so: one check in six is lived. All of them share a newsroom,
// one after the other, each in a year of its own.
func TestAnyLifeIsWhatStripeSays(t *testing.T) {
	t.Parallel()
	c := &chance{life: begin(t, "2026-01-01 00:00", debits), did: map[string]int{}}
	c.judge = c.newJudge()
	t.Cleanup(func() {
		t.Logf("%d lives: %v, faults %v, %d judged", c.lives, c.did, c.stripe.Sim.Injected(), c.judged)
	})
	rapid.Check(t, func(rt *rapid.T) {
		if c.rt = rt; pick(c, "lived", 1, 2, 3, 4, 5, 6) > 1 {
			return
		}
		defer c.over()
		c.born(rt)
		c.step(acts[0])
		for range pick(c, "length", 3, 4, 5, 6, 7, 8) {
			c.step(rapid.Permutation(acts).Draw(rt, "happens")...)
		}
		c.swept()
		c.holdsAtChanges(2)
	})
}

// chance is a life to which anything happens.
type chance struct {
	*life
	judge
	rt       *rapid.T
	lives    int
	member   string    // the present reader's id
	unsigned string    // whose is what is bought by who is not signed in
	lost     bool      // something is known to nobody, or may be
	since    time.Time // the books are held to Stripe's money from then on
	did      map[string]int
	judged   int
}

// born begins the life of a new reader, on some day of the next year.
func (c *chance) born(rt *rapid.T) {
	c.lost = false
	c.lives++
	begins := time.Date(c.clock().Year()+1, 1, 1, rapid.IntRange(0, 23).Draw(rt, "hour"), 0, 0, 0, time.UTC)
	c.moves(begins.AddDate(0, 0, rapid.IntRange(0, 364).Draw(rt, "day")))
	c.reader, c.email = c.browser(), fmt.Sprintf("reader-%d@example.org", c.lives)
	c.joins()
}

// moves lets time pass until an instant.
func (c *chance) moves(to time.Time) {
	c.mu.Lock()
	c.now = to
	c.mu.Unlock()
	c.settle()
}

// step is one thing that happens, the first of these that can, whatever becomes of the
// deliveries that tell of it, and then some time.
func (c *chance) step(from ...act) {
	fault := pick(c, "deliveries", mishaps...)
	seed := rapid.Uint64().Draw(c.rt, "seed")
	c.done(c.stripe.Sim.Inject(seed, fault...))
	c.lost = c.lost || lossy(fault)
	c.me() // or a session that has run out would make a guest of the reader
	for _, act := range from {
		if act.try(c) {
			c.rt.Logf("%s: the reader %s, and the deliveries are %v", c.clock().Format(time.DateTime), act.name, fault)
			c.did[act.name]++
			break
		}
	}
	c.settle()
	c.moves(c.later())
	c.done(c.stripe.Sim.Inject(seed))
	c.delivered()
	if !c.lost {
		c.holds()
	}
}

// mishaps are what can become of deliveries; mostly nothing.
var mishaps = [][]stripesim.Fault{
	{}, {}, {}, {}, {}, {}, {}, {},
	{{Do: stripesim.Duplicated, Share: 0.5, Count: 2}, {Do: stripesim.Shuffled}},
	{{Do: stripesim.Delayed, Max: 30 * time.Millisecond}, {Do: stripesim.Shuffled}},
	{{Do: stripesim.Missed, Share: 0.7}},
	{{Do: stripesim.Dropped, Share: 0.5}},
	// Not every event: when a debit was refused is told by its event alone.
	{{Do: stripesim.EventUnmade, Share: 0.5, On: "customer.*"}, {Do: stripesim.EventUnmade, On: "invoice.paid"}, {Do: stripesim.EventUnmade, Share: 0.5, On: "charge.*"}},
}

// lossy says that some events will never come.
func lossy(faults []stripesim.Fault) bool {
	return slices.ContainsFunc(faults, func(f stripesim.Fault) bool {
		return f.Do == stripesim.Dropped || f.Do == stripesim.EventUnmade
	})
}

// later is some time from now: minutes, days, or when something is about to change or
// has just changed.
func (c *chance) later() time.Time {
	now := c.clock()
	switch pick(c, "later", "minutes", "days", "weeks", "the eve of a change", "a change") {
	case "minutes":
		return now.Add(time.Duration(rapid.IntRange(1, 150).Draw(c.rt, "minutes")) * time.Minute)
	case "days":
		return now.Add(time.Duration(rapid.IntRange(1, 10*24).Draw(c.rt, "hours")) * time.Hour)
	case "weeks":
		return now.AddDate(0, 0, rapid.IntRange(10, 40).Draw(c.rt, "days"))
	case "a change":
		return c.nextChange()
	}
	if eve := c.nextChange().Add(-time.Second); eve.After(now) {
		return eve
	}
	return now
}

// delivered lets Stripe try again what reached nobody.
func (c *chance) delivered() {
	for c.stripe.Sim.Undelivered() > 0 {
		c.moves(c.clock().Add(time.Minute))
	}
}

// swept runs every sweep once, if anything was lost.
func (c *chance) swept() {
	if !c.lost {
		return
	}
	for _, name := range billing.Sweeps {
		if _, err := c.billing.Sweep(c.t.Context(), name, nil, func(models.Sweep) {}); err != nil {
			c.t.Fatal(err)
		}
		c.settle()
	}
	c.lost = false
}

// over ends what would go on after this life. What one that fell left wrong in the books
// is not held against the next, or rapid could make nothing smaller of it.
func (c *chance) over() {
	if c.t.Failed() {
		return // for good
	}
	for _, sub := range c.running() {
		_, err := c.publisher.api.Subscriptions.Cancel(sub.ID, nil)
		c.tried(err)
	}
	c.settle()
	if c.rt.Failed() {
		c.since = c.clock().Add(time.Second)
	}
}

// tried says whether Stripe did what somebody wanted: it may refuse.
func (c *chance) tried(err error) bool {
	var refused *stripe.Error
	if err != nil && (!errors.As(err, &refused) || refused.HTTPStatusCode >= 500) {
		c.t.Fatal(err)
	}
	return err == nil
}
