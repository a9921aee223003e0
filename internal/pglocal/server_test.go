package pglocal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// keptDir is a directory that every user can reach, unlike t.TempDir for root's
// Postgres; it does not exist yet.
func keptDir(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp(temporaryRoot(memoryRoot, memoryRoom), "pglocal-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(parent, "pg")
}

func start(t *testing.T, o Options) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: this test needs Postgres")
	}
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// ask returns the one text that a query answers.
func ask(t *testing.T, url, query string) string {
	t.Helper()
	var answer string
	if err := connect(t, url).QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// eventually waits for something that another process brings about.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestSettings(t *testing.T) {
	t.Parallel()
	quick := start(t, Options{})
	careful := start(t, Options{Durable: true})
	for query, want := range map[string]string{
		"SHOW listen_addresses":           "", // no TCP: no port clash, no password
		"SHOW unix_socket_directories":    quick.home.scratch,
		"SHOW server_encoding":            "UTF8",
		"SHOW TimeZone":                   "UTC",
		"SELECT current_user":             "postgres",
		"SHOW fsync":                      "off",
		"SHOW log_error_verbosity":        "terse",
		"SHOW log_min_error_statement":    "panic",
		"SELECT upper('ä') COLLATE \"C\"": "ä",
		"SELECT datcollate::text FROM pg_database WHERE datname = 'postgres'": "C",
	} {
		if got := ask(t, quick.URL(""), query); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		if got := ask(t, careful.URL(""), "SHOW "+name); got != "on" {
			t.Errorf("durable server: %s is %s", name, got)
		}
	}
}

func TestSocketIsPrivateAndShort(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Server{"temporary": start(t, Options{}), "kept": start(t, Options{Dir: keptDir(t)})} {
		info, err := os.Stat(s.home.scratch)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("%s: socket directory has mode %v", name, info.Mode())
		}
		// sun_path has 104 bytes on macOS, with the zero at the end.
		socket := filepath.Join(s.home.scratch, ".s.PGSQL."+socketPort)
		if !exists(socket) || len(socket) > 103 {
			t.Errorf("%s: no short socket at %s", name, socket)
		}
	}
}

func TestNeverRootAndNotInOurProcessGroup(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	p, err := readPidFile(s.home.data())
	if err != nil {
		t.Fatal(err)
	}
	if group, err := syscall.Getpgid(p.pid); err != nil || group == syscall.Getpgrp() {
		t.Errorf("the server is in process group %d as we are, so Ctrl-C would stop it (%v)", group, err)
	}
	info, err := os.Stat(filepath.Join(s.home.data(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid == 0 {
		t.Error("the server runs as root")
	}
}

func TestStopRemovesTemporaryAndCutsClientsOff(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	conn := connect(t, s.URL(""))
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if exists(s.home.scratch) {
		t.Errorf("%s is still there", s.home.scratch)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a client is still connected")
	}
	if err := s.Crash(); !errors.Is(err, errNotRunning) {
		t.Errorf("crash after stop: %v", err)
	}
	if err := s.Resume(t.Context()); !errors.Is(err, errNotRunning) {
		t.Errorf("resume after stop: %v", err)
	}
}

func TestKeptDataAreFoundAgain(t *testing.T) {
	t.Parallel()
	dir := keptDir(t)
	first := start(t, Options{Dir: dir})
	if _, err := connect(t, first.URL("")).Exec(t.Context(), "CREATE TABLE kept AS SELECT 'yes' AS answer"); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	if exists(first.home.scratch) {
		t.Errorf("the socket directory %s is still there", first.home.scratch)
	}
	second := start(t, Options{Dir: dir})
	if got := ask(t, second.URL(""), "SELECT answer FROM kept"); got != "yes" {
		t.Errorf("got %q", got)
	}
	assertCleanStart(t, second) // although a client was connected
	if err := Remove(t.Context(), dir); !errors.Is(err, ErrInUse) {
		t.Errorf("remove while in use: %v", err)
	}
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Remove(t.Context(), dir); err != nil || exists(second.Dir()) {
			t.Errorf("remove: %v", err)
		}
	}
}

func TestCrashBreaksConnectionsAndKeepsCommits(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Durable: true})
	conn := connect(t, s.URL(""))
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 'yes' AS answer"); err != nil {
		t.Fatal(err)
	}
	if err := s.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the connection outlived the crash")
	}
	if err := s.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, s.URL(""), "SELECT answer FROM kept"); got != "yes" {
		t.Errorf("got %q", got)
	}
	log, err := os.ReadFile(filepath.Join(s.Dir(), logName))
	if err != nil || !strings.Contains(string(log), "was not properly shut down") {
		t.Errorf("that was no crash (%v):\n%s", err, log)
	}
}

func TestStopAfterCrashRemovesEverything(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	if err := errors.Join(s.Crash(), s.Stop()); err != nil {
		t.Fatal(err)
	}
	if exists(s.home.scratch) {
		t.Errorf("%s is still there", s.home.scratch)
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := keptDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	lock, err := lockDir(t.Context(), dir, lockPatience)
	if err != nil {
		t.Fatalf("the lock is still held: %v", err)
	}
	lock.Close()
	if _, err := readPidFile(filepath.Join(dir, "data")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a server was left: %v", err)
	}
}

func TestFailedStartRepeatsWhatPostgresSaid(t *testing.T) {
	t.Parallel()
	dir := keptDir(t)
	if err := start(t, Options{Dir: dir}).Stop(); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "data", "postgresql.conf")
	if err := os.WriteFile(conf, []byte("no_such_setting = 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: dir})
	if !errors.Is(err, errEndedEarly) || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("got %v", err)
	}
}
