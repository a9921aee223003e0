package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
)

func invoice(event, customer string) string {
	return eventBody(event, fmt.Sprintf(`{"id":"in_1","object":"invoice","customer":%q}`, customer))
}

// sql runs statements that stand in for what goes wrong in a database.
func (end *endpoint) sql(statements string) {
	end.t.Helper()
	if err := end.db.Exec(statements).Error; err != nil {
		end.t.Fatal(err)
	}
}

// held runs fn while every commit of events has to wait, and lets them go after.
func (end *endpoint) held(fn func()) {
	end.t.Helper()
	err := end.db.Write(end.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("LOCK TABLE stripe_events IN EXCLUSIVE MODE").Error; err != nil {
			return err
		}
		fn()
		return nil
	})
	if err != nil {
		end.t.Fatal(err)
	}
}

// waiting says that n sessions of this database wait for a lock.
func (end *endpoint) waiting(n int) {
	end.t.Helper()
	end.until(fmt.Sprintf("%d statements wait", n), func() bool {
		var count int
		err := end.db.Raw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&count).Error
		if err != nil {
			end.t.Fatal(err)
		}
		return count == n
	})
}

func (end *endpoint) until(what string, done func() bool) {
	end.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(deadline) {
			end.t.Fatalf("not seen in ten seconds: %s", what)
		}
	}
}

// A hundred senders at once: every event is stored and counts exactly once, and
// they share far fewer commits than there are events.
func TestACrowdSharesCommits(t *testing.T) {
	t.Parallel()
	end := open(t)
	const senders, each, customers = 100, 10, 10
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for i := range each {
				if status := end.deliver(invoice(fmt.Sprintf("evt_%d_%d", sender, i), fmt.Sprintf("cus_%d", i%customers))); status != http.StatusOK {
					t.Errorf("status %d", status)
				}
			}
		})
	}
	all.Wait()
	for i := range customers {
		if dirty := end.dirty(fmt.Sprintf("cus_%d", i)); dirty != senders*each/customers {
			t.Errorf("cus_%d: dirty %d, want %d", i, dirty, senders*each/customers)
		}
	}
	if stored := len(end.events()); stored != senders*each {
		t.Errorf("%d events stored, want %d", stored, senders*each)
	}
	if commits := end.woken.Load(); commits > senders*each/2 {
		t.Errorf("%d commits for %d events", commits, senders*each)
	}
}

// One event that Postgres refuses does not take those with it that came along.
func TestASpoiledBatchSparesTheOthers(t *testing.T) {
	t.Parallel()
	end := open(t)
	end.sql("ALTER TABLE stripe_events ADD CHECK (id <> 'evt_bad')")
	statuses := map[string]int{}
	var one sync.Mutex
	var all sync.WaitGroup
	deliver := func(event string) {
		all.Go(func() {
			status := end.deliver(invoice(event, "cus_"+event))
			one.Lock()
			defer one.Unlock()
			statuses[event] = status
		})
	}
	end.held(func() {
		deliver("evt_first") // in a commit of its own, which the others wait for
		end.waiting(1)
		for _, event := range []string{"evt_1", "evt_2", "evt_bad", "evt_3", "evt_4"} {
			deliver(event)
		}
		end.until("the others are in", func() bool { return end.intake.Waiting() == 6 })
	})
	all.Wait()
	for event, status := range statuses {
		want := http.StatusOK
		if event == "evt_bad" {
			want = http.StatusServiceUnavailable
		}
		if status != want {
			t.Errorf("%s: status %d, want %d", event, status, want)
		}
	}
	if got := len(end.events()); got != 5 || end.dirty("cus_evt_bad") != 0 {
		t.Errorf("%d events, dirty %d", got, end.dirty("cus_evt_bad"))
	}
}

// The sender that opened a batch goes away: what came along is stored all the same.
func TestABatchOutlivesItsFirstSender(t *testing.T) {
	t.Parallel()
	end := open(t)
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	var status int
	var all sync.WaitGroup
	end.held(func() {
		all.Go(func() { end.deliver(invoice("evt_0", "cus_1")) })
		end.waiting(1)
		go func() { gone <- end.send(ctx, invoice("evt_1", "cus_1")) }()
		end.until("the first of the batch is in", func() bool { return end.intake.Waiting() == 2 })
		all.Go(func() { status = end.deliver(invoice("evt_2", "cus_1")) })
		end.until("another is in", func() bool { return end.intake.Waiting() == 3 })
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("the first sender: %v", err)
		}
	})
	all.Wait()
	if status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	end.until("all three are stored", func() bool { return len(end.events()) == 3 })
	end.until("nobody is left", func() bool { return end.intake.Waiting() == 0 })
}

// send is a delivery whose sender may leave.
func (end *endpoint) send(ctx context.Context, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, end.url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Stripe-Signature", header(body, secret, noon))
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		res.Body.Close()
	}
	return err
}

// An acknowledgement comes after the commit: what fails at that last moment was
// not acknowledged.
func TestACommitThatFailsIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	end := open(t)
	end.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = '58030'; END $$;
		CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON stripe_events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
	if status := end.deliver(invoice("evt_1", "cus_1")); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	if len(end.events()) != 0 || end.dirty("cus_1") != 0 || end.woken.Load() != 0 {
		t.Errorf("%d events, dirty %d, woken %d", len(end.events()), end.dirty("cus_1"), end.woken.Load())
	}
}
