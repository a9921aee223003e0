// Command bench measures what was promised of the paywall and of the service on
// this machine, and says of each figure whether it keeps its target. It measures no
// throughput and compares no machines. Run it with `make bench`: it needs
// bin/membership and the sources.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	missed, err := run(ctx, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if missed > 0 {
		os.Exit(1)
	}
}

// figure is one measurement and the most that it may be.
type figure struct {
	what          string
	value, target float64
	unit          string
}

func (f figure) kept() bool { return f.value <= f.target }

func (f figure) String() string {
	verdict := "ok"
	if !f.kept() {
		verdict = "MISSED"
	}
	return fmt.Sprintf("%-48s %8.3g %-11s at most %5.4g  %s", f.what, f.value, f.unit, f.target, verdict)
}

// run measures, prints every figure, and returns how many missed their target.
func run(ctx context.Context, out io.Writer) (missed int, err error) {
	for _, measure := range []func(context.Context) ([]figure, error){measurePaywall, measureService} {
		figures, err := measure(ctx)
		if err != nil {
			return missed, err
		}
		for _, f := range figures {
			fmt.Fprintln(out, f)
			if !f.kept() {
				missed++
			}
		}
	}
	return missed, nil
}

// median leaves out what a busy machine did to some of the rounds.
func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	if len(values) == 0 {
		return 0
	}
	return values[len(values)/2]
}
