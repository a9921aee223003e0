package faults

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"newsroom.example/membership/internal/stripesim"
)

// spy stands before the simulated Stripe and looks, at each call that it watches,
// whether the service has a transaction open meanwhile.
type spy struct {
	next http.Handler
	db   *pgxpool.Pool
	name string // of the database

	mu          sync.Mutex
	watching    bool
	calls, held int
	err         error
}

// slowCalls makes every call take so long.
func slowCalls(by time.Duration) stripesim.Fault {
	return stripesim.Fault{Do: stripesim.Slow, Min: by}
}

func (s *spy) watch(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watching = on
}

func (s *spy) seen() (calls, held int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, s.held, s.err
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
	before, err1 := s.transactions(context.WithoutCancel(r.Context()))
	s.next.ServeHTTP(w, r)
	after, err2 := s.transactions(context.WithoutCancel(r.Context()))
	s.note(before, after, errors.Join(err1, err2))
}

func (s *spy) note(before, after map[transaction]bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.err = errors.Join(s.err, err)
	for t := range after {
		if before[t] {
			s.held++
			return
		}
	}
}

// transaction is one that is open, by its connection and its beginning.
type transaction struct {
	PID   int
	Begun time.Time
}

// transactions are those of the service in which nothing happens just now: Postgres
// waits for the service, as it would while the service waits for Stripe.
func (s *spy) transactions(ctx context.Context) (map[transaction]bool, error) {
	rows, err := s.db.Query(ctx, `SELECT pid, xact_start FROM pg_stat_activity
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
