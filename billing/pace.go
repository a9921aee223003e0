package billing

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits are how many requests a second Stripe takes from the account; 0 is no
// limit.
// https://stripe.com/docs/rate-limits
type Limits struct {
	Overall  float64 // 100 in live mode, 25 in test mode
	Endpoint float64 // 25 for each
}

const (
	// workersShare leaves a fifth of each limit to readers, who never wait.
	workersShare = 0.8
	// slowest is the least a bucket falls to, as a part of its full rate.
	slowest = 1.0 / 16
	// eased is what "too many" leaves of a rate. Halving it would leave much of
	// Stripe's room unused while it recovers.
	eased = 0.7
	// recovery is how long, in seconds, a bucket in full use takes from nothing to
	// its full rate.
	recovery = 20
	// unlimited stands for the rate that is lowered where none was set.
	unlimited = 100
)

// errBusy says that Stripe, or our share of it, had no room for a request: no fault
// of what was asked for.
var errBusy = errors.New("no room for another request to Stripe")

// pace is the workers' share of Stripe's rate: one bucket for all requests, one for
// each endpoint. Several processes share an account without knowing of each other,
// so a bucket slows down when Stripe says "too many" and recovers with each good answer.
type pace struct {
	limits    Limits
	overall   *bucket
	mu        sync.Mutex
	endpoints map[string]*bucket
}

func newPace(limits Limits) *pace {
	return &pace{limits: limits, overall: newBucket(limits.Overall), endpoints: map[string]*bucket{}}
}

// endpoint is the bucket of a path. All methods and objects of one resource share
// it, which is never more than Stripe allows.
func (p *pace) endpoint(path string) *bucket {
	name := resource(path)
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.endpoints[name]
	if !ok {
		b = newBucket(p.limits.Endpoint)
		p.endpoints[name] = b
	}
	return b
}

// resource is what a path is about: /v1/invoices/in_1/lines is invoices.
func resource(path string) string {
	room, rest, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	if room == "checkout" || room == "billing_portal" { // rooms with several resources
		inner, _, _ := strings.Cut(rest, "/")
		return room + "/" + inner
	}
	return room
}

// wait is for the turn of one request, and says which one it is. It fails at once
// where the context would end first.
func (p *pace) wait(ctx context.Context, endpoint *bucket) (turn int, err error) {
	if turn, err = endpoint.wait(ctx); err != nil {
		return turn, err
	}
	_, err = p.overall.wait(ctx)
	return turn, err
}

// bucket is a token bucket whose rate follows what Stripe says.
type bucket struct {
	limiter *rate.Limiter
	full    rate.Limit

	mu     sync.Mutex
	slowed int           // how often the rate was lowered
	shut   chan struct{} // closed when Stripe's Retry-After is over
}

func newBucket(limit float64) *bucket {
	open := make(chan struct{})
	close(open)
	if limit == 0 {
		return &bucket{limiter: rate.NewLimiter(rate.Inf, 1), full: unlimited, shut: open}
	}
	full := rate.Limit(limit * workersShare)
	// With a fifth of a second's tokens at once, no second sees more than the limit.
	return &bucket{limiter: rate.NewLimiter(full, max(1, int(limit/5))), full: full, shut: open}
}

// wait is for a token, taken while the bucket is open. Whoever waited for one when
// Stripe said "too many" waits anew: a crowd would hear it again and again.
func (b *bucket) wait(ctx context.Context) (turn int, err error) {
	for {
		turn, shut := b.turn()
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-shut:
		}
		if err := b.limiter.Wait(ctx); err != nil {
			return 0, err
		}
		if now, _ := b.turn(); now == turn {
			return turn, nil
		}
	}
}

// turn is how often the rate was lowered, and what is closed when requests may go.
func (b *bucket) turn() (int, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.slowed, b.shut
}

// slower lowers the rate and lets nobody through for as long as Stripe asks. Requests
// that were under way together are answered together: they lower it once.
func (b *bucket) slower(turn int, stop time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if turn != b.slowed {
		return
	}
	b.slowed++
	b.limiter.SetLimit(max(min(b.limiter.Limit(), b.full)*eased, b.full*slowest))
	shut := make(chan struct{})
	b.shut = shut
	time.AfterFunc(stop, func() { close(shut) })
}

// faster gives back, for a good answer, so much of the rate that it rises with time and
// not with the number of answers: who is slow would stay so for long.
func (b *bucket) faster() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.limiter.Limit(); now < b.full {
		b.limiter.SetLimit(min(now+b.full/recovery/now, b.full))
	}
}
