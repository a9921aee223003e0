package auth

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// Rewrapped counts private keys by the sealing key that they lie under.
type Rewrapped struct {
	First  int      `json:"first"`  // under the first before
	Others int      `json:"others"` // under another; Rewrap seals these anew
	Closed []string `json:"closed"` // kids of those that no sealing key opens
}

// PlanRewrap says what Rewrap would find.
func (k *Keyring) PlanRewrap(ctx context.Context) (Rewrapped, error) {
	_, found, err := k.rewrap(ctx, k.db.DB)
	return found, err
}

// Rewrap seals every private key under the first sealing key, so that the others can
// be taken out of the configuration. Running it again does nothing.
func (k *Keyring) Rewrap(ctx context.Context, by Why) (found Rewrapped, err error) {
	if err := by.check(); err != nil {
		return found, err
	}
	err = k.db.Write(ctx, func(tx *gorm.DB) error {
		if err := lockKeys(tx); err != nil {
			return err
		}
		var anew []models.SigningKey
		if anew, found, err = k.rewrap(ctx, tx); err != nil || len(anew) == 0 {
			return err
		}
		for _, row := range anew {
			if err := tx.Model(&row).Update("sealed_private", row.SealedPrivate).Error; err != nil {
				return fmt.Errorf("seal signing key %s anew: %w", row.Kid, err)
			}
		}
		return k.audit(tx, *entryBy(by, "key.rewrapped", "signing_keys"), found)
	})
	if err != nil {
		return Rewrapped{}, fmt.Errorf("seal the signing keys anew: %w", err)
	}
	return found, nil
}

// rewrap returns the rows that lie under another than the first sealing key, sealed
// anew.
func (k *Keyring) rewrap(ctx context.Context, tx *gorm.DB) (anew []models.SigningKey, found Rewrapped, err error) {
	rows, err := publishedRows(ctx, tx)
	for _, row := range rows {
		private, by, err := k.sealer.open(row.SealedPrivate, sealedBeside(row))
		switch {
		case err != nil:
			found.Closed = append(found.Closed, row.Kid)
		case by == 0:
			found.First++
		default:
			found.Others++
			row.SealedPrivate = k.sealer.seal(private, sealedBeside(row))
			anew = append(anew, row)
		}
	}
	return anew, found, err
}
