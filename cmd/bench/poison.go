package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/stripesim"
)

const (
	// others are synced beside one on whom Stripe's answers hang.
	others = 200
	// poisonings is how often: each time another one hangs, in turn with a time when
	// nobody does.
	poisonings = 7
)

// measurePoison is how much longer it takes until everybody else is synced while
// Stripe never answers about one customer, who did not fail before.
func measurePoison(ctx context.Context) ([]figure, error) {
	return atWork(ctx, "poison", others+poisonings, func(n *newsroom, serving *running) ([]figure, error) {
		conn, err := pgx.Connect(ctx, n.database)
		if err != nil {
			return nil, err
		}
		defer conn.Close(ctx)
		if _, err := n.syncOthers(ctx, conn, serving.address, "first", n.customers[0]); err != nil {
			return nil, err
		}
		var ratios, without []float64
		for _, poisoned := range n.customers[others:] {
			well, ill, err := n.poisoning(ctx, conn, serving.address, poisoned)
			if err != nil {
				return nil, err
			}
			ratios, without = append(ratios, ill/well), append(without, well)
		}
		if n.sim.Injected()[stripesim.Hang] < poisonings {
			return nil, errors.New("not everybody hung who should")
		}
		return []figure{
			told(fmt.Sprintf("sync of %d customers", others), median(without), "s"),
			atMost("the same while Stripe hangs on one more", median(ratios), 2, "×"),
		}, nil
	})
}

// poisoning is how long everybody else takes while nobody hangs, and while one does.
func (n *newsroom) poisoning(ctx context.Context, conn *pgx.Conn, address, poisoned string) (well, ill float64, err error) {
	if well, err = n.syncOthers(ctx, conn, address, "well_"+poisoned, n.customers[0]); err != nil {
		return 0, 0, err
	}
	slow := stripesim.Fault{Do: stripesim.Slow, Min: answersIn, Max: answersIn}
	if err := n.sim.Inject(1, slow, stripesim.Fault{Do: stripesim.Hang, Customer: poisoned}); err != nil {
		return 0, 0, err
	}
	ill, err = n.syncOthers(ctx, conn, address, "ill_"+poisoned, poisoned)
	return well, ill, errors.Join(err, n.sim.Inject(1, slow))
}

// syncOthers tells of one event of each customer, first of one more, and returns the
// seconds until everybody but that one is synced.
func (n *newsroom) syncOthers(ctx context.Context, conn *pgx.Conn, address, round, first string) (float64, error) {
	letters := [][]byte{letter("evt_"+round, first)}
	for i, customer := range n.customers[:others] {
		letters = append(letters, letter(fmt.Sprintf("evt_%s_%d", round, i), customer))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	begun := time.Now()
	if _, err := fire(ctx, address, pool, letters); err != nil {
		return 0, err
	}
	for left := 1; left > 0; wait(ctx, time.Millisecond) {
		err := conn.QueryRow(ctx, "SELECT count(*) FROM sync_subjects WHERE id = ANY ($1) AND synced < dirty", n.customers[:others]).Scan(&left)
		if err != nil {
			return 0, fmt.Errorf("wait until %s is synced: %w", round, err)
		}
	}
	return time.Since(begun).Seconds(), nil
}
