package paywall_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

func TestNothingBadReplacesGoodKeys(t *testing.T) {
	t.Parallel()
	other := paywalltest.NewIssuer(t).JWKS()
	for name, spoil := range map[string]func(*wire){
		"empty":        func(w *wire) { w.body = []byte(`{"keys":[]}`) },
		"no keys":      func(w *wire) { w.body = []byte(`{}`) },
		"half":         func(w *wire) { w.body = w.body[:len(w.body)/2] },
		"page":         func(w *wire) { w.body = []byte(`<!doctype html>`) },
		"nothing":      func(w *wire) { w.body = nil },
		"error status": func(w *wire) { w.status, w.body = 503, other },
		"too large":    func(w *wire) { w.body = append(other, strings.Repeat(" ", 256<<10)...) },
		"unreachable":  func(w *wire) { w.broken = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
				w.set(spoil)
				pass(time.Hour)
				if n := w.count(); n < 2 {
					t.Fatalf("only %d fetches", n)
				}
				if _, err := v.Verify(issuer.Token()); err != nil {
					t.Errorf("a good token after a bad fetch: %v", err)
				}
			})
		})
	}
}

func TestKeysAreRefreshedByTheirMaxAge(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, _ *paywalltest.Issuer, w *wire, _ *paywall.Verifier) {
		pass(299 * time.Second)
		if n := w.count(); n != 1 {
			t.Errorf("%d fetches before max-age, want 1", n)
		}
		pass(2 * time.Second)
		if n := w.count(); n != 2 {
			t.Errorf("%d fetches after max-age, want 2", n)
		}
	})
}

func TestUnknownKeyAsksOnceInHalfAMinute(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		issuer.Rotate()
		token := issuer.Token()
		flood := func() {
			for range 1000 {
				if _, err := v.Verify(token); !errors.Is(err, paywall.ErrInvalid) {
					t.Fatalf("a key that was not fetched yet: %v", err)
				}
			}
			synctest.Wait()
		}
		flood()
		flood()
		if n := w.count(); n != 2 {
			t.Errorf("%d fetches, want the first and one more", n)
		}
		w.set(func(w *wire) { w.body = issuer.JWKS() })
		pass(29 * time.Second)
		flood()
		pass(2 * time.Second)
		if n := w.count(); n != 3 {
			t.Errorf("%d fetches after 31 s, want 3", n)
		}
		if _, err := v.Verify(token); err != nil {
			t.Errorf("the new key's token: %v", err)
		}
	})
}

func TestKeyThatIsGoneEndsVerifiedTokens(t *testing.T) {
	t.Parallel()
	other := paywalltest.NewIssuer(t).JWKS()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		token := issuer.Token()
		if _, err := v.Verify(token); err != nil {
			t.Fatal(err)
		}
		w.set(func(w *wire) { w.body = other })
		pass(6 * time.Minute)
		if _, err := v.Verify(token); !errors.Is(err, paywall.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	})
}

func TestKeysGrowTooOld(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		w.set(func(w *wire) { w.broken = true })
		token := issuer.Token()
		pass(24 * time.Hour)
		if _, err := v.Verify(token); err != nil {
			t.Errorf("after a day: %v", err)
		}
		pass(6 * time.Minute)
		if _, err := v.Verify(token); !errors.Is(err, paywall.ErrUnavailable) {
			t.Errorf("after MaxStale: %v", err)
		}
		if err := v.Ready(t.Context()); !errors.Is(err, paywall.ErrUnavailable) {
			t.Errorf("ready: %v", err)
		}
		w.set(func(w *wire) { w.broken = false })
		pass(31 * time.Second)
		if _, err := v.Verify(token); err != nil {
			t.Errorf("after the issuer came back: %v", err)
		}
	})
}

func TestFirstKeysAreRetriedSoon(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		w := &wire{status: http.StatusOK, broken: true, body: issuer.JWKS(), issuer: issuer}
		v := w.verifier(t, func(c *paywall.Config) { c.MaxStale = time.Minute })
		defer v.Close()
		pass(16 * time.Second) // at 0, 1, 3, 7 and 15 s
		if n := w.count(); n != 5 {
			t.Errorf("%d fetches in 16 s, want 5", n)
		}
		pass(10 * time.Minute)
		if n := w.count(); n > 5+21 {
			t.Errorf("%d fetches in ten minutes", n)
		}
		if log := w.log.String(); !strings.Contains(log, "connection refused") {
			t.Errorf("the log is silent about it: %q", log)
		}
		w.set(func(w *wire) { w.broken = false })
		if err := v.Ready(t.Context()); err != nil {
			t.Errorf("ready: %v", err)
		}
		n := w.count()
		w.set(func(w *wire) { w.broken = true })
		pass(302 * time.Second)
		if n := w.count() - n; n != 2 {
			t.Errorf("%d fetches within 2 s of a new fault, want 2", n)
		}
	})
}

func TestCloseEndsFetching(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		v.Close()
		pass(time.Hour)
		if n := w.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
		if _, err := v.Verify(issuer.Token()); err != nil {
			t.Errorf("the keys at hand: %v", err)
		}
	})
}

func TestCloseWaitsForTheFetchItGivesUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, _ *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		w.set(func(w *wire) { w.hanging = true })
		pass(301 * time.Second)
		v.Close()
		w.set(func(w *wire) {
			if w.fetches != 2 || w.ended != 1 {
				t.Errorf("%d fetches, %d given up", w.fetches, w.ended)
			}
			if log := w.log.String(); strings.Contains(log, "WARN") {
				t.Errorf("closing is no fault: %s", log)
			}
		})
	})
}

func TestHangingIssuerIsGivenUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		w.set(func(w *wire) { w.hanging = true })
		pass(320 * time.Second)
		w.set(func(w *wire) {
			if w.ended == 0 {
				t.Error("a fetch hangs for more than ten seconds")
			}
		})
		if _, err := v.Verify(issuer.Token()); err != nil {
			t.Errorf("meanwhile: %v", err)
		}
	})
}
