package webhooks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"newsroom.example/membership/models"
)

const (
	// maxBatch bounds one statement, and with it what one fault can delay.
	maxBatch = 128
	// commitFor is how long a batch may take, the wait for a connection included.
	// A delivery waits for the batch before its own too, and Stripe for both.
	commitFor = 5 * time.Second
)

// committer lets deliveries that come while a commit is under way share the next
// one. There is no timer and no goroutine of its own: the delivery that opens a
// batch commits it for all, as soon as the commit before has ended.
type committer struct {
	keep func(context.Context, []models.Arrival) error
	turn chan struct{} // who commits

	mu   sync.Mutex
	open *batch // what the next delivery joins; nil: it opens one
}

// batch is what one commit stores. Its results are read once done is closed.
type batch struct {
	arrivals []models.Arrival
	results  []error
	done     chan struct{}
}

func newCommitter(keep func(context.Context, []models.Arrival) error) *committer {
	return &committer{keep: keep, turn: make(chan struct{}, 1)}
}

// store returns nil once the arrival is durable. Its sender going away does not stop
// the commit, which is others' too; ctx lends its values only.
func (c *committer) store(ctx context.Context, arrival models.Arrival) error {
	b, place := c.join(arrival)
	if place == 0 {
		c.turn <- struct{}{}
		defer func() { <-c.turn }()
		c.shut(b)
		b.commit(context.WithoutCancel(ctx), c.keep)
	}
	<-b.done
	return b.results[place]
}

// join takes a place in the open batch. Place 0 is its leader's.
func (c *committer) join(arrival models.Arrival) (b *batch, place int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = &batch{done: make(chan struct{})}
	}
	b, place = c.open, len(c.open.arrivals)
	b.arrivals = append(b.arrivals, arrival)
	if len(b.arrivals) == maxBatch {
		c.open = nil
	}
	return b, place
}

// shut lets nobody else into the batch.
func (c *committer) shut(b *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == b {
		c.open = nil
	}
}

var errUnfinished = errors.New("the commit was broken off")

// commit stores the batch and lets all who wait for it go, whatever happens.
func (b *batch) commit(ctx context.Context, keep func(context.Context, []models.Arrival) error) {
	b.results = make([]error, len(b.arrivals))
	b.settle(errUnfinished)
	defer close(b.done)
	ctx, cancel := context.WithTimeout(ctx, commitFor)
	defer cancel()
	err := keep(ctx, b.arrivals)
	b.settle(err)
	if len(b.arrivals) > 1 && models.Unfit(err) {
		b.commitEach(ctx, keep)
	}
}

// commitEach is for a batch that one of its events spoiled: the others are not to
// suffer for it.
func (b *batch) commitEach(ctx context.Context, keep func(context.Context, []models.Arrival) error) {
	for i, arrival := range b.arrivals {
		if b.results[i] = keep(ctx, []models.Arrival{arrival}); b.results[i] != nil {
			b.results[i] = fmt.Errorf("alone: %w", b.results[i])
		}
	}
}

func (b *batch) settle(err error) {
	for i := range b.results {
		b.results[i] = err
	}
}
