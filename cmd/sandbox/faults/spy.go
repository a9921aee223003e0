package faults

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// spy stands before the simulated Stripe and looks, at each call that it watches,
// whether the service has a transaction open that waits for the call.
type spy struct {
	next http.Handler
	db   *pgxpool.Pool
	name string // of the database

	mu            sync.Mutex
	watching      bool
	calls, inside int
	err           error
}

func (s *spy) watch(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watching = on
}

func (s *spy) seen() (calls, inside int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, s.inside, s.err
}

func (s *spy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	watching := s.watching
	s.mu.Unlock()
	if !watching {
		s.next.ServeHTTP(w, r)
		return
	}
	// Not the request's context: what its client does must not blind us.
	held, err := s.held(context.WithoutCancel(r.Context()))
	s.note(held, err)
	s.next.ServeHTTP(w, r)
}

func (s *spy) note(held bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if held {
		s.inside++
	}
	s.err = errors.Join(s.err, err)
}

// spyPatience is how long a call is held back at most. A worker that only waits for
// its turn on a busy machine has run a statement long before; the service gives a call
// up much later.
const spyPatience = 3 * time.Second

// held says whether a transaction that is open when a call comes goes on to its next
// statement, or to its end, only once the call is answered: as long as it stays as it
// is, the answer is held back.
func (s *spy) held(ctx context.Context) (bool, error) {
	open, err := s.transactions(ctx)
	for patience := time.After(spyPatience); err == nil && len(open) > 0; {
		select {
		case <-patience:
			return true, nil
		case <-time.After(lookEvery):
		}
		var now map[transaction]bool
		now, err = s.transactions(ctx)
		maps.DeleteFunc(open, func(t transaction, _ bool) bool { return !now[t] })
	}
	return false, err
}

// transaction is one that is open, by its connection, its beginning and the end of its
// last statement.
type transaction struct {
	PID            int
	Begun, Touched time.Time
}

// transactions are those of the service in which nothing happens just now: Postgres
// waits for the service, as it would while the service waits for Stripe.
func (s *spy) transactions(ctx context.Context) (map[transaction]bool, error) {
	rows, err := s.db.Query(ctx, `SELECT pid, xact_start, state_change FROM pg_stat_activity
		WHERE datname = $1 AND application_name = 'membership' AND state LIKE 'idle in transaction%'`, s.name)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[transaction])
	open := map[transaction]bool{}
	for _, t := range all {
		open[t] = true
	}
	return open, err
}
