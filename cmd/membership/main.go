// Command membership is the membership service and its command line. It is the
// only reader of the environment, and lives by the real time alone.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"newsroom.example/membership/cmd/cli"
	"newsroom.example/membership/cmd/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr, service.RealClocks()))
}
