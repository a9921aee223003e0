package billing

import (
	"context"
	"hash/maphash"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// What our books have and Stripe's lists did not show is asked for by its id. That is
// little, or, with a key of another account, everything: then so many are enough to say
// so, and the rest is counted.
const asksAtMost = 1000

// shown are objects that Stripe has listed, each as 64 bits of a hash of its id. A
// million of them take some 20 MB; that one hides another, lost one is a matter of one
// in ten billion.
type shown struct {
	seed maphash.Seed
	all  map[uint64]struct{}
}

func newShown() shown { return shown{maphash.MakeSeed(), map[uint64]struct{}{}} }

func (l shown) add(id string) { l.all[maphash.String(l.seed, id)] = struct{}{} }

func (l shown) has(id string) bool {
	_, listed := l.all[maphash.String(l.seed, id)]
	return listed
}

// addLive leaves out what has ended: our books say so too, or the sync asks.
func (l shown) addLive(sub *stripe.Subscription) {
	if models.SubscriptionStatus(sub.Status).Live() {
		l.add(sub.ID)
	}
}

// lost asks for an object by its id, and says whether Stripe does not know it.
func (e *examination) lost(ctx context.Context, what string, get func(stripe.Params) error) (bool, error) {
	if e.asked == asksAtMost {
		e.findings.Unasked++
		return false, nil
	}
	e.asked++
	err := e.patiently(ctx, func(ctx context.Context) error { return get(stripe.Params{Context: ctx}) })
	if missing(err) {
		return true, nil
	}
	return false, tellable("look for "+what, err)
}
