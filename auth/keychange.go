package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// Why is who does something by hand, and the reason they give. Both are kept in the
// audit log for good.
type Why struct {
	Actor  string // such as "cli:night-shift"
	Reason string
}

// longestReason is in characters: a sentence or two.
const longestReason = 500

func (w Why) check() error {
	switch {
	case strings.TrimSpace(w.Reason) == "":
		return errors.New("please give a reason: it stays in the audit log")
	case utf8.RuneCountInString(w.Reason) > longestReason:
		return fmt.Errorf("please give the reason in at most %d characters", longestReason)
	case strings.Contains(w.Reason, "@") || !utf8.ValidString(w.Reason) || strings.ContainsRune(w.Reason, 0):
		return errors.New("please give the reason as plain text without an e-mail address: it stays in the audit log for good")
	}
	return nil
}

var errNoNextKey = errors.New("there are no signing keys yet, or no next one: start the service, which makes them")

// upkeep does what is due, and waits for nobody if nothing is.
func (k *Keyring) upkeep(ctx context.Context) error {
	due := func(s *shelf) error {
		s.upkeep()
		return nil
	}
	if steps, err := k.plan(ctx, due); err != nil || len(steps) == 0 {
		return err
	}
	steps, err := k.change(ctx, due, nil)
	for _, step := range steps {
		k.log.InfoContext(ctx, "signing key", "kid", step.Kid, "alg", step.Algorithm, "from", step.From, "to", step.To)
	}
	return err
}

// plan is what decide would do now.
func (k *Keyring) plan(ctx context.Context, decide func(*shelf) error) ([]KeyStep, error) {
	s, err := k.shelf(ctx, k.db.DB)
	if err != nil {
		return nil, err
	}
	if err := decide(s); err != nil {
		return nil, err
	}
	return s.told(), nil
}

// change does what decide says, while no other process can do anything to the keys:
// of all that find a rotation due at once, the first does it, and the others find
// nothing to do.
func (k *Keyring) change(ctx context.Context, decide func(*shelf) error, entry *models.AuditEntry) (steps []KeyStep, err error) {
	err = k.db.Write(ctx, func(tx *gorm.DB) error {
		steps = nil
		if err := lockKeys(tx); err != nil {
			return err
		}
		s, err := k.shelf(ctx, tx)
		if err != nil {
			return err
		}
		if err := decide(s); err != nil {
			return err
		}
		if err := k.save(ctx, tx, s); err != nil {
			return err
		}
		if steps = s.told(); entry == nil || len(steps) == 0 {
			return nil
		}
		return k.audit(tx, *entry, steps)
	})
	if err != nil {
		return nil, fmt.Errorf("change the signing keys: %w", err)
	}
	return steps, nil
}

// lockKeys lets one transaction at a time change the keys; readers never wait for it.
// Not the rows: there are none at the first start.
func lockKeys(tx *gorm.DB) error {
	if err := tx.Exec("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE").Error; err != nil {
		return fmt.Errorf("wait for the signing keys: %w", err)
	}
	return nil
}

func (k *Keyring) shelf(ctx context.Context, tx *gorm.DB) (*shelf, error) {
	rows, err := publishedRows(ctx, tx)
	return &shelf{now: k.now(), algorithm: k.algorithm, keys: rows}, err
}

// told is the steps without what is nobody's business.
func (s *shelf) told() []KeyStep {
	var steps []KeyStep
	for _, step := range s.steps {
		steps = append(steps, KeyStep{Kid: step.key.Kid, Algorithm: step.key.Alg, From: step.from, To: step.key.State})
	}
	return steps
}

func (k *Keyring) save(ctx context.Context, tx *gorm.DB, s *shelf) error {
	for i := range s.steps {
		step := &s.steps[i]
		if step.from == "" {
			if err := k.create(ctx, tx, &step.key); err != nil {
				return err
			}
			continue
		}
		if err := k.saveMove(tx, step.key); err != nil {
			return err
		}
	}
	return nil
}

// create makes the key pair for a row that says which.
func (k *Keyring) create(ctx context.Context, tx *gorm.DB, row *models.SigningKey) error {
	fresh, err := newSigner(row.Alg)
	if err != nil {
		return err
	}
	if *row, err = fresh.row(k.sealer, row.State, row.CreatedAt); err != nil {
		return err
	}
	if err := gorm.G[models.SigningKey](tx).Create(ctx, row); err != nil {
		return fmt.Errorf("keep the %s signing key: %w", row.State, err)
	}
	return nil
}

// saveMove never lets a key sign that cannot be opened: the one that signs now is
// the better one.
func (k *Keyring) saveMove(tx *gorm.DB, key models.SigningKey) error {
	if key.State == models.KeyActive {
		if _, err := openKey(k.sealer, key); err != nil {
			return fmt.Errorf("%w; if that sealing key is lost, make another next key: membership keys revoke %s", err, key.Kid)
		}
	}
	err := tx.Model(&key).Select("state", "activated_at", "retiring_at", "ended_at", "sealed_private").Updates(&key).Error
	if err != nil {
		return fmt.Errorf("make signing key %s %s: %w", key.Kid, key.State, err)
	}
	return nil
}

func (k *Keyring) audit(tx *gorm.DB, entry models.AuditEntry, facts any) error {
	after, err := json.Marshal(facts)
	if err != nil {
		return fmt.Errorf("write %s to the audit log: %w", entry.Action, err)
	}
	entry.At, entry.After = k.now(), after
	return models.Audit(tx, entry)
}
