package billing

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Drain works the sync lane until nothing is due, as Run would, and returns how
// many subjects it claimed.
func (s *Service) Drain(ctx context.Context) (int, error) {
	for n := 0; ; n++ {
		subject, err := s.claim(ctx, anyFailures)
		if err != nil || subject == nil {
			return n, err
		}
		if err := s.syncOnce(ctx, *subject); err != nil {
			_, planned := s.postpone(ctx, *subject, err)
			return n, errors.Join(err, planned)
		}
	}
}

// The steps of a sync, for tests that put something between them.
func (s *Service) Claim(ctx context.Context, id string) (*models.SyncSubject, error) {
	return s.claimThis(ctx, id)
}

func (s *Service) ClaimDue(ctx context.Context) (*models.SyncSubject, error) {
	return s.claim(ctx, anyFailures)
}

func (s *Service) SyncOnce(ctx context.Context, subject models.SyncSubject) error {
	return s.syncOnce(ctx, subject)
}

func (s *Service) SyncClaimed(ctx context.Context, subject models.SyncSubject) {
	_ = s.syncClaimed(ctx, subject)
}

var (
	ErrLeaseLost  = errLeaseLost
	ErrMetAnother = errMetAnother
	CloseIntent   = closeIntent
	Takes         = takes
)

const (
	Lease       = defaultLease
	SettleAfter = settleAfter
)

func Backoff(attempts int) time.Duration { return backoff(attempts) }

// SetGrant brings a grant to these terms, as a sync would.
func (s *Service) SetGrant(ctx context.Context, key models.Grant, terms models.Terms, reason string) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		if _, err := lockMember(tx, key.MemberID); err != nil {
			return err
		}
		return s.setGrant(tx, key, terms, reason)
	})
}

// The pace of the workers, for tests that look at it.
var AsWorker = asWorker

type Bucket struct{ *bucket }

func NewBucket(limit float64) Bucket { return Bucket{newBucket(limit)} }

func (b Bucket) Slower(turn int, stop time.Duration) { b.slower(turn, stop) }

func (b Bucket) Wait(ctx context.Context) (int, error) { return b.wait(ctx) }

// Tokens are how many there are, or by how many those who wait are more.
func (b Bucket) Tokens() float64 { return b.limiter.Tokens() }

func (b Bucket) Faster() { b.faster() }

func (b Bucket) Rate() float64 { return float64(b.limiter.Limit()) }

func (l *Line) Rate(path string) float64 { return Bucket{l.transport.pace.endpoint(path)}.Rate() }

// Down tells the line that Stripe is down.
func (l *Line) Down() { l.transport.down.Store(true) }

// Resting is the service with a breaker that rests for d.
func (s *Service) Resting(d time.Duration) *Service {
	s.breaker = s.newBreaker(d)
	return s
}

// DeadAfter is how long a subject is tried.
const DeadAfter = deadAfter

func (s *Service) AskForFacts(ctx context.Context) (int64, error) { return s.askForFacts(ctx) }

// The steps of an errand.
func (s *Service) Errand(ctx context.Context) (bool, error) { return s.errand(ctx) }

func (s *Service) ClaimErrand(ctx context.Context) (*models.Errand, error) {
	return s.claimErrand(ctx)
}

func (s *Service) CarryOut(ctx context.Context, e models.Errand) error { return s.carryOut(ctx, e) }

// The steps of a sweep, for tests that put something between them.
func (s *Service) Plant(ctx context.Context) error { return s.plantSweeps(ctx) }

func (s *Service) ClaimSweep(ctx context.Context, name models.SweepName) (*models.Sweep, error) {
	return s.claimSweep(ctx, `name = @name`, name)
}

func (s *Service) Turn(ctx context.Context, row models.Sweep) (models.Sweep, error) {
	return s.turn(ctx, row)
}

// Vote is what a sync's end says about Stripe's health: counted says whether for or
// against it at all, down whether it is down.
func (s *Service) Vote(tries int, met error) (counted, down bool) {
	vote := s.vote(models.SyncSubject{Attempts: tries}, &farError{met})
	counted = !errors.Is(vote, errNoVote)
	return counted, counted && vote != nil
}

// ErrBusy says that there was no room for a request to Stripe.
var ErrBusy = errBusy

// The statements that run every few seconds, for a test of their plans.
const (
	WithoutFacts = withoutFacts
	BehindPolicy = behindPolicy
)

// GrantDifferences tells all of them, and how many memberships could not be judged.
func (s *Service) GrantDifferences(ctx context.Context) (all []GrantDifference, unjudged int, err error) {
	for after := uuid.Nil; ; {
		found, looked, err := s.grantDifferences(s.db.WithContext(ctx), after)
		all, unjudged = append(all, found...), unjudged+looked.unjudged
		if err != nil || looked.last == uuid.Nil {
			return all, unjudged, err
		}
		after = looked.last
	}
}

// GrantFrom gives what a subscription's facts give, as a sync does.
func (s *Service) GrantFrom(ctx context.Context, sub models.Subscription, member uuid.UUID) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		r, err := rulesInForce(tx)
		if err != nil {
			return err
		}
		return s.writeGrants(tx, sub, member, r, "test")
	})
}

// GivesBack is what an errand gives back by the books as they are.
func (s *Service) GivesBack(ctx context.Context, e models.Errand) ([]Sentence, error) {
	return givesBack(s.db.WithContext(ctx), e)
}

// RaiseAlarms logs what is alarming now.
func (s *Service) RaiseAlarms(ctx context.Context) error { return s.raiseAlarms(ctx) }

// Owned are the tables whose rows a merge moves.
var Owned = owned

// MergeWhile merges two members, and does something meanwhile, under their locks.
func (s *Service) MergeWhile(ctx context.Context, from, into uuid.UUID, meanwhile func()) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		dissolved, stays, err := lockBoth(tx, from, into)
		if err != nil {
			return err
		}
		meanwhile()
		return s.merge(ctx, tx, dissolved, stays, Why{Actor: "test", Reason: "test"})
	})
}

func (s *Service) Stands(ctx context.Context, e models.Errand) (bool, error) {
	return stands(s.db.WithContext(ctx), e)
}
