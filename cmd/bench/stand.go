package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/labstack/echo/v4"

	"newsroom.example/membership/cmd/service"
)

const (
	// pool is how many connections to Postgres each of those compared may hold.
	pool       = 16
	intakePath = "/webhooks/stripe"
)

// stands are what is compared under the same load, each alone in a process of its
// own, on a database of its own.
var stands = map[string]func(ctx context.Context, databaseURL string) (http.Handler, error){
	"ours":  ours,
	"group": baselineGroup,
	"gorm":  baselineGorm,
	"hello": hello,
}

// hello is what Echo answers at its fastest.
func hello(context.Context, string) (http.Handler, error) {
	e := echo.New()
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, "Hello, World!") })
	return e, nil
}

// ours is the service's whole HTTP side, with everything that it does for each
// request, the log included; only the workers that would ask Stripe are left out.
func ours(ctx context.Context, _ string) (http.Handler, error) {
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	cfg, err := env.ParseAs[service.Config]()
	if err != nil {
		return nil, err
	}
	s, err := service.New(ctx, cfg, service.RealClocks(), slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		return nil, err
	}
	return s.Handler(), nil
}

// stand is the child's side: it serves, says where, and ends with its parent.
func stand(ctx context.Context, name, databaseURL string) error {
	handler, err := stands[name](ctx, databaseURL)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler} //nolint:gosec // only this program's own load comes here
	go func() { _ = server.Serve(listener) }()
	fmt.Fprintln(os.Stdout, listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent closes it, or is gone
	return server.Close()
}

// running is a child process that serves at an address.
type running struct {
	address string
	pid     int
	stop    func() error

	settings []string // its environment
}

// startStand is the parent's side.
func startStand(ctx context.Context, name, databaseURL string) (*running, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	settings := environment(databaseURL)
	cmd := exec.CommandContext(ctx, program, "stand", name, databaseURL)
	cmd.Env, cmd.Stderr = settings, os.Stderr
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	end := func() error { return errors.Join(hold.Close(), cmd.Wait()) }
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", name, err), end())
	}
	return &running{address: strings.TrimSpace(address), pid: cmd.Process.Pid, stop: end, settings: settings}, nil
}
