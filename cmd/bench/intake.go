package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/cmd/service"
	"newsroom.example/membership/internal/pglocal"
)

// salvoes is how often each of those compared is fired at, in turn with the others.
// Many short ones: what else the machine does then hits all of them alike.
const salvoes = 15

// shots are how many deliveries go over how many connections: a fraction of a
// second's worth.
var shots = []struct {
	conns, letters int
	compared       bool
}{{1, 300, true}, {8, 1500, false}, {32, 1500, true}, {100, 2000, false}}

// careful is a Postgres on disk that keeps its commits. In memory, where a private
// one would be by itself, a commit costs nothing and sharing one gains nothing.
func careful(ctx context.Context) (server *pglocal.Server, end func() error, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, nil, err
	}
	data := filepath.Join(dir, "postgres")
	server, err = pglocal.Start(ctx, pglocal.Options{Dir: data, Durable: true})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return server, func() error {
		return errors.Join(server.Stop(), pglocal.Remove(context.WithoutCancel(ctx), data), os.RemoveAll(dir))
	}, nil
}

// measureIntake fires deliveries at the service and at what it is compared with.
func measureIntake(ctx context.Context) (figures []figure, err error) {
	postgres, end, err := careful(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	at := map[string]string{}
	for _, name := range []string{"ours", "group", "gorm"} {
		url, err := database(ctx, postgres, name)
		if err != nil {
			return nil, err
		}
		s, err := startStand(ctx, name, url)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.stop()) }()
		at[name] = s.address
	}
	seen := results{}
	for salvo := range salvoes {
		if err := seen.salvo(ctx, at, salvo); err != nil {
			return nil, err
		}
	}
	beside, err := besideIt(ctx, postgres)
	return append(seen.figures(), beside...), err
}

// besideIt is what Postgres alone does with one commit for each event.
func besideIt(ctx context.Context, postgres *pglocal.Server) (figures []figure, err error) {
	url, err := database(ctx, postgres, "pgbench")
	if err != nil {
		return nil, err
	}
	for _, clients := range []int{1, 8, 32} {
		perSecond, err := pgbenchRate(ctx, postgres, url, clients)
		if err != nil {
			return nil, err
		}
		figures = append(figures, told(fmt.Sprintf("pgbench, the same rows, %d clients", clients), perSecond, "/s"))
	}
	return figures, nil
}

// database is a new, migrated one.
func database(ctx context.Context, postgres *pglocal.Server, name string) (url string, err error) {
	if err := execute(ctx, postgres.URL(""), `CREATE DATABASE "`+name+`"`); err != nil {
		return "", err
	}
	url = postgres.URL(name)
	return url, service.Migrate(ctx, service.Config{DatabaseURL: url})
}

func execute(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// results are the salvoes by who was fired at and over how many connections.
type results map[string]map[int][]volley

func (r results) add(name string, conns int, v volley) {
	if r[name] == nil {
		r[name] = map[int][]volley{}
	}
	r[name][conns] = append(r[name][conns], v)
}

// salvo fires every shot at everyone whom it is for.
func (r results) salvo(ctx context.Context, at map[string]string, number int) error {
	for _, shot := range shots {
		for name, address := range at {
			if name != "ours" && !shot.compared {
				continue
			}
			v, err := fire(ctx, address, shot.conns, letters(fmt.Sprintf("%d_%d", number, shot.conns), shot.letters))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			r.add(name, shot.conns, v)
		}
	}
	return nil
}

// of is the median of one figure of every salvo.
func (r results) of(name string, conns int, value func(volley) float64) float64 {
	var values []float64
	for _, v := range r[name][conns] {
		values = append(values, value(v))
	}
	return median(values)
}

// over is the median of one ÷ another, salvo by salvo.
func (r results) over(one, another string, conns int) float64 {
	var ratios []float64
	for i, v := range r[one][conns] {
		ratios = append(ratios, v.perSecond/r[another][conns][i].perSecond)
	}
	return median(ratios)
}

func rate(v volley) float64 { return v.perSecond }
func tail(v volley) float64 { return v.p99 }

func (r results) figures() (all []figure) {
	for _, shot := range shots {
		at := fmt.Sprintf("intake, %d connections", shot.conns)
		all = append(all, told(at+": acknowledged", r.of("ours", shot.conns, rate), "/s"), told(at+": p99", r.of("ours", shot.conns, tail), "ms"))
		if shot.compared {
			all = append(all,
				told(at+": bare net/http + pgx", r.of("group", shot.conns, rate), "/s"),
				told(at+": Echo + GORM, body stored", r.of("gorm", shot.conns, rate), "/s"))
		}
	}
	return append(all,
		atLeast("intake ÷ bare net/http + pgx, 32 connections", r.over("ours", "group", 32), 0.8),
		atLeast("intake ÷ Echo + GORM, 32 connections", r.over("ours", "gorm", 32), 2.5),
		atLeast("intake ÷ Echo + GORM, 1 connection", r.over("ours", "gorm", 1), 1.5))
}
