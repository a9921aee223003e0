package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"newsroom.example/membership/internal/pglocal"
)

// What is in the data directory. Only these are ever deleted.
const (
	keptFile     = "sandbox.json" // makes a directory ours
	stripeFile   = "stripe.json"
	logFile      = "service.log"
	settingsFile = "settings.json" // only while the sandbox runs
	postgresName = "postgres"
)

// home is the data directory, locked while we run.
type home struct {
	dir  string
	lock *os.File

	mu   sync.Mutex
	kept kept
}

// kept is what outlives a run, beside the data of Postgres and the simulator.
type kept struct {
	Pepper         string        `json:"pepper"`      // base64
	SealingKey     string        `json:"sealing_key"` // base64
	Endpoint       string        `json:"endpoint"`    // id of the webhook endpoint in the simulator
	EndpointSecret string        `json:"endpoint_secret"`
	Database       string        `json:"database"` // SHA-256 of the DATABASE_URL that is ours; "" for none
	Ahead          time.Duration `json:"ahead_ns"` // of the clock
}

// openHome makes or finds the data directory. With reset it throws away first
// what an earlier run left. A directory with other things in it is refused.
func openHome(ctx context.Context, dir string, reset bool) (*home, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, &usageError{fmt.Errorf("--data: %w", err)}
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir, lock: lock}
	if err := h.open(ctx, reset); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// lockDir holds the directory for as long as this process lives.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, &usageError{fmt.Errorf("--data: %w", err)}
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, &usageError{fmt.Errorf("another sandbox keeps its data in %s: stop it, or choose another directory with --data", dir)}
	}
	return f, nil
}

func (h *home) open(ctx context.Context, reset bool) error {
	ours, err := h.load()
	if err != nil {
		return err
	}
	if !ours {
		if err := h.mustBeEmpty(); err != nil {
			return err
		}
	}
	if reset && ours {
		if err := h.wipe(ctx); err != nil {
			return fmt.Errorf("reset %s: %w", h.dir, err)
		}
	}
	if ours && !reset {
		return nil
	}
	h.kept = kept{Pepper: randomKey(), SealingKey: randomKey()}
	return h.save()
}

// load reads what an earlier run kept; ours is false if there was none.
func (h *home) load() (ours bool, err error) {
	raw, err := os.ReadFile(h.path(keptFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &h.kept)
	}
	if err == nil && h.kept.Pepper == "" {
		err = errors.New("it is not from a sandbox")
	}
	if err != nil {
		return false, &usageError{fmt.Errorf("read %s: %w; choose another directory with --data", h.path(keptFile), err)}
	}
	return true, nil
}

func (h *home) mustBeEmpty() error {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return err
	}
	// One that was cut off at its very first start left only this.
	if len(entries) == 1 && entries[0].Name() == keptFile+".next" {
		return nil
	}
	if len(entries) > 0 {
		return &usageError{fmt.Errorf("%s holds other things and no sandbox: choose an empty or a new directory with --data", h.dir)}
	}
	return nil
}

// wipe deletes what we made, by name, and the mark last: cut off half way, it can
// be done again.
func (h *home) wipe(ctx context.Context) error {
	if err := pglocal.Remove(ctx, h.path(postgresName)); err != nil {
		return err
	}
	for _, name := range []string{stripeFile, stripeFile + ".next", logFile, settingsFile, keptFile} {
		if err := os.Remove(h.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// save writes kept, whole or not at all.
func (h *home) save() error {
	raw, err := json.MarshalIndent(h.kept, "", "  ")
	if err != nil {
		return err
	}
	next := h.path(keptFile + ".next")
	if err := os.WriteFile(next, raw, 0o600); err != nil {
		return fmt.Errorf("keep the sandbox's settings: %w", err)
	}
	return os.Rename(next, h.path(keptFile))
}

// keep changes what is kept, and writes it.
func (h *home) keep(change func(*kept)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.kept
	change(&h.kept)
	err := h.save()
	if err != nil {
		h.kept = before
	}
	return err
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

func (h *home) close() { _ = h.lock.Close() }

// randomKey is 32 random bytes in base64, as the service wants its secrets.
func randomKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: https://pkg.go.dev/crypto/rand#Read
	return base64.StdEncoding.EncodeToString(key)
}
