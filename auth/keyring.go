package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

// KeyConfig is how keys are made and kept.
type KeyConfig struct {
	// Algorithm is that of keys made from now on: ES256 (the default) or EdDSA. Keys
	// of the other one give way in order, a day after the next key is published.
	Algorithm string
	// SealingKeys protect the private keys in the database, 32 bytes each. The
	// first seals, all open.
	SealingKeys [][]byte
}

func (c KeyConfig) faults() []error {
	var faults []error
	if !knownAlgorithm(c.Algorithm) {
		faults = append(faults, fmt.Errorf("algorithm %q is neither ES256 nor EdDSA", c.Algorithm))
	}
	if len(c.SealingKeys) == 0 {
		faults = append(faults, errors.New("no sealing key"))
	}
	for i, k := range c.SealingKeys {
		if len(k) != sealingKeyBytes {
			faults = append(faults, fmt.Errorf("sealing key %d has %d bytes, it needs %d", i+1, len(k), sealingKeyBytes))
		}
	}
	return faults
}

// Keyring is the keys that sign access tokens, and the document that tells verifiers
// of them. Any number of processes may have one on the same database, and each can
// be used by many at once.
type Keyring struct {
	db        *models.DB
	sealer    sealer
	algorithm string
	clock     func() time.Time
	log       *slog.Logger

	loading sync.Mutex // one at a time: what was read earlier must not replace what was read later
	ring    atomic.Pointer[ring]

	reloadEvery time.Duration
}

// ring is the keys as one reading of the database found them.
type ring struct {
	active     *signer // nil: none yet
	jwks       Document
	algorithms []string  // of the published keys, sorted
	readAt     time.Time // by the newsroom's clock, before the reading began
}

// reloadEvery is how soon a process learns what another did to the keys. A rotation
// has all the time in the world; a revocation has not.
const reloadEvery = 5 * time.Second

// NewKeyring returns every fault of cfg at once. Prepare must be called before
// anything is signed.
func NewKeyring(db *models.DB, cfg KeyConfig, clock func() time.Time, log *slog.Logger) (*Keyring, error) {
	if faults := cfg.faults(); len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	sealer, err := newSealer(cfg.SealingKeys)
	if err != nil {
		return nil, err
	}
	k := &Keyring{
		db: db, sealer: sealer, algorithm: orElse(cfg.Algorithm, algES256),
		clock: clock, log: log, reloadEvery: reloadEvery,
	}
	k.ring.Store(&ring{jwks: newDocument([]byte(`{"keys":[]}`))})
	return k, nil
}

// now is the newsroom's time, as finely as Postgres keeps it.
func (k *Keyring) now() time.Time { return k.clock().UTC().Truncate(time.Microsecond) }

// Prepare makes an active and a pending key where there is none, and loads all. Any
// number of processes may call it at once. It fails when a key cannot be opened: a
// service that cannot sign, or that would publish a foreign key, must not start.
func (k *Keyring) Prepare(ctx context.Context) error {
	return errors.Join(k.upkeep(ctx), k.reload(ctx))
}

// Run does what is due to the keys and loads them anew every few seconds, until ctx
// ends. That it fails is logged, once until it succeeds again; the keys of the last
// success stay.
func (k *Keyring) Run(ctx context.Context) error {
	tick := time.NewTicker(k.reloadEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := k.Prepare(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			k.log.ErrorContext(ctx, "signing keys not reloaded", "error", err)
		}
		failing = err != nil
	}
}

// Ready says why this process should get no requests for want of keys.
func (k *Keyring) Ready(ctx context.Context) error {
	_, err := k.signer(ctx)
	return err
}

// signer is the active key. A process that has not heard of the keys for an hour
// asks anew first: by then the key may be another, and this one about to be
// forgotten by every verifier.
func (k *Keyring) signer(ctx context.Context) (*signer, error) {
	r := k.ring.Load()
	if r.active != nil && k.now().Sub(r.readAt) > ringLife {
		if err := k.reload(ctx); err != nil {
			return nil, fmt.Errorf("the signing keys were read at %s and not since: %w", r.readAt.Format(time.RFC3339), err)
		}
		r = k.ring.Load()
	}
	if r.active == nil {
		return nil, errors.New("there is no signing key: Prepare has not been called")
	}
	return r.active, nil
}

// Document is what is published from memory.
type Document struct {
	Body []byte
	ETag string // with its quotes
}

func newDocument(body []byte) Document {
	sum := sha256.Sum256(body)
	return Document{Body: body, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// JWKS is the document of public keys (RFC 7517) that verifiers fetch.
func (k *Keyring) JWKS() Document { return k.ring.Load().jwks }

var publishedStates = []models.KeyState{models.KeyActive, models.KeyPending, models.KeyRetiring}

// publishedRows are the keys that verifiers are to see, the oldest first.
func publishedRows(ctx context.Context, tx *gorm.DB) ([]models.SigningKey, error) {
	rows, err := gorm.G[models.SigningKey](tx).Where("state IN ?", publishedStates).Order("created_at, kid").Find(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the signing keys: %w", err)
	}
	return rows, nil
}

func (k *Keyring) reload(ctx context.Context) error {
	k.loading.Lock()
	defer k.loading.Unlock()
	readAt := k.now()
	rows, err := publishedRows(ctx, k.db.DB)
	if err != nil {
		return err
	}
	r, err := k.openAll(rows)
	if err != nil {
		return err
	}
	r.readAt = readAt
	k.ring.Store(r)
	return nil
}

func (k *Keyring) openAll(rows []models.SigningKey) (*ring, error) {
	var r ring
	var doc paywall.JWKS
	for _, row := range rows {
		key, err := openKey(k.sealer, row)
		if err != nil {
			return nil, err
		}
		if row.State == models.KeyActive {
			r.active = &key
		}
		doc.Keys = append(doc.Keys, key.public)
		r.algorithms = append(r.algorithms, key.public.Algorithm)
	}
	if r.active == nil {
		return nil, fmt.Errorf("load the signing keys: none of %d is active", len(rows))
	}
	slices.Sort(r.algorithms)
	r.algorithms = slices.Compact(r.algorithms)
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write the public keys: %w", err)
	}
	r.jwks = newDocument(body)
	return &r, nil
}
