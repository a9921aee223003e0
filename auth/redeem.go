package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"newsroom.example/membership/models"
)

// Client is the browser that a request came from.
type Client struct {
	UserAgent string // as it calls itself, for the list of devices
	IP        string // for the limits; kept nowhere
}

// SignedIn is a reader who has just proven an address.
type SignedIn struct {
	Member   models.Member
	Session  models.Session
	Refresh  string // the session's refresh token
	ReturnTo string // where they wanted to go, safe; or ""
	Kind     models.SignInKind
	// FirstProof: nobody had proven this address before. Every other session of
	// the member has been ended, so that nobody lies in wait on an address that
	// is not theirs.
	FirstProof bool
}

// RedeemLink uses up the mail with this token and begins a session for its address,
// whose member is made if there is none. Any browser may do so: the mailbox is the
// proof. Of any number of calls at once, one succeeds.
func (s *Service) RedeemLink(ctx context.Context, token string, by Client) (SignedIn, error) {
	a, err := s.linked(ctx, token)
	if err != nil {
		return SignedIn{}, err
	}
	return s.redeem(ctx, a, by, deadLink)
}

// RedeemCode does what RedeemLink does, for a code typed into the browser that asked
// for the mail. The try is counted, and committed, before the code is looked at:
// parallel guesses do not get more tries than five.
func (s *Service) RedeemCode(ctx context.Context, cookie, code string, by Client) (SignedIn, error) {
	id, secret, ok := decodeToken(cookie, seedBytes)
	if !ok {
		return SignedIn{}, errCodeExpired
	}
	if err := s.mayGuess(ctx, by.IP); err != nil {
		return SignedIn{}, err
	}
	a, err := s.try(ctx, id, secret)
	if err != nil {
		return SignedIn{}, err
	}
	if subtle.ConstantTimeCompare([]byte(typedCode(code)), []byte(s.pepper.code(a))) != 1 {
		return SignedIn{}, wrongCode(a)
	}
	return s.redeem(ctx, a, by, deadCode)
}

// try spends one try of a live attempt that this cookie's browser asked for, or of one
// that was never mailed: there is nothing to guess in that, and it answers the same.
func (s *Service) try(ctx context.Context, id uuid.UUID, secret []byte) (models.SignInAttempt, error) {
	spent, err := s.update(ctx, `UPDATE sign_in_attempts SET tries = tries + 1
		WHERE id = @id AND cookie_hash = @cookie AND tries < @tries AND `+looksLive,
		map[string]any{"id": id, "cookie": hash(secret), "tries": maxTries, "now": s.now(), "max": maxLive})
	if err != nil {
		return models.SignInAttempt{}, fmt.Errorf("count a try: %w", err)
	}
	a, err := s.attempt(ctx, id)
	switch {
	case models.NotFound(err):
		return a, errCodeExpired
	case err != nil || spent:
		return a, err
	case subtle.ConstantTimeCompare(hash(secret), a.CookieHash) != 1:
		return a, errCodeExpired // another browser learns nothing about this attempt
	case a.ConsumedAt == nil && a.Tries >= maxTries:
		return a, errTooManyTries
	}
	return a, deadCode.why(a)
}

func wrongCode(a models.SignInAttempt) error {
	if a.Tries >= maxTries {
		return errTooManyTries
	}
	return errCodeWrong
}

// refusals are how to say that an attempt is not live.
type refusals struct{ used, expired *Error }

var (
	deadLink = refusals{errLinkUsed, errLinkExpired}
	deadCode = refusals{errCodeUsed, errCodeExpired}
)

func (r refusals) why(a models.SignInAttempt) error {
	if a.ConsumedAt != nil {
		return r.used
	}
	return r.expired
}

// redeem consumes the attempt, finds or makes the member and begins the session, all
// or nothing.
func (s *Service) redeem(ctx context.Context, a models.SignInAttempt, by Client, say refusals) (SignedIn, error) {
	now := s.now()
	in := SignedIn{ReturnTo: a.ReturnTo, Kind: a.Kind}
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		err := consume(tx, a.ID, now)
		if err != nil {
			return err
		}
		if in.Member, in.FirstProof, err = prove(ctx, tx, a, now); err != nil {
			return err
		}
		if err := s.mayBegin(ctx, tx, by.IP); err != nil {
			return err
		}
		in.Session = s.newSession(in.Member.ID, by.UserAgent, now)
		return create(ctx, tx, &in.Session)
	})
	if errors.Is(err, errDead) {
		return SignedIn{}, s.explain(ctx, a.ID, say)
	}
	if err != nil {
		return SignedIn{}, err
	}
	in.Refresh = s.refreshToken(in.Session)
	return in, nil
}

// explain reads the attempt again: what was live when it was found has been used, or
// has run out, since.
func (s *Service) explain(ctx context.Context, id uuid.UUID, say refusals) error {
	a, err := s.attempt(ctx, id)
	if err != nil {
		return err
	}
	return say.why(a)
}

var errDead = errors.New("attempt is not live")

func consume(tx *gorm.DB, id uuid.UUID, now time.Time) error {
	done := tx.Exec(`UPDATE sign_in_attempts SET consumed_at = @now WHERE id = @id AND `+isLive,
		map[string]any{"id": id, "now": now, "max": maxLive})
	if done.Error != nil {
		return fmt.Errorf("consume sign-in attempt %s: %w", id, done.Error)
	}
	if done.RowsAffected == 0 {
		return errDead
	}
	return nil
}

// prove returns the member of the attempt's address, made if need be, now proven.
// The row stays locked, so that two first proofs at once are one first and one
// second.
func prove(ctx context.Context, tx *gorm.DB, a models.SignInAttempt, now time.Time) (m models.Member, first bool, err error) {
	fresh := models.Member{ID: models.NewID(), Email: &a.Email, Locale: a.Locale, CreatedAt: now, UpdatedAt: now}
	if err := gorm.G[models.Member](tx, clause.OnConflict{DoNothing: true}).Create(ctx, &fresh); err != nil {
		return m, false, fmt.Errorf("make a member: %w", err)
	}
	m, err = gorm.G[models.Member](tx, clause.Locking{Strength: "UPDATE"}).Where("email = ?", a.Email).Take(ctx)
	if err != nil {
		return m, false, fmt.Errorf("load the member of an address: %w", err)
	}
	if m.EmailVerifiedAt != nil {
		return m, false, nil
	}
	m.EmailVerifiedAt, m.UpdatedAt = &now, now
	_, err = gorm.G[models.Member](tx).Where("id = ?", m.ID).Select("email_verified_at", "updated_at").Updates(ctx, m)
	if err != nil {
		return m, false, fmt.Errorf("mark member %s as proven: %w", m.ID, err)
	}
	return m, true, models.EndSessions(tx, revokedByProof, now, "member_id = ?", m.ID)
}

func (s *Service) update(ctx context.Context, sql string, args map[string]any) (changed bool, err error) {
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(sql, args)
		changed = done.RowsAffected > 0
		return done.Error
	})
	return changed, err
}
