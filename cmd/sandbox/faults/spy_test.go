package faults

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"newsroom.example/membership/internal/pglocal/pgtest"
)

// A transaction that does nothing until its call is answered is open across it. One
// that works on meanwhile, however slowly, waits for its turn and not for Stripe.
func TestTheSpyTellsTransactionsApart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		works  string
		inside int
	}{
		"waits":    {"", 1},
		"goes on":  {"SELECT 1", 0},
		"ends":     {"COMMIT", 0},
		"is a new": {"COMMIT; BEGIN", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.Open(t)
			tx, err := db.Pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Release()
			if _, err := tx.Exec(t.Context(), "BEGIN"); err != nil {
				t.Fatal(err)
			}
			s := spyOn(t, db.Pool)
			worked := make(chan error, 1)
			time.AfterFunc(spyPatience/6, func() {
				var err error
				if c.works != "" {
					_, err = tx.Exec(t.Context(), c.works)
				}
				worked <- err
			})
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			if err := <-worked; err != nil {
				t.Error(err)
			}
			if calls, inside, err := s.seen(); calls != 1 || inside != c.inside || err != nil {
				t.Errorf("%d of %d calls, %v", inside, calls, err)
			}
			if _, err := tx.Exec(t.Context(), "ROLLBACK"); err != nil {
				t.Error(err)
			}
		})
	}
}

// spyOn watches the database that a pool leads to, before a Stripe that answers nothing.
func spyOn(t *testing.T, pool *pgxpool.Pool) *spy {
	t.Helper()
	s := &spy{next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), db: pool}
	s.watch(true)
	row := pool.QueryRow(t.Context(), "SELECT current_database()")
	if err := row.Scan(&s.name); err != nil {
		t.Fatal(err)
	}
	return s
}
