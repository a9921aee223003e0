// Package faults breaks the membership service on purpose and looks whether it kept
// its promises: an acknowledged event is never lost, a payment is counted exactly
// once, and every reader may read what Stripe's present state says.
//
// Each row of the fault matrix has a world of its own: a database in a real Postgres
// with fsync on, the simulated Stripe, a mail server, and replicas of the service as
// processes of their own, which it kills, stops and starves. When things are quiet
// again an oracle looks at Stripe, at the database and at what readers are told. The
// oracle imports nothing of billing.
//
// It measures nothing that is promised to be fast: the times are for information.
// That is cmd/bench.
package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"newsroom.example/membership/billing"
)

// Options is what a run is made of.
type Options struct {
	Program   string // bin/sandbox, which is started as `node`
	Catalog   billing.Catalog
	Transport http.RoundTripper // to *.localhost
	Rows      []string          // names; none is every row
	Seed      uint64
	Full      bool   // the long form
	Parallel  int    // rows at once, where they do not need the machine
	Dir       string // logs of rows that fell, and nothing else
	Out       io.Writer
}

// ErrFell says that some row does not hold; the table says which. ErrUnknown says that
// there is no such row.
var (
	ErrFell    = errors.New("not every row holds")
	ErrUnknown = errors.New("no such row")
)

// Run tries every row, prints the table, and returns ErrFell if any row fell.
func Run(ctx context.Context, o Options) (err error) {
	chosen, err := choose(o)
	if err != nil {
		return err
	}
	begun := time.Now()
	g, err := newGround(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close(ctx)) }()
	outcomes := make([]outcome, len(chosen))
	runAll(ctx, g, o, chosen, outcomes)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	writeTable(o.Out, outcomes)
	return conclude(o, outcomes, time.Since(begun))
}

// choose are the rows that were asked for, in the order of the matrix.
func choose(o Options) ([]row, error) {
	for _, name := range o.Rows {
		if !slices.ContainsFunc(matrix, func(r row) bool { return r.name == name }) {
			return nil, fmt.Errorf("%w: %s; there are: %s", ErrUnknown, name, names(matrix))
		}
	}
	var chosen []row
	for _, r := range matrix {
		if asked := slices.Contains(o.Rows, r.name); asked || len(o.Rows) == 0 && (o.Full || !r.full) {
			chosen = append(chosen, r)
		}
	}
	return chosen, nil
}

// runAll runs most rows side by side, and then those that need the machine.
func runAll(ctx context.Context, g *ground, o Options, chosen []row, outcomes []outcome) {
	var group sync.WaitGroup
	slots := make(chan struct{}, max(o.Parallel, 1))
	for i, r := range chosen {
		if r.alone {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			outcomes[i] = try(ctx, g, o, r)
		})
	}
	group.Wait()
	for i, r := range chosen {
		if r.alone {
			outcomes[i] = try(ctx, g, o, r)
		}
	}
}

// outcome is what became of a row.
type outcome struct {
	row
	injected, checked string
	took              time.Duration
	findings          []finding
	err               error
}

func (o outcome) holds() bool { return o.err == nil && len(o.findings) == 0 }

// rowPatience bounds a row; a row that hangs has fallen.
const rowPatience = 15 * time.Minute

// try runs one row in a world of its own.
func try(ctx context.Context, g *ground, o Options, r row) (out outcome) {
	out = outcome{row: r}
	if ctx.Err() != nil {
		return out
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, rowPatience)
	defer cancel()
	dir := filepath.Join(o.Dir, r.name)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		out.err = err
		return out
	}
	w, err := newWorld(ctx, g, o, r, dir)
	if err == nil {
		out.findings, out.err = w.live(ctx, r)
		out.injected, out.checked = w.injected.String(), w.checked.String()
		err = w.close()
	}
	out.err, out.took = errors.Join(out.err, err), time.Since(begun)
	if out.holds() {
		out.err = os.RemoveAll(dir)
	}
	fmt.Fprintf(o.Out, "  %s %s (%.1f s)\n", r.name, out.verdict(), out.took.Seconds())
	return out
}

// live runs the row, lets things become quiet, judges, and stops the replicas. A
// panic of a row is that row's fall.
func (w *world) live(ctx context.Context, r row) (findings []finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err := r.run(ctx, w); err != nil {
		return w.findings, err
	}
	if err := w.quiet(ctx); err != nil {
		return w.findings, err
	}
	judged, err := w.judge(ctx)
	w.checked.add("moments before", w.moments)
	if err != nil {
		return append(w.findings, judged...), err
	}
	return append(w.findings, judged...), w.leave(ctx)
}

// leave stops the replicas in order and looks whether anything of them is left.
func (w *world) leave(ctx context.Context) error {
	running := 0
	for _, p := range w.nodes {
		if p != nil {
			running++
		}
	}
	if err := w.stopNodes(); err != nil {
		return err
	}
	w.shop.db.Close()
	w.checked.add("clean exits", running)
	return until(ctx, stopWithin, "no connection of a stopped node is left", func(ctx context.Context) (bool, error) {
		var left int
		err := w.db.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'membership'", w.database).Scan(&left)
		return left == 0, err
	})
}
