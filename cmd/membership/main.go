// Command membership is the membership service and its command line. It is the
// only reader of the environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is the whole program: what it prints and its exit code. 2 means that the
// command line or the configuration is wrong, 1 that the work failed.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, environ, stdout, stderr)
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "membership:", err)
		return 2
	default:
		fmt.Fprintln(stderr, "membership:", err)
		return 1
	}
}

// usageError is a mistake of whoever typed the command or wrote the
// configuration.
type usageError struct{ error }
