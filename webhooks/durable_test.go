package webhooks_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"newsroom.example/membership/internal/pglocal"
	"newsroom.example/membership/models"
)

// careful is the intake on a server of its own that keeps its commits, unlike that
// of other tests, and can be crashed.
func careful(t *testing.T) (*endpoint, *pglocal.Server) {
	t.Helper()
	server, err := pglocal.Start(t.Context(), pglocal.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := models.Migrate(t.Context(), server.URL("")); err != nil {
		t.Fatal(err)
	}
	db, err := models.Open(t.Context(), server.URL(""), 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return openOn(t, db, secret), server
}

// The session that commits events has not traded durability for speed: what a
// trigger sees is what holds in that very transaction.
func TestCommitsAreSynchronous(t *testing.T) {
	t.Parallel()
	end, _ := careful(t)
	end.sql(`CREATE TABLE seen (setting text);
		CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO seen VALUES (current_setting('synchronous_commit') || ' ' || current_setting('fsync')); RETURN NULL; END $$;
		CREATE TRIGGER see AFTER INSERT ON stripe_events FOR EACH ROW EXECUTE FUNCTION see()`)
	if status := end.deliver(invoice("evt_1", "cus_1")); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	var seen []string
	if err := end.db.Raw("SELECT setting FROM seen").Scan(&seen).Error; err != nil || len(seen) != 1 || seen[0] != "on on" {
		t.Errorf("synchronous_commit and fsync were %q, %v", seen, err)
	}
}

// Connections are cut and then Postgres crashes in the middle of deliveries: what
// was acknowledged is there, marked for its subject.
func TestWhatWasAcknowledgedSurvives(t *testing.T) {
	t.Parallel()
	end, server := careful(t)
	acknowledged := make(chan string, 100_000)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var senders sync.WaitGroup
	for sender := range 16 {
		senders.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("evt_%d_%d", sender, i)
				if end.deliver(invoice(id, fmt.Sprintf("cus_%d", i%10))) == http.StatusOK {
					acknowledged <- id
				}
			}
		})
	}
	more := func(n int) {
		from := len(acknowledged)
		end.until("further acknowledgements", func() bool { return len(acknowledged) >= from+n })
	}
	for range 5 {
		more(50)
		_ = end.db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Error // it may cut itself short
	}
	for range 2 {
		more(50)
		if err := server.Crash(); err != nil {
			t.Fatal(err)
		}
		if err := server.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	more(50)
	stop()
	senders.Wait()
	close(acknowledged)
	end.wantKept(acknowledged)
}

func (end *endpoint) wantKept(acknowledged <-chan string) {
	end.t.Helper()
	kept := map[string]bool{}
	for _, event := range end.events() {
		kept[event.ID] = event.Dirty <= end.dirty(*event.SubjectID)
	}
	for id := range acknowledged {
		if !kept[id] {
			end.t.Errorf("%s was acknowledged and is lost, or its subject is not marked", id)
		}
	}
}
