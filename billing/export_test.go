package billing

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Drain works the sync lane until nothing is due, as Run would, and returns how
// many subjects it claimed.
func (s *Service) Drain(ctx context.Context) (int, error) {
	for n := 0; ; n++ {
		subject, err := s.claim(ctx)
		if err != nil || subject == nil {
			return n, err
		}
		if err := s.syncOnce(ctx, *subject); err != nil {
			return n, errors.Join(err, s.postpone(ctx, *subject, err))
		}
	}
}

// The steps of a sync, for tests that put something between them.
func (s *Service) Claim(ctx context.Context, id string) (*models.SyncSubject, error) {
	return s.claimThis(ctx, id)
}

func (s *Service) ClaimDue(ctx context.Context) (*models.SyncSubject, error) { return s.claim(ctx) }

func (s *Service) SyncOnce(ctx context.Context, subject models.SyncSubject) error {
	return s.syncOnce(ctx, subject)
}

func (s *Service) SyncClaimed(ctx context.Context, subject models.SyncSubject) {
	s.syncClaimed(ctx, subject)
}

var (
	ErrLeaseLost  = errLeaseLost
	ErrMetAnother = errMetAnother
	CloseIntent   = closeIntent
)

const (
	Lease       = lease
	SettleAfter = settleAfter
)

func Backoff(attempts int) time.Duration { return backoff(attempts) }

// SetGrant brings a grant to these terms, as a sync would.
func (s *Service) SetGrant(ctx context.Context, key models.Grant, terms models.Terms, reason string) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		if err := lockMember(tx, key.MemberID); err != nil {
			return err
		}
		return s.setGrant(tx, key, terms, reason)
	})
}
