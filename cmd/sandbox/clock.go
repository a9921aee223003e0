package main

import (
	"sync"
	"time"
)

// clock is the sandbox's one time: the real one, and an offset that only grows.
// The service, the simulator and the newspaper share it, so that a month passes
// for all of them at once.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
	keep  func(ahead time.Duration) error // called before each move
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// advance moves the clock for good: the next start goes on from there. If that
// cannot be kept, the clock stays where it is.
func (c *clock) advance(by time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.keep(c.ahead + by); err != nil {
		return err
	}
	c.ahead += by
	return nil
}
