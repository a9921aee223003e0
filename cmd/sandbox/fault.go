package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"

	"github.com/alecthomas/kong"

	"newsroom.example/membership/cmd/sandbox/faults"
)

// faultFlags are what make faults may be told.
type faultFlags struct {
	Row     []string `help:"Only this row; may be given again. An unknown one lists all."`
	Seed    uint64   `help:"What chance begins with; 0 is any."`
	Full    bool     `help:"The long form: every order, 10,000 events, eight crashes of Postgres."`
	Logs    string   `default:"build/faults" help:"Where the logs of rows that fell are kept."`
	Catalog string   `default:"catalog.yaml" help:"What the newsroom sells."`
}

const faultDescription = `Break the service in every way that it must survive, and look whether it kept its promises.

It starts a private Postgres, a simulated Stripe and replicas of the service, and leaves nothing
behind but the logs of rows that fell.`

// breakThings runs the fault matrix.
func breakThings(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var f faultFlags
	help := false
	parser, err := kong.New(&f, kong.Name("sandbox faults"), kong.Description(faultDescription),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { help = true }))
	if err != nil {
		return err
	}
	if _, err := parser.Parse(args); help {
		return nil
	} else if err != nil {
		return &usageError{fmt.Errorf("%w\nTry: sandbox faults --help", err)}
	}
	catalog, err := readCatalog(f.Catalog)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find our own program: %w", err)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // a slow machine is no finding
	if f.Seed == 0 {
		f.Seed = rand.Uint64N(1_000_000)
	}
	err = faults.Run(ctx, faults.Options{
		Program: program, Catalog: catalog, Transport: loopback(), Rows: f.Row, Seed: f.Seed, Full: f.Full,
		Parallel: 2 * runtime.NumCPU(), Dir: f.Logs, Out: stdout,
	})
	if errors.Is(err, faults.ErrUnknown) {
		return &usageError{err}
	}
	return err
}
