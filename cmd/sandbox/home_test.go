package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/pglocal/pgtest"
)

func TestSecretsAreMadeOnceAndForTheOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := mustOpen(t, dir, false)
	if first.Pepper == first.SealingKey || len(first.Pepper) != 44 {
		t.Errorf("secrets %q and %q", first.Pepper, first.SealingKey)
	}
	if again := mustOpen(t, dir, false); again != first {
		t.Error("a second start has other secrets")
	}
	if fresh := mustOpen(t, dir, true); fresh.Pepper == first.Pepper {
		t.Error("a reset kept the secrets")
	}
	info, err := os.Stat(filepath.Join(dir, keptFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// mustOpen opens the directory, answers what is kept in it and lets go of it.
func mustOpen(t *testing.T, dir string, reset bool) kept {
	t.Helper()
	h, err := openHome(t.Context(), dir, reset)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	return h.kept
}

func TestResetDeletesWhatIsOursAndNothingElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustOpen(t, dir, false)
	thesis := filepath.Join(dir, "thesis.txt")
	write(t, thesis, "four years")
	write(t, filepath.Join(dir, stripeFile), "{}")
	mustOpen(t, dir, true)
	if _, err := os.Stat(thesis); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, stripeFile)); err == nil {
		t.Error("the simulator's state was kept")
	}
}

func TestADirectoryOfSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	for _, reset := range []bool{false, true} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, keptFile), `{"name": "not a sandbox of ours"}`)
		if _, err := openHome(t.Context(), dir, reset); err == nil {
			t.Errorf("reset %v: a strange %s was taken for ours", reset, keptFile)
		}
		if text, err := os.ReadFile(filepath.Join(dir, keptFile)); err != nil || len(text) == 0 {
			t.Errorf("reset %v: %s was touched", reset, keptFile)
		}
	}
}

func TestTheClockKeepsItsLeadBeforeItMoves(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h, err := openHome(t.Context(), dir, false)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{keep: func(ahead time.Duration) error { return h.keep(func(k *kept) { k.Ahead = ahead }) }}
	for range 2 {
		if err := c.advance(time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	h.close()
	if again := mustOpen(t, dir, false); again.Ahead != 2*time.Hour {
		t.Errorf("kept %s", again.Ahead)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	before := c.now()
	if err := c.advance(time.Hour); err == nil || c.now().Sub(before) > time.Minute {
		t.Errorf("moved by %s, %v, though nothing could be kept", c.now().Sub(before), err)
	}
}

func TestDATABASE_URLIsUsedAndNoPostgresStarted(t *testing.T) {
	t.Parallel()
	dir, url := t.TempDir(), pgtest.Empty(t)
	for range 2 { // a second start finds it as the first one left it
		s, err := open(t.Context(), options{dir: dir, catalog: catalogFile, database: url})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, postgresName)); err == nil {
		t.Error("a private Postgres was made")
	}
}

// A newsroom's own database, left in the environment, must not become a toy.
func TestADatabaseInUseIsRefused(t *testing.T) {
	t.Parallel()
	_, err := open(t.Context(), options{dir: t.TempDir(), catalog: catalogFile, database: pgtest.URL(t)})
	var usage *usageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "not by this sandbox") {
		t.Errorf("got %v", err)
	}
}

func TestATourAtDATABASE_URLLeavesNothingThere(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := &sandbox{options: options{temporary: true, database: url}}
	own, err := s.openDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(own)
	if err != nil {
		t.Fatal(err)
	}
	if !exists(t, url, config.Database) {
		t.Errorf("no database %s during the tour", config.Database)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if exists(t, url, config.Database) {
		t.Errorf("database %s after the tour", config.Database)
	}
}

// exists says whether the server has a database of that name.
func exists(t *testing.T, url, name string) (found bool) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}
