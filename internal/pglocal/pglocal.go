// Package pglocal runs a private Postgres from the server binaries of this
// machine, for the sandbox and for tests. It listens on a unix socket that only
// this user can open, and it ends with the process that started it, however that
// process ends. It installs nothing, migrates nothing and is no part of the
// service: production names its own database.
package pglocal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// Options says where a private Postgres keeps its data and how careful it is.
type Options struct {
	// Dir is a directory of its own, kept between runs; it is made when missing.
	// Empty means a temporary one, in memory if there is room, removed at the end.
	Dir string
	// Durable keeps every commit through a crash of the machine. False turns
	// fsync off: for tests, except those of durability.
	Durable bool
	// Log hears of starts and of a data directory that had to move. Nil is silence.
	Log *slog.Logger
}

// Server is a running Postgres: a private one from Start, or somebody else's from
// Use. It is safe for use by several goroutines.
type Server struct {
	address address

	home    *home // nil: the server is not ours to stop
	bin     string
	options []string
	log     *slog.Logger

	mu      sync.Mutex // one of Crash, Resume and Stop at a time
	watcher *watcher   // nil once stopped
}

// Start returns when the server accepts connections. Cancelling ctx gives up the
// start; afterwards ctx no longer matters. ErrNoBinaries and ErrInUse are the
// failures that a person can mend; each message says how.
func Start(ctx context.Context, o Options) (*Server, error) {
	h, err := claim(ctx, o.Dir)
	if err != nil {
		return nil, fmt.Errorf("prepare a private postgres: %w", err)
	}
	s := &Server{home: h, address: socketAddress(h.scratch), options: serverOptions(h, o), log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	var err error
	if s.bin, err = Binaries(s.home.data()); err != nil {
		return err
	}
	if err := s.home.usable(s.bin); err != nil {
		return err
	}
	if err := s.launch(ctx); err != nil {
		return err
	}
	s.log.Info("postgres is ready", "binaries", s.bin, "data", s.home.data())
	return nil
}

// launch begins one life of the server: after Start, and after each crash.
func (s *Server) launch(ctx context.Context) error {
	if err := clearStale(ctx, s.home.data()); err != nil {
		return err
	}
	w, err := watch(s.home, s.bin, s.options)
	if err != nil {
		return err
	}
	s.watcher = w
	if err := w.ready(ctx, s.home.data()); err != nil {
		return fmt.Errorf("start postgres in %s: %w\n%s", s.home.base, err, s.home.lastWords())
	}
	return nil
}

// serverOptions are the whole configuration: postgresql.conf stays as initdb
// wrote it, so that an older data directory obeys a newer program.
func serverOptions(h *home, o Options) []string {
	settings := []string{
		"listen_addresses=",
		"unix_socket_directories=" + h.scratch,
		"unix_socket_permissions=0700",
		"max_connections=200",
		// DETAIL and STATEMENT lines would carry people's addresses to the log.
		"log_error_verbosity=terse",
		"log_min_error_statement=panic",
	}
	if !o.Durable {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	args := []string{"-p", socketPort}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// URL is the address of one database of the server, for pgx, goose and psql.
// An empty name means the database that every server has: postgres, or the one
// that Use was given.
func (s *Server) URL(database string) string { return s.address.database(database) }

// Dir is where the data lie. It differs from Options.Dir when Postgres could not
// have read that directory. Empty for a server from Use.
func (s *Server) Dir() string {
	if s.home == nil {
		return ""
	}
	return s.home.base
}

// Crash ends the server as a power cut would (pg_ctl -m immediate): connections
// break, committed data stay, and Resume has to recover. It returns when every
// process of the server has gone.
func (s *Server) Crash() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watcher == nil {
		return errNotRunning
	}
	if err := signalServer(s.home.data(), immediate); err != nil {
		return fmt.Errorf("crash postgres: %w", err)
	}
	<-s.watcher.gone
	return nil
}

// Resume starts a crashed server again, with the same data and the same URLs.
func (s *Server) Resume(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watcher == nil {
		return errNotRunning
	}
	if err := s.watcher.end(s.home.data(), keepScratch); err != nil {
		return err
	}
	return s.launch(ctx)
}

var errNotRunning = errors.New("this postgres was stopped, or is not ours")

// Stop shuts the server down cleanly and removes what was temporary. Clients
// still connected are cut off. Calling it again does nothing, and neither does
// calling it on a server from Use.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.home == nil {
		return nil
	}
	var err error
	if s.watcher != nil {
		err = s.watcher.end(s.home.data(), removeScratch)
		s.watcher = nil
	}
	return errors.Join(err, s.home.release())
}

// Remove deletes what Start keeps for dir, wherever that had to be put. It
// returns ErrInUse while a server runs there, and nil when there is nothing.
func Remove(ctx context.Context, dir string) error {
	base, _, err := settle(dir, elsewhere)
	if err != nil {
		return err
	}
	lock, err := lockDir(ctx, base, lockPatience)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove the data of postgres: %w", err)
	}
	defer lock.Close()
	if err := makeBase(base); err != nil {
		return err
	}
	if err := clearStale(ctx, filepath.Join(base, "data")); err != nil {
		return err
	}
	return os.RemoveAll(base)
}
