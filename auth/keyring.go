package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

// keyring is the keys as this process knows them, never changed once made.
type keyring struct {
	active *signer // nil: none yet
	jwks   []byte
	etag   string
}

var emptyRing = &keyring{jwks: []byte(`{"keys":[]}`), etag: `"none"`}

// reloadEvery is how soon a process learns what another did to the keys. A key is
// published for a day before it signs, and verifiers fetch every five minutes.
const reloadEvery = time.Minute

// Prepare makes an active and a pending signing key where there is none, and loads
// all. Any number of processes may call it at once. It fails when a key cannot be
// opened: a service that cannot sign, or that would publish a foreign key, must not
// start.
func (s *Service) Prepare(ctx context.Context) error {
	if err := s.makeMissingKeys(ctx); err != nil {
		return err
	}
	return s.reload(ctx)
}

// Run loads the keys anew every minute and purges what is of no use any more, until
// ctx ends. A failure is logged; the keys of the last success stay.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(s.reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.reload(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "signing keys not reloaded", "error", err)
		}
		if err := s.purge(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "old sign-ins not purged", "error", err)
		}
	}
}

// JWKS is the document of public keys (RFC 7517) that verifiers fetch, and its ETag
// with its quotes. It comes from memory.
func (s *Service) JWKS() (body []byte, etag string) {
	ring := s.ring.Load()
	return ring.jwks, ring.etag
}

// makeMissingKeys relies on the indexes that allow one active and one pending key:
// of two processes that both find none, the second one's insert does nothing.
func (s *Service) makeMissingKeys(ctx context.Context) error {
	for _, state := range []models.KeyState{models.KeyActive, models.KeyPending} {
		n, err := gorm.G[models.SigningKey](s.db.DB).Where("state = ?", state).Count(ctx, "kid")
		if err != nil {
			return fmt.Errorf("look for the %s signing key: %w", state, err)
		}
		if n > 0 {
			continue
		}
		if err := s.makeKey(ctx, state); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) makeKey(ctx context.Context, state models.KeyState) error {
	fresh, err := newSigner(s.cfg.Algorithm)
	if err != nil {
		return err
	}
	row, err := fresh.row(s.sealer, state, s.now())
	if err != nil {
		return err
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		return gorm.G[models.SigningKey](tx, clause.OnConflict{DoNothing: true}).Create(ctx, &row)
	})
	if err != nil {
		return fmt.Errorf("keep the %s signing key: %w", state, err)
	}
	return nil
}

func (s *Service) reload(ctx context.Context) error {
	published := []models.KeyState{models.KeyActive, models.KeyPending, models.KeyRetiring}
	rows, err := gorm.G[models.SigningKey](s.db.DB).Where("state IN ?", published).Order("created_at, kid").Find(ctx)
	if err != nil {
		return fmt.Errorf("load the signing keys: %w", err)
	}
	ring, err := s.openAll(rows)
	if err != nil {
		return err
	}
	s.ring.Store(ring)
	return nil
}

func (s *Service) openAll(rows []models.SigningKey) (*keyring, error) {
	var ring keyring
	var doc paywall.JWKS
	for _, row := range rows {
		key, err := openKey(s.sealer, row)
		if err != nil {
			return nil, err
		}
		if row.State == models.KeyActive {
			ring.active = &key
		}
		doc.Keys = append(doc.Keys, key.public)
	}
	if ring.active == nil {
		return nil, fmt.Errorf("load the signing keys: none of %d is active", len(rows))
	}
	var err error
	if ring.jwks, err = json.Marshal(doc); err != nil {
		return nil, fmt.Errorf("write the public keys: %w", err)
	}
	sum := sha256.Sum256(ring.jwks)
	ring.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return &ring, nil
}
