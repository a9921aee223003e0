package auth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// KeyInfo is a signing key as an operator sees it.
type KeyInfo struct {
	Kid       string          `json:"kid"`
	Algorithm string          `json:"alg"`
	State     models.KeyState `json:"state"`
	Since     time.Time       `json:"since"`
	// Next is when it goes on to its next state: a pending key may sign, an active
	// one is rotated, a retiring one leaves. Nil where there is none.
	Next *time.Time `json:"next,omitempty"`
}

// mostKeys is how many are listed: ten years' of rotations and some.
const mostKeys = 100

// List is the newest hundred keys, those that are published first.
func (k *Keyring) List(ctx context.Context) ([]KeyInfo, error) {
	rows, err := gorm.G[models.SigningKey](k.db.DB).
		Select("kid", "alg", "state", "created_at", "activated_at", "retiring_at", "ended_at").
		Order("ended_at IS NOT NULL, created_at DESC, kid").Limit(mostKeys).Find(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the signing keys: %w", err)
	}
	all := make([]KeyInfo, len(rows))
	for i, row := range rows {
		all[i] = keyInfo(row)
	}
	return all, nil
}

func keyInfo(row models.SigningKey) KeyInfo {
	info := KeyInfo{Kid: row.Kid, Algorithm: row.Alg, State: row.State, Since: row.Since()}
	stays := map[models.KeyState]time.Duration{
		models.KeyPending: publishedFirst, models.KeyActive: activeFor, models.KeyRetiring: retiringFor,
	}
	if long, ends := stays[row.State]; ends {
		next := info.Since.Add(long)
		info.Next = &next
	}
	return info
}

func rotation(s *shelf) error { return s.rotate() }

// PlanRotation says what Rotate would do.
func (k *Keyring) PlanRotation(ctx context.Context) ([]KeyStep, error) { return k.plan(ctx, rotation) }

// Rotate has the next key sign from now on. The old one verifies until its last
// token is dead, so that no reader notices. It refuses while the next key has been
// published for less than a day.
func (k *Keyring) Rotate(ctx context.Context, by Why) ([]KeyStep, error) {
	if err := by.check(); err != nil {
		return nil, err
	}
	return k.change(ctx, rotation, entryBy(by, "key.rotated", "signing_keys"))
}

func revocation(kid string) func(*shelf) error {
	return func(s *shelf) error {
		s.revoke(kid)
		return nil
	}
}

// PlanRevocation says what Revoke would do. No steps: the key has left the published
// ones before.
func (k *Keyring) PlanRevocation(ctx context.Context, kid string) ([]KeyStep, error) {
	if err := k.known(ctx, kid); err != nil {
		return nil, err
	}
	return k.plan(ctx, revocation(kid))
}

// Revoke takes a key out of the published ones at once; every process follows within
// seconds. If it was the active one, the next signs, however short it has been
// published. Running it again does nothing.
func (k *Keyring) Revoke(ctx context.Context, kid string, by Why) ([]KeyStep, error) {
	if err := by.check(); err != nil {
		return nil, err
	}
	if err := k.known(ctx, kid); err != nil {
		return nil, err
	}
	return k.change(ctx, revocation(kid), entryBy(by, "key.revoked", kid))
}

func (k *Keyring) known(ctx context.Context, kid string) error {
	n, err := gorm.G[models.SigningKey](k.db.DB).Where("kid = ?", kid).Count(ctx, "kid")
	if err != nil {
		return fmt.Errorf("look for signing key %s: %w", kid, err)
	}
	if n == 0 {
		return fmt.Errorf("there is no signing key %q: see membership keys list", kid)
	}
	return nil
}

func entryBy(by Why, action, subject string) *models.AuditEntry {
	return &models.AuditEntry{Actor: by.Actor, Action: action, Subject: subject, Reason: strings.TrimSpace(by.Reason)}
}
