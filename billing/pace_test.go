package billing_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// asks is one request of a worker's, or of a reader's.
func asks(ctx context.Context, line *billing.Line) error {
	_, err := line.Customers.Get("cus_x", &stripe.CustomerParams{Params: stripe.Params{Context: ctx}})
	return err
}

// far is a Stripe that answers each request by its number.
func far(t *testing.T, answer func(n int64, w http.ResponseWriter)) (*billing.Line, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	url := listen(t, func(w http.ResponseWriter, _ *http.Request) { answer(asked.Add(1), w) })
	return billing.Stripe(simtest.Key, url), &asked
}

func fine(w http.ResponseWriter) { fmt.Fprint(w, `{"id":"cus_x","object":"customer"}`) }

// Workers keep to their share of an endpoint's rate, however many they are; a
// reader's request waits for none of them.
func TestWorkersKeepToTheirShare(t *testing.T) {
	t.Parallel()
	line, asked := far(t, func(_ int64, w http.ResponseWriter) { fine(w) })
	line.Within(billing.Limits{Overall: 1000, Endpoint: 25})
	ctx, stop := context.WithTimeout(billing.AsWorker(t.Context()), 1500*time.Millisecond)
	defer stop()
	var workers sync.WaitGroup
	for range 32 {
		workers.Go(func() {
			for asks(ctx, line) == nil {
			}
		})
	}
	began := time.Now()
	for range 5 { // while all workers wait for their turn
		before := time.Now()
		if err := asks(t.Context(), line); err != nil || time.Since(before) > 500*time.Millisecond {
			t.Errorf("a reader waited %s, %v", time.Since(before), err)
		}
	}
	workers.Wait()
	share := 20*time.Since(began).Seconds() + 5
	if got := float64(asked.Load() - 5); got > share+1 || got < share/2 {
		t.Errorf("the workers asked %.0f times in %s, want at most %.0f", got, time.Since(began), share)
	}
}

// "Too many requests" fails no sync: the worker waits as long as Stripe asks, and
// asks again.
func TestTooManyRequestsIsWaitedOut(t *testing.T) {
	t.Parallel()
	line, asked := far(t, func(n int64, w http.ResponseWriter) {
		if n > 2 {
			fine(w)
			return
		}
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "rate_limit", "slow down")
	})
	began := time.Now()
	if err := asks(billing.AsWorker(t.Context()), line); err != nil || asked.Load() != 3 || time.Since(began) < 2*time.Second {
		t.Errorf("%d requests in %s, %v", asked.Load(), time.Since(began), err)
	}
}

// One that is never let through is not the subject's failure.
func TestNoRoomIsNoFailure(t *testing.T) {
	t.Parallel()
	n := open(t)
	customer := n.join(n.member("reader@example.org"), simtest.Pays).CustomerID
	mark(n, customer)
	line := billing.Stripe(simtest.Key, n.proxy(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", "60")
		refuse(w, http.StatusTooManyRequests, "rate_limit", "slow down")
	}))
	full := n.served(line, billing.Config{Lease: 2 * time.Second}, discard)
	full.SyncClaimed(billing.AsWorker(t.Context()), claim(n, customer))
	var row models.SyncSubject
	if err := n.db.Where("id = ?", customer).Take(&row).Error; err != nil || row.Attempts != 0 || row.FailingSince != nil || row.LeaseToken != nil {
		t.Errorf("%+v, %v", row, err)
	}
	if due, err := n.ClaimDue(t.Context()); err != nil || due == nil {
		t.Errorf("not due again: %v", err)
	}
}

// Workers for whom there is no room at Stripe rest: they do not claim and give back as fast
// as the database can.
func TestWorkersWithoutRoomRest(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.sql(`CREATE SEQUENCE claims`)
	n.sql(`CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('claims'); RETURN NEW; END $$`)
	n.sql(`CREATE TRIGGER counted BEFORE UPDATE ON sync_subjects FOR EACH ROW WHEN (NEW.lease_token IS NOT NULL) EXECUTE FUNCTION counted()`)
	n.sql(`INSERT INTO sync_subjects (id, account, livemode, kind, dirty, next_at)
		SELECT 'cus_' || i, '', false, 'customer', 1, @now FROM generate_series(1, 40) i`, map[string]any{"now": time.Now().Add(-time.Minute)})
	line := billing.Stripe(simtest.Key, n.stripe.URL).Within(billing.Limits{Endpoint: 1})
	cfg := billing.Config{PublicURL: "https://members.example.news", Lease: 3 * time.Second}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	if _, _, err := billing.New(n.db, line, cfg, time.Now, time.Now, discard).SyncDue(ctx, func(int64) {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	var claims int64
	if err := n.db.Raw(`SELECT last_value FROM claims`).Scan(&claims).Error; err != nil {
		t.Fatal(err)
	}
	if claims > 16*9 { // each worker, and again after a quarter of a second at the soonest
		t.Errorf("%d claims in two seconds", claims)
	}
	t.Logf("%d claims", claims)
}

// Answers that come together lower the rate once; each good one gives a little back,
// and a lock that is taken is no rate.
func TestTheRateFollowsWhatStripeSays(t *testing.T) {
	t.Parallel()
	b := billing.NewBucket(25)
	for range 5 {
		b.Slower(0, time.Microsecond)
	}
	if got := b.Rate(); got != 14 {
		t.Errorf("after one crowd: %.1f a second, want 14", got)
	}
	for turn := 1; turn < 20; turn++ {
		b.Slower(turn, time.Microsecond)
	}
	if got := b.Rate(); got != 20.0/16 {
		t.Errorf("after twenty: %.2f a second", got)
	}
	for range 300 {
		b.Faster()
	}
	if got := b.Rate(); got != 20 {
		t.Errorf("recovered to %.1f", got)
	}
	line, asked := far(t, func(n int64, w http.ResponseWriter) {
		if n == 1 {
			refuse(w, http.StatusTooManyRequests, "lock_timeout", "locked")
			return
		}
		fine(w)
	})
	if err := asks(billing.AsWorker(t.Context()), line.Within(billing.Limits{Endpoint: 25})); err == nil {
		t.Error("Stripe said not to retry") // refuse does
	}
	if got := line.Rate("/v1/customers/cus_x"); asked.Load() != 1 || got != 20 {
		t.Errorf("after a lock: %d requests, %.1f a second", asked.Load(), got)
	}
}

// Requests that wait for a token when Stripe says "too many" are held up as well, and do
// not hear it one after the other.
func TestACrowdIsToldOnce(t *testing.T) {
	t.Parallel()
	b := billing.NewBucket(2) // less than two a second, one at once
	through := make(chan int)
	for range 3 {
		go func() {
			turn, err := b.Wait(t.Context())
			if err != nil {
				t.Error(err)
			}
			through <- turn
		}()
	}
	if turn := <-through; turn != 0 {
		t.Fatalf("the first went in turn %d", turn)
	}
	eventually(t, func() bool { return b.Tokens() < -1 }) // both others wait
	const stop = 2 * time.Second
	told := time.Now()
	b.Slower(0, stop)
	for range 2 {
		if turn := <-through; turn != 1 || time.Since(told) < stop {
			t.Errorf("one went in turn %d, %s after Stripe said to stop for %s", turn, time.Since(told), stop)
		}
	}
}

// A rate that Stripe lowered comes back in time, not in answers: at a crawl as fast as at a
// walk.
func TestACrawlEndsInTime(t *testing.T) {
	t.Parallel()
	b := billing.NewBucket(25)
	for turn := range 20 {
		b.Slower(turn, time.Microsecond)
	}
	var seconds float64
	for b.Rate() < 20 { // in full use: an answer comes when its token does
		seconds += 1 / b.Rate()
		b.Faster()
	}
	if seconds < 15 || seconds > 25 {
		t.Errorf("from a crawl to the whole took %.0f s, want about 20", seconds)
	}
}

// What is worth another try is tried once more, with the body it had; what Stripe
// keeps under its key is not.
func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method string
		fail   func(t *testing.T, w http.ResponseWriter)
		again  bool
	}{
		"no answer":            {"POST", func(t *testing.T, w http.ResponseWriter) { hangUp(t, w) }, true},
		"half a body":          {"GET", halfABody, true},
		"500":                  {"GET", status(500), true},
		"500 of a POST":        {"POST", status(500), false},
		"503 of a POST":        {"POST", status(503), true},
		"in use":               {"POST", status(409), true},
		"too many, for people": {"GET", status(429), true},
		"not found":            {"GET", status(404), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			var bodies sync.Map
			url := listen(t, func(w http.ResponseWriter, r *http.Request) {
				bodies.Store(r.FormValue("email"), true)
				if asked.Add(1) == 1 {
					c.fail(t, w)
					return
				}
				fine(w)
			})
			line := billing.Stripe(simtest.Key, url)
			err := asks(t.Context(), line)
			if c.method == "POST" {
				asked.Store(0)
				_, err = line.Customers.New(&stripe.CustomerParams{Email: stripe.String("a@example.org")})
				if _, ok := bodies.Load("a@example.org"); !ok {
					t.Error("the body was not sent")
				}
				bodies.Delete("")
				bodies.Range(func(k, _ any) bool {
					if k != "a@example.org" {
						t.Errorf("a body without its address: %v", k)
					}
					return true
				})
			}
			if again := err == nil; again != c.again {
				t.Errorf("tried again: %t, want %t (%v)", again, c.again, err)
			}
		})
	}
}

func status(code int) func(*testing.T, http.ResponseWriter) {
	return func(_ *testing.T, w http.ResponseWriter) {
		w.WriteHeader(code)
		fmt.Fprint(w, `{"error":{"type":"api_error","message":"no"}}`)
	}
}

func halfABody(t *testing.T, w http.ResponseWriter) {
	w.Header().Set("Content-Length", "1000")
	fmt.Fprint(w, `{"id":`)
}

// While Stripe is known to be down a reader is told soon, after one try.
func TestReadersAreToldSoonWhileStripeIsDown(t *testing.T) {
	t.Parallel()
	line, asked := far(t, func(_ int64, w http.ResponseWriter) { status(500)(t, w) })
	line.Down()
	var e *stripe.Error
	if err := asks(t.Context(), line); !errors.As(err, &e) || asked.Load() != 1 {
		t.Errorf("%d tries, %v", asked.Load(), err)
	}
}
