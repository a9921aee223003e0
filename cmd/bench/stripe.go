package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/stripesim"
)

// newsroom is the real program with a simulated Stripe, a database on disk and
// readers who have paid, of which it has not heard yet.
type newsroom struct {
	settings  []string
	database  string
	customers []string // at Stripe, one per reader
	sim       *stripesim.Sim
	close     func() error
}

// answersIn is how long the simulated Stripe takes over each call.
const answersIn = 5 * time.Millisecond

// openNewsroom prepares it, but for the start of the program.
func openNewsroom(ctx context.Context, databaseURL string, readers int) (*newsroom, error) {
	sim, err := stripesim.New(stripesim.Config{Clock: time.Now})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: sim} //nolint:gosec // only this program's own calls come here
	go func() { _ = server.Serve(listener) }()
	n := &newsroom{
		settings: append(environment(databaseURL), "STRIPE_API_BASE=http://"+listener.Addr().String(), "STRIPE_RATE=100000", "STRIPE_ENDPOINT_RATE=100000"),
		database: databaseURL, sim: sim,
		close: func() error {
			return errors.Join(sim.Close(), server.Close())
		},
	}
	// The sweeps pass before anybody pays: the next ones come when all is measured.
	for _, step := range [][]string{{"catalog", "apply", "catalog.yaml"}, {"reconcile"}} {
		if err := command(ctx, n.settings, step...); err != nil {
			return nil, err
		}
	}
	if err := n.enrol(ctx, readers); err != nil {
		return nil, fmt.Errorf("enrol readers: %w", err)
	}
	return n, sim.Inject(1, stripesim.Fault{Do: stripesim.Slow, Min: answersIn, Max: answersIn})
}

// atWork measures the service at work: the program itself, with a newsroom of so
// many readers around it.
func atWork(ctx context.Context, name string, readers int, measure func(n *newsroom, serving *running) ([]figure, error)) (figures []figure, err error) {
	postgres, end, err := careful(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	url, err := database(ctx, postgres, name)
	if err != nil {
		return nil, err
	}
	n, err := openNewsroom(ctx, url, readers)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	serving, err := serve(ctx, n.settings)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, serving.stop()) }()
	return measure(n, serving)
}

// enrol makes members here and their paid subscriptions at Stripe, bound by our id.
func (n *newsroom) enrol(ctx context.Context, readers int) error {
	conn, err := pgx.Connect(ctx, n.database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	ids := make([]string, readers)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7()).String()
	}
	_, err = conn.Exec(ctx, `INSERT INTO members (id, email, name, locale, created_at, updated_at)
		SELECT id, 'reader-' || id || '@example.news', '', 'en', now(), now() FROM unnest($1::uuid[]) AS m (id)`, ids)
	if err != nil {
		return err
	}
	var price string
	if err := conn.QueryRow(ctx, "SELECT id FROM prices ORDER BY plan_id, currency LIMIT 1").Scan(&price); err != nil {
		return err
	}
	subscriptions, err := n.sim.Seed(stripesim.Seed{Readers: readers, Price: price, Reader: func(i int) stripesim.SeedReader {
		return stripesim.SeedReader{Metadata: map[string]string{"app": "membership", "member_id": ids[i]}}
	}})
	for _, s := range subscriptions {
		n.customers = append(n.customers, s.Customer)
	}
	return err
}
