package billing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
)

// An answer that is no failure of Stripe's says that it is well: "too many requests"
// and a taken lock among them, each of which comes from a Stripe that is up. No room
// for a worker's request says nothing.
func TestWhatASyncSaysOfStripesHealth(t *testing.T) {
	t.Parallel()
	n := open(t)
	answered := func(status int, code stripe.ErrorCode) error {
		return fmt.Errorf("list: %w", &stripe.Error{HTTPStatusCode: status, Code: code})
	}
	for name, c := range map[string]struct {
		met           error
		counted, down bool
	}{
		"429 rate_limit":           {answered(429, stripe.ErrorCodeRateLimit), true, false},
		"429 lock_timeout":         {answered(429, stripe.ErrorCodeLockTimeout), true, false},
		"404":                      {answered(404, stripe.ErrorCodeResourceMissing), true, false},
		"499":                      {answered(499, ""), true, false},
		"500":                      {answered(500, ""), true, true},
		"503":                      {answered(503, ""), true, true},
		"no answer":                {errors.New("connection reset"), true, true},
		"no answer in time":        {context.DeadlineExceeded, true, true},
		"no room for the request":  {fmt.Errorf("%w: %w", billing.ErrBusy, context.DeadlineExceeded), false, false},
		"the process ends":         {fmt.Errorf("get: %w", context.Canceled), false, false},
		"a full Stripe, and a 500": {errors.Join(billing.ErrBusy, answered(500, "")), false, false},
	} {
		if counted, down := n.Vote(1, c.met); counted != c.counted || down != c.down {
			t.Errorf("%s: counted %t, down %t; want %t, %t", name, counted, down, c.counted, c.down)
		}
	}
	if counted, _ := n.Vote(2, answered(500, "")); counted {
		t.Error("a subject that failed before was counted while Stripe seemed well")
	}
}
