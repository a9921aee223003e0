// Command bench measures what was promised of the paywall and of the service on
// this machine, and says of each figure whether it keeps its target. What is held
// against something else is measured beside it, in turn, so that a slow machine
// slows both. Run it with `make bench`: it needs bin/membership and the sources.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	missed, err := 0, error(nil)
	if len(os.Args) == 4 && os.Args[1] == "stand" {
		err = stand(ctx, os.Args[2], os.Args[3])
	} else {
		missed, err = run(ctx, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if missed > 0 {
		os.Exit(1)
	}
}

// run measures, prints every figure, and returns how many missed their target.
func run(ctx context.Context, out io.Writer) (missed int, err error) {
	for _, measure := range []func(context.Context) ([]figure, error){measurePaywall, measureTokens, measureService, measureIntake, measureLatency, measurePoison, measureCrowd} {
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
