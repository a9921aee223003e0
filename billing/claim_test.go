package billing_test

import (
	"context"
	"errors"
	"testing"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// A claim that has begun when its process is told to end comes to its end, so that
// whoever made it knows of the lease and gives it back: a lease that nobody knows of
// keeps the next process waiting. One that has not begun does not begin.
func TestAClaimComesToItsEnd(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	n.stripe.Pay(t, n.twin(reader, n.intent()), simtest.Pays)
	n.settle() // owes an errand
	if err := n.Plant(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		table string
		claim func(ctx context.Context) (bool, error)
	}{
		"a worker":  {"sync_subjects", func(ctx context.Context) (bool, error) { got, err := n.ClaimDue(ctx); return got != nil, err }},
		"a reader":  {"sync_subjects", func(ctx context.Context) (bool, error) { got, err := n.Claim(ctx, customer); return got != nil, err }},
		"an errand": {"errands", func(ctx context.Context) (bool, error) { got, err := n.ClaimErrand(ctx); return got != nil, err }},
		"a sweep": {"sweeps", func(ctx context.Context) (bool, error) {
			got, err := n.ClaimSweep(ctx, models.SweepEvents)
			return got != nil, err
		}},
	} {
		mark(n, customer)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := c.claim(ended); got || !errors.Is(err, context.Canceled) {
			t.Errorf("%s that had ended before: claimed %t, %v", name, got, err)
		}
		ending, end := context.WithCancel(t.Context())
		outcome := make(chan error, 1)
		n.whileHeld(c.table, 1, func() {
			go func() {
				got, err := c.claim(ending)
				if err == nil && !got {
					err = errors.New("nothing was claimed")
				}
				outcome <- err
			}()
		}, end)
		if err := <-outcome; err != nil {
			t.Errorf("%s that ended meanwhile: %v", name, err)
		}
		n.real.advance(billing.Lease + 1)
	}
}
