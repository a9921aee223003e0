package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

const (
	// attemptLife is how long a mailed link and its code are good.
	attemptLife = 15 * time.Minute
	// maxLive is how many mails to one address are good at once: the newest.
	maxLive = 3
	// maxTries is how many codes may be tried against one mail.
	maxTries = 5
)

// SignIn is a wish to sign in, or to confirm the newsletter, by a mailed link.
type SignIn struct {
	Email    string // as typed
	ReturnTo string // as asked for; kept only if SafeReturn says so
	Locale   string // a language tag or an Accept-Language header
	Kind     models.SignInKind
	IP       string // who asks, for the limits
}

// Attempt is what a mailed link is about.
type Attempt struct {
	Email    string
	ReturnTo string
	Locale   string
	Kind     models.SignInKind
}

// RequestSignIn keeps an attempt and has its link and code mailed. It returns the
// value of a cookie for the browser that asked: only with it is the code good. It
// never looks whether anybody is known under that address, so that nothing about
// the answer can tell; nor does it tell who asks too often, whose attempt is kept
// like any other and never mailed. An address that cannot be one is an *Error of
// KindInvalid.
func (s *Service) RequestSignIn(ctx context.Context, in SignIn) (cookie string, err error) {
	email, err := models.CanonicalEmail(in.Email)
	if err != nil {
		return "", errEmailInvalid
	}
	now, secret := s.now(), randomSeed()
	attempt := models.SignInAttempt{
		ID: models.NewID(), Kind: in.Kind, Email: email, Seed: randomSeed(), CookieHash: hash(secret),
		ReturnTo: s.SafeReturn(in.ReturnTo), Locale: s.words.For(in.Locale).Tag(),
		CreatedAt: now, ExpiresAt: now.Add(attemptLife),
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		allowed, err := s.mayMail(ctx, tx, in.IP, signInMails, email)
		if err != nil {
			return err
		}
		attempt.Limited = !allowed
		if err := gorm.G[models.SignInAttempt](tx).Create(ctx, &attempt); err != nil {
			return fmt.Errorf("keep a sign-in attempt: %w", err)
		}
		return s.jobs.Enqueue(ctx, tx, signInMail{Attempt: attempt.ID}, nil)
	})
	if err != nil {
		return "", err
	}
	return encodeToken(attempt.ID, secret), nil
}

// Attempt says what the link with that token is about, and changes nothing: mail
// scanners open every link. The error is an *Error when the link is not good.
func (s *Service) Attempt(ctx context.Context, token string) (Attempt, error) {
	a, err := s.linked(ctx, token)
	if err != nil {
		return Attempt{}, err
	}
	live, err := s.live(ctx, a.ID)
	if err != nil {
		return Attempt{}, err
	}
	if !live {
		return Attempt{}, deadLink.why(a)
	}
	return Attempt{Email: a.Email, ReturnTo: a.ReturnTo, Locale: a.Locale, Kind: a.Kind}, nil
}

// SameBrowser says whether the cookie is the one that RequestSignIn gave for the
// mail with this token: that browser may go on without asking its reader again.
func (s *Service) SameBrowser(ctx context.Context, token, cookie string) bool {
	a, err := s.linked(ctx, token)
	if err != nil {
		return false
	}
	id, secret, ok := decodeToken(cookie, seedBytes)
	return ok && id == a.ID && subtle.ConstantTimeCompare(hash(secret), a.CookieHash) == 1
}

// linked finds the attempt that a link's token was made for, dead or alive.
func (s *Service) linked(ctx context.Context, token string) (models.SignInAttempt, error) {
	id, mac, ok := decodeToken(token, macBytes)
	if !ok {
		return models.SignInAttempt{}, errLinkUnknown
	}
	a, err := s.attempt(ctx, id)
	if models.NotFound(err) {
		return a, errLinkUnknown
	}
	if err != nil {
		return a, err
	}
	if subtle.ConstantTimeCompare(mac, s.pepper.link(a)) != 1 {
		return models.SignInAttempt{}, errLinkUnknown
	}
	return a, nil
}

func (s *Service) attempt(ctx context.Context, id uuid.UUID) (models.SignInAttempt, error) {
	a, err := gorm.G[models.SignInAttempt](s.db.DB).Where("id = ?", id).Take(ctx)
	if err != nil {
		return a, fmt.Errorf("load sign-in attempt %s: %w", id, err)
	}
	return a, nil
}

// isLive is true of an attempt that was mailed, is unused, in time, and among the
// newest of its address. Nothing needs to be locked or switched off when a fourth mail
// is asked for.
const isLive = `NOT limited AND ` + looksLive

// looksLive is isLive as far as the browser that asked may know: whether the mail was
// sent is not for it to find out.
const looksLive = `consumed_at IS NULL AND expires_at > @now AND @max > (
	SELECT count(*) FROM sign_in_attempts AS newer
	WHERE newer.email = sign_in_attempts.email AND newer.consumed_at IS NULL AND NOT newer.limited
	AND (newer.created_at, newer.id) > (sign_in_attempts.created_at, sign_in_attempts.id))`

func (s *Service) live(ctx context.Context, id uuid.UUID) (bool, error) {
	n, err := gorm.G[models.SignInAttempt](s.db.DB).
		Where("id = @id AND "+isLive, map[string]any{"id": id, "now": s.now(), "max": maxLive}).Count(ctx, "id")
	if err != nil {
		return false, fmt.Errorf("look at sign-in attempt %s: %w", id, err)
	}
	return n == 1, nil
}

func hash(secret []byte) []byte {
	sum := sha256.Sum256(secret)
	return sum[:]
}
