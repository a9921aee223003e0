package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

const (
	// newReaders begin to pay, newEvery apart: 50 events a second for ten seconds.
	newReaders = 500
	newEvery   = 20 * time.Millisecond
)

// measureLatency is how long it takes from sending the event of a payment until the
// commit that lets its reader in.
func measureLatency(ctx context.Context) ([]figure, error) {
	return atWork(ctx, "latency", newReaders, func(n *newsroom, serving *running) ([]figure, error) {
		times, err := n.admit(ctx, serving.address)
		if err != nil {
			return nil, err
		}
		return []figure{
			told("event to entitlement at 50 events/s: p50", percentile(times, 0.5), "ms"),
			atMost("event to entitlement at 50 events/s: p99", percentile(times, 0.99), 250, "ms"),
		}, nil
	})
}

// telling makes Postgres say, as part of the commit, whose customer got in.
const telling = `CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM pg_notify('admitted', (SELECT id FROM customers WHERE member_id = NEW.member_id)); RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER tell AFTER INSERT ON grants DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell()`

// admit sends the events, evenly spaced, and returns the milliseconds that each
// reader waited.
func (n *newsroom) admit(ctx context.Context, address string) ([]float64, error) {
	if err := execute(ctx, n.database, telling); err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, n.database)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "LISTEN admitted"); err != nil {
		return nil, err
	}
	sent := make(map[string]time.Time, newReaders)
	begun := time.Now().Add(newEvery)
	for i, customer := range n.customers {
		sent[customer] = begun.Add(time.Duration(i) * newEvery)
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, customer := range n.customers {
		group.Go(func() error { return sendAt(ctx, address, sent[customer], letter(fmt.Sprint("evt_new_", i), customer)) })
	}
	var times []float64
	group.Go(func() (err error) {
		times, err = admitted(ctx, conn, sent)
		return err
	})
	return times, group.Wait()
}

func admitted(ctx context.Context, conn *pgx.Conn, sent map[string]time.Time) (times []float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for len(times) < len(sent) {
		heard, err := conn.WaitForNotification(ctx)
		if err != nil {
			return nil, fmt.Errorf("%d of %d readers got in: %w", len(times), len(sent), err)
		}
		times = append(times, time.Since(sent[heard.Payload]).Seconds()*1000)
	}
	return times, nil
}

// sendAt sends a letter at its time, over a connection of its own.
func sendAt(ctx context.Context, address string, at time.Time, letter []byte) error {
	select {
	case <-time.After(time.Until(at)):
	case <-ctx.Done():
		return ctx.Err()
	}
	line, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer line.conn.Close()
	status, err := line.send(letter)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d", status)
	}
	return err
}
