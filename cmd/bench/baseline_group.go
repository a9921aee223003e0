package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stripe/stripe-go/v76/webhook"
)

// group is the least that a careful intake can be, and what ours is held against:
// net/http, the signature, the few fields, and a commit shared by those who wait for
// it, of the same event and subject rows. It has no bounds, no log, no redelivery
// rules and no second chance for a batch that fails.
type group struct {
	pool *pgxpool.Pool
	turn sync.Mutex // of the one who commits

	mu   sync.Mutex
	open *groupBatch
}

type groupBatch struct {
	events []groupEvent
	err    error
	done   chan struct{}
}

type groupEvent struct {
	ID, Type   string
	Created    int64
	APIVersion string `json:"api_version"`
	Data       struct {
		Object struct{ ID, Object, Customer string }
	}
}

func baselineGroup(ctx context.Context, url string) (http.Handler, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = pool
	connections, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	g := &group{pool: connections}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+intakePath, g.receive)
	return mux, nil
}

func (g *group) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = webhook.ValidatePayload(body, r.Header.Get("Stripe-Signature"), signingSecret)
	}
	var e groupEvent
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if err := g.store(e); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (g *group) store(e groupEvent) error {
	g.mu.Lock()
	if g.open == nil {
		g.open = &groupBatch{done: make(chan struct{})}
	}
	b := g.open
	b.events = append(b.events, e)
	leads := len(b.events) == 1
	g.mu.Unlock()
	if leads {
		g.turn.Lock()
		g.mu.Lock()
		g.open = nil
		g.mu.Unlock()
		b.err = g.commit(b.events)
		g.turn.Unlock()
		close(b.done)
	}
	<-b.done
	return b.err
}

func (g *group) commit(events []groupEvent) error {
	now := time.Now()
	n := len(events)
	ids, types, versions, kinds, objects, customers, created :=
		make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]time.Time, n)
	for i, e := range events {
		ids[i], types[i], versions[i], created[i] = e.ID, e.Type, e.APIVersion, time.Unix(e.Created, 0)
		kinds[i], objects[i], customers[i] = e.Data.Object.Object, e.Data.Object.ID, e.Data.Object.Customer
	}
	_, err := g.pool.Exec(context.Background(), `
		WITH marked AS (
			INSERT INTO sync_subjects (id, account, livemode, kind, dirty, next_at)
			SELECT customer, '', false, 'customer', count(*), $8::timestamptz FROM unnest($6::text[]) AS c (customer) GROUP BY customer ORDER BY customer
			ON CONFLICT (id) DO UPDATE SET dirty = sync_subjects.dirty + excluded.dirty RETURNING id, dirty
		)
		INSERT INTO stripe_events (id, account, livemode, type, api_version, object_type, object_id, quarantined, subject_id, dirty, body_hash, created_at, received_at)
		SELECT e.id, '', false, e.type, e.version, e.kind, e.object, false, m.id, m.dirty, $9::bytea, e.created, $8::timestamptz
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
			AS e (id, type, version, kind, object, customer, created) JOIN marked m ON m.id = e.customer
		ON CONFLICT (id) DO NOTHING`, ids, types, versions, kinds, objects, customers, created, now, noHash[:])
	return err
}

var noHash [32]byte
