// Command sandbox is the membership service with everything around it that a
// newsroom would have: a private Postgres, a simulated Stripe, a mail server that
// delivers nowhere, and a small newspaper behind the paywall. It needs no key and
// no account, moves no money, and listens on this machine only. With --tour it
// walks through all of it by itself and says what it saw.
//
// Its clock can be moved; that of cmd/membership cannot, and nothing of what is
// here is linked there.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends what hangs; Postgres has its own watcher.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv("DATABASE_URL"), os.Stdout, os.Stderr))
}

type flags struct {
	Port    int    `default:"8080" help:"The first of three ports: service, newspaper, simulated Stripe."`
	Data    string `default:".sandbox" help:"Where everything is kept between runs."`
	Reset   bool   `xor:"tour" help:"Throw away what an earlier run left, and begin anew."`
	Tour    bool   `xor:"tour" help:"Walk the whole journey by itself, on free ports and in a temporary directory, and say what was seen."`
	Catalog string `default:"catalog.yaml" help:"What the newsroom sells."`
	Verbose bool   `help:"Show the log of the service here, instead of keeping it in the data directory."`
}

const description = `A newsroom's memberships on this machine: service, newspaper, simulated Stripe.

Nothing to set up, no money moves. While it runs, "sandbox membership --help" is what the newsroom's
staff can type, on the sandbox's clock. With DATABASE_URL that database is used, and no Postgres is started.`

// run is the whole program: what it prints and its exit code. 2 means that the
// command line is wrong, 1 that something failed.
func run(ctx context.Context, args []string, database string, stdout, stderr io.Writer) int {
	code, err := dispatch(ctx, args, database, stdout, stderr)
	var usage *usageError
	switch {
	case err == nil:
		return code
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "sandbox:", err)
		return 2
	default:
		fmt.Fprintln(stderr, "sandbox:", err)
		return 1
	}
}

// dispatch finds out what is wanted: the staff's command line, which has exit codes
// of its own, one of the commands that make faults is made of, the tour, or the
// sandbox itself.
func dispatch(ctx context.Context, args []string, database string, stdout, stderr io.Writer) (code int, err error) {
	if len(args) > 0 {
		switch args[0] {
		case "node":
			return 0, node(ctx, args[1:], os.Stdin, stdout, stderr)
		case "faults":
			return 0, breakThings(ctx, args[1:], stdout, stderr)
		case "membership":
			return staff(ctx, args[1:], stdout, stderr)
		}
	}
	f, help, err := parse(args, stdout, stderr)
	switch {
	case help || err != nil:
		return 0, err
	case f.Tour:
		return 0, walk(ctx, f, database, stdout, stderr)
	}
	return 0, stay(ctx, f, database, stdout, stderr)
}

// usageError is a mistake of whoever typed the command; its text says what to do.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func parse(args []string, stdout, stderr io.Writer) (f flags, help bool, err error) {
	parser, err := kong.New(&f, kong.Name("sandbox"), kong.Description(description),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { help = true }))
	if err != nil {
		return f, false, err
	}
	_, err = parser.Parse(args)
	switch {
	case help:
		return f, true, nil
	case err != nil:
		return f, false, &usageError{fmt.Errorf("%w\nTry: sandbox --help", err)}
	case f.Port < 1 || f.Port > 65535-2:
		return f, false, &usageError{fmt.Errorf("--port %d: want a number from 1 to %d, with two more free after it", f.Port, 65535-2)}
	}
	return f, false, nil
}
