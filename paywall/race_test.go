package paywall_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

// Sixty-four readers go on reading while keys are added and tokens are called
// back under them. Nobody else's token suffers, and what was dead once is never
// believed again.
func TestRotationAndRevocationWhileReading(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	v := issuer.Verifier(t, func(c *paywall.Config) { c.CacheSize, c.Revocations = 8, time.Millisecond })
	var good, doomed [16]string
	var gone [16]atomic.Bool
	for i := range good {
		good[i] = issuer.Token(paywalltest.Entitlements("articles:full"))
		doomed[i] = issuer.Token(ofSubject(fmt.Sprint("mem_", i)))
	}
	issuer.RotateEdDSA()
	young := issuer.Token()
	var readers sync.WaitGroup
	for n := range 64 {
		readers.Go(func() {
			for i := 0; !allGone(&gone) || verdict(v, young) != nil; i++ {
				at := (n + i) % len(good)
				if m, err := v.Verify(good[at]); err != nil || !m.Has("articles:full") {
					t.Errorf("an old key's token: %v", err)
					return
				}
				dead := gone[at].Load()
				switch err := verdict(v, doomed[at]); {
				case errors.Is(err, paywall.ErrRevoked):
					gone[at].Store(true)
				case err != nil || dead:
					t.Errorf("a token that was or was not called back: %v, dead before %v", err, dead)
					return
				}
				_ = v.Stats()
			}
		})
	}
	for i := range doomed {
		issuer.Revoke(fmt.Sprint("mem_", i))
		issuer.RevokeSession(fmt.Sprint("ses_", i))
	}
	readers.Wait()
	if s := v.Stats(); s.RevokedSubjects != len(doomed) || s.Keys != 2 {
		t.Errorf("%+v", s)
	}
}

func allGone(gone *[16]atomic.Bool) bool {
	for i := range gone {
		if !gone[i].Load() {
			return false
		}
	}
	return true
}
