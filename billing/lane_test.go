package billing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// crowd makes customers at Stripe and marks them dirty.
func (n *newsroom) crowd(size int) []string {
	n.t.Helper()
	var ids []string
	for range size {
		customer, err := n.api.Customers.New(&stripe.CustomerParams{Email: stripe.String("x@example.org")})
		if err != nil {
			n.t.Fatal(err)
		}
		ids = append(ids, customer.ID)
	}
	n.settle()
	for _, id := range ids {
		mark(n, id)
	}
	return ids
}

// running is a lane in the background until the test ends or stop is called.
func (n *newsroom) running(s *billing.Service) (stop func()) {
	ctx, cancel := context.WithCancel(n.t.Context())
	var lane sync.WaitGroup
	lane.Go(func() { _ = s.Run(ctx) })
	stop = func() { cancel(); lane.Wait() }
	n.t.Cleanup(stop)
	return stop
}

// until looks until that many of the subjects are in this state.
func (n *newsroom) until(want int64, ids []string, state string) {
	n.t.Helper()
	eventually(n.t, func() bool {
		var got int64
		if err := n.db.Model(&models.SyncSubject{}).Where("id IN ? AND "+state, ids).Count(&got).Error; err != nil {
			n.t.Fatal(err)
		}
		return got >= want
	})
}

// eventually looks until something is so.
func eventually(t *testing.T, so func() bool) {
	t.Helper()
	patience, look := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer look.Stop()
	for !so() {
		select {
		case <-patience:
			t.Fatal("it never came to be")
		case <-look.C:
		}
	}
}

func (n *newsroom) subjects(ids []string) (all []models.SyncSubject) {
	n.t.Helper()
	if err := n.db.Where("id IN ?", ids).Find(&all).Error; err != nil {
		n.t.Fatal(err)
	}
	return all
}

// about says whether a request is about one of the customers.
func about(r *http.Request, ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(r.URL.String(), id) })
}

// diary is a log that is read while others write.
type diary struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) count(text string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Count(d.text.String(), text)
}

func (d *diary) logger() *slog.Logger { return slog.New(slog.NewTextHandler(d, nil)) }

// A customer on whom Stripe's answers hang holds its own worker and nobody else's,
// and those who hung before never have all of them.
func TestHangingCustomersLeaveTheOthersAWay(t *testing.T) {
	t.Parallel()
	n := open(t)
	all := n.crowd(20)
	hanging, others := all[:8], all[8:]
	if err := n.db.Model(&models.SyncSubject{}).Where("id IN ?", hanging[1:]).Update("attempts", 3).Error; err != nil {
		t.Fatal(err)
	}
	line := billing.Stripe(simtest.Key, n.proxy(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if about(r, hanging) {
			<-r.Context().Done()
			return
		}
		stripe.ServeHTTP(w, r)
	}))
	n.running(n.served(line, billing.Config{Workers: 4}, discard))
	n.until(int64(len(others)), others, "synced = dirty")
	for _, subject := range n.subjects(hanging) {
		if subject.Synced == subject.Dirty {
			t.Errorf("%s was synced: nothing hung", subject.ID)
		}
	}
}

// While Stripe is down nothing is claimed, so that no subject's tries are used up;
// once it is back everybody is synced. Each is told once.
func TestTheBreakerRestsTheLane(t *testing.T) {
	t.Parallel()
	n := open(t)
	ids, log := n.crowd(40), new(diary)
	var back, asked atomic.Int64
	line := billing.Stripe(simtest.Key, n.proxy(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		asked.Add(1)
		if back.Load() == 0 {
			refuse(w, http.StatusServiceUnavailable, "", "down")
			return
		}
		stripe.ServeHTTP(w, r)
	}))
	n.running(n.served(line, billing.Config{Workers: 4}, log.logger()).Resting(20 * time.Millisecond))
	eventually(t, func() bool { return log.count("Stripe is down") > 0 })
	n.until(8, ids, "attempts > 0 AND lease_token IS NULL") // it was probed since
	var burnt int64
	if err := n.db.Model(&models.SyncSubject{}).Where("id IN ? AND attempts > 1", ids).Count(&burnt).Error; err != nil || burnt > 12 {
		t.Errorf("%d subjects were tried again and again, %v", burnt, err)
	}
	back.Store(1)
	n.until(1, ids, "synced = dirty")
	n.real.advance(time.Hour)
	n.until(40, ids, "synced = dirty AND attempts = 0")
	if down, back := log.count("Stripe is down"), log.count("Stripe is back"); down != 1 || back != 1 {
		t.Errorf("told %d times that it is down, %d times that it is back", down, back)
	}
}

// What one customer alone meets, and what Stripe refuses, stops nobody.
func TestOnePoisonedCustomerOpensNoBreaker(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"refused": 400, "failing": 500} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := open(t)
			poisoned, log := n.crowd(1), new(diary)
			line := billing.Stripe(simtest.Key, n.proxy(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
				if about(r, poisoned) {
					refuse(w, status, "", "poison")
					return
				}
				stripe.ServeHTTP(w, r)
			}))
			n.running(n.served(line, billing.Config{Workers: 2}, log.logger()))
			for tries := range 8 {
				n.until(1, poisoned, fmt.Sprintf("attempts > %d AND lease_token IS NULL", tries))
				n.real.advance(2 * time.Hour)
			}
			if log.count("Stripe is down") > 0 {
				t.Error("one customer's trouble was taken for an outage")
			}
		})
	}
}

// What Stripe refuses is no outage, of however many customers in a row.
func TestRefusalsOpenNoBreaker(t *testing.T) {
	t.Parallel()
	n := open(t)
	ids, log := n.crowd(8), new(diary)
	line := billing.Stripe(simtest.Key, n.proxy(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		refuse(w, http.StatusForbidden, "", "not with this key")
	}))
	n.running(n.served(line, billing.Config{Workers: 2}, log.logger()))
	n.until(int64(len(ids)), ids, "attempts > 0 AND lease_token IS NULL")
	if log.count("Stripe is down") > 0 {
		t.Error("refusals were taken for an outage")
	}
}

// A process that ends gives back what it holds, so that the next need not wait for
// the lease.
func TestAnEndedProcessGivesItsSubjectsBack(t *testing.T) {
	t.Parallel()
	n := open(t)
	ids := n.crowd(1)
	hung := make(chan struct{}, 8)
	line := billing.Stripe(simtest.Key, n.proxy(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		hung <- struct{}{}
		<-r.Context().Done()
	}))
	stop := n.running(n.served(line, billing.Config{}, discard))
	<-hung
	stop()
	if s := n.subjects(ids)[0]; s.LeaseToken != nil || s.Attempts != 0 || s.FailingSince != nil {
		t.Errorf("%+v", s)
	}
	if due, err := n.ClaimDue(t.Context()); err != nil || due == nil {
		t.Errorf("not due: %v", err)
	}
}

// A subject that failed for a day is given up, told once and wakes with its next
// event for another day.
func TestADayOfFailuresIsTheEnd(t *testing.T) {
	t.Parallel()
	n := open(t)
	ids, log := n.crowd(1), new(diary)
	poisoned := n.served(billing.Stripe(simtest.Key, n.proxy(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		refuse(w, http.StatusBadRequest, "", "no")
	})), billing.Config{}, log.logger())
	fail := func() models.SyncSubject {
		poisoned.SyncClaimed(t.Context(), claim(n, ids[0]))
		return n.subjects(ids)[0]
	}
	fail()
	n.real.advance(billing.DeadAfter - time.Minute)
	if s := fail(); s.DeadAt != nil {
		t.Fatalf("given up early: %+v", s)
	}
	n.real.advance(2 * time.Minute)
	if s := fail(); s.DeadAt == nil || s.LastError == "" || log.count("gave a sync up") != 1 {
		t.Fatalf("not given up, or not told: %+v", s)
	}
	n.real.advance(2 * day)
	if due, err := n.ClaimDue(t.Context()); err != nil || due != nil {
		t.Errorf("a dead subject was claimed, %v", err)
	}
	mark(n, ids[0])
	if s := fail(); s.DeadAt != nil || s.FailingSince == nil || s.Attempts != 1 {
		t.Errorf("woken: %+v", s)
	}
}

// An outage of a day kills nobody; a customer who fails for a day while others are
// synced is at fault itself.
func TestAnOutageKillsNobody(t *testing.T) {
	t.Parallel()
	n := open(t)
	ids := n.crowd(2)
	down := n.through(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { refuse(w, 500, "", "down") })
	fail := func() models.SyncSubject {
		down.SyncClaimed(t.Context(), claim(n, ids[0]))
		return n.subjects(ids[:1])[0]
	}
	fail()
	n.real.advance(2 * billing.DeadAfter)
	if s := fail(); s.DeadAt != nil {
		t.Fatalf("killed by an outage: %+v", s)
	}
	if err := n.SyncOnce(t.Context(), claim(n, ids[1])); err != nil {
		t.Fatal(err)
	}
	if s := fail(); s.DeadAt == nil {
		t.Errorf("still tried, while others are synced: %+v", s)
	}
}

// A worker that is stopped between Stripe's answer and its own writing, for longer
// than the lease, writes nothing.
func TestAPauseBeforeTheWritingIsFenced(t *testing.T) {
	t.Parallel()
	n := open(t)
	sub := n.join(n.member("reader@example.org"), simtest.Pays)
	mark(n, sub.CustomerID)
	answered, goOn := make(chan struct{}), make(chan struct{})
	paused := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		stripe.ServeHTTP(w, r)
		if r.URL.Path == "/v1/payment_intents" { // the last request of a fetch
			close(answered)
			<-goOn
		}
	})
	slow := claim(n, sub.CustomerID)
	ended := make(chan error)
	go func() { ended <- paused.SyncOnce(t.Context(), slow) }()
	<-answered
	n.real.advance(billing.Lease + time.Second)
	quick := claim(n, sub.CustomerID)
	if _, err := n.api.Subscriptions.Cancel(sub.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := n.SyncOnce(t.Context(), quick); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if err := <-ended; !errors.Is(err, billing.ErrLeaseLost) {
		t.Errorf("the slow worker: %v", err)
	}
	var now models.Subscription
	if err := n.db.Where("id = ?", sub.ID).Take(&now).Error; err != nil || now.Status != models.Canceled {
		t.Errorf("the stale answer was written: %s, %v", now.Status, err)
	}
}

// A pool of two connections is slow, and right: workers, the intake and a reader
// share it without waiting for each other in a ring.
func TestAPoolOfTwo(t *testing.T) {
	t.Parallel()
	n := open(t)
	small, err := models.Open(t.Context(), n.db.Pool.Config().ConnString(), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(small.Close)
	reader := n.member("reader@example.org")
	ids := n.crowd(20)
	cramped := billing.New(small, billing.Stripe(simtest.Key, n.stripe.URL), billing.Config{PublicURL: "https://members.example.news"}, n.clock.now, n.real.now, discard)
	n.running(cramped)
	n.Service = cramped
	page, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	paid := n.stripe.Pay(t, page, simtest.Pays).Location
	var tabs sync.WaitGroup
	for range 6 {
		tabs.Go(func() { n.purchase(paid) })
	}
	tabs.Wait()
	n.until(20, ids, "synced = dirty")
	n.reads(reader, true)
}
