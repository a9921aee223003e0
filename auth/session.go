package auth

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"newsroom.example/membership/models"
)

// Visitor is a reader with a live session.
type Visitor struct {
	Member  models.Member
	Session models.Session
}

// StartLimitedSession begins a session for a member whose address nobody has proven
// yet, such as the buyer who comes back from Checkout: it may read and nothing
// else, and it ends after life. It returns the session and its refresh token. Where
// the address is proven by now, if only since a moment ago, the error is an *Error of
// KindUnauthorized: the first proof ended all such sessions, and none follows it.
func (s *Service) StartLimitedSession(ctx context.Context, memberID uuid.UUID, userAgent string, life time.Duration) (models.Session, string, error) {
	now := s.now()
	session := s.newSession(memberID, userAgent, now)
	session.Limited, session.ExpiresAt = true, now.Add(life)
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		member, err := lockMember(ctx, tx, memberID)
		switch {
		case err != nil:
			return err
		case member.EmailVerifiedAt != nil:
			return errNoSession
		}
		return create(ctx, tx, &session)
	})
	if err != nil {
		return models.Session{}, "", err
	}
	return session, s.refreshToken(session), nil
}

// Session says whose refresh token this is. It renews nothing, and is what a page
// calls. The error is an *Error of KindUnauthorized when there is no such session
// or it has ended; a token that should not be about any more ends it.
func (s *Service) Session(ctx context.Context, refresh string) (Visitor, error) {
	return s.arrive(ctx, refresh, false)
}

// Refresh is Session, and returns the refresh token to keep from now on: mostly the
// same, another one when Config.RotateAfter has passed. Tabs that ask at the same
// time all get the same answer.
func (s *Service) Refresh(ctx context.Context, refresh string) (v Visitor, newRefresh string, err error) {
	if v, err = s.arrive(ctx, refresh, true); err != nil {
		return Visitor{}, "", err
	}
	return v, s.refreshToken(v.Session), nil
}

// SignOut ends the session of this refresh token. Nothing to end is no error.
func (s *Service) SignOut(ctx context.Context, refresh string) error {
	session, _, err := s.genuine(ctx, s.db.DB, refresh)
	if errors.Is(err, errNoSession) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return models.EndSessions(tx, revokedBySignOut, s.now(), "id = ?", session.ID)
	})
}

// arrive presents a refresh token. Most arrivals change nothing and take no lock.
func (s *Service) arrive(ctx context.Context, refresh string, rotate bool) (Visitor, error) {
	now := s.now()
	session, generation, err := s.genuine(ctx, s.db.DB, refresh)
	if err != nil {
		return Visitor{}, err
	}
	session, changed := s.cfg.present(session, generation, now, rotate)
	if changed {
		if session, err = s.arriveLocked(ctx, refresh, now, rotate); err != nil {
			return Visitor{}, err
		}
	}
	if ended(session, now) {
		return Visitor{}, errNoSession
	}
	return s.visitor(ctx, session)
}

// visitor is who has that session, which lives.
func (s *Service) visitor(ctx context.Context, session models.Session) (Visitor, error) {
	member, err := gorm.G[models.Member](s.db.DB).Where("id = ?", session.MemberID).Take(ctx)
	if err != nil {
		return Visitor{}, fmt.Errorf("load the member of session %s: %w", session.ID, err)
	}
	return Visitor{Member: member, Session: session}, nil
}

// arriveLocked judges again, now that nobody else can.
func (s *Service) arriveLocked(ctx context.Context, refresh string, now time.Time, rotate bool) (session models.Session, err error) {
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		stored, generation, err := s.genuine(ctx, tx, refresh, clause.Locking{Strength: "UPDATE"})
		if err != nil {
			return err
		}
		var changed bool
		if session, changed = s.cfg.present(stored, generation, now, rotate); !changed {
			return nil
		}
		if err := save(ctx, tx, session); err != nil || session.RevokedAt == nil {
			return err
		}
		if err := models.RevokeSessions(tx, []uuid.UUID{session.ID}, now); err != nil {
			return err
		}
		return s.tellOfReuse(ctx, tx, session)
	})
	return session, err
}

// genuine finds the session of a refresh token that we made, whatever became of
// both since.
func (s *Service) genuine(ctx context.Context, tx *gorm.DB, refresh string, how ...clause.Expression) (models.Session, int64, error) {
	id, rest, ok := decodeToken(refresh, generationBytes+macBytes)
	if !ok {
		return models.Session{}, 0, errNoSession
	}
	session, err := gorm.G[models.Session](tx, how...).Where("id = ?", id).Take(ctx)
	if models.NotFound(err) {
		return session, 0, errNoSession
	}
	if err != nil {
		return session, 0, fmt.Errorf("load session %s: %w", id, err)
	}
	generation := int64(binary.BigEndian.Uint64(rest))
	if subtle.ConstantTimeCompare(rest[generationBytes:], s.pepper.refresh(session, generation)) != 1 {
		return models.Session{}, 0, errNoSession
	}
	return session, generation, nil
}

const generationBytes = 8

// refreshToken is the current token of a session.
func (s *Service) refreshToken(session models.Session) string {
	generation := binary.BigEndian.AppendUint64(nil, uint64(session.Generation))
	return encodeToken(session.ID, generation, s.pepper.refresh(session, session.Generation))
}

func (s *Service) newSession(memberID uuid.UUID, userAgent string, now time.Time) models.Session {
	return models.Session{
		ID: models.NewID(), MemberID: memberID, Seed: randomSeed(), UserAgent: printable(userAgent),
		CreatedAt: now, RotatedAt: now, LastSeenAt: now,
		IdleUntil: now.Add(s.cfg.IdleAfter), ExpiresAt: now.Add(s.cfg.EndAfter),
	}
}

func create(ctx context.Context, tx *gorm.DB, session *models.Session) error {
	if err := gorm.G[models.Session](tx).Create(ctx, session); err != nil {
		return fmt.Errorf("begin a session: %w", err)
	}
	return nil
}

func save(ctx context.Context, tx *gorm.DB, session models.Session) error {
	_, err := gorm.G[models.Session](tx).Where("id = ?", session.ID).
		Select("generation", "presented_at", "parent_uses", "rotated_at", "last_seen_at", "idle_until", "revoked_at", "revoked_reason").
		Updates(ctx, session)
	if err != nil {
		return fmt.Errorf("save session %s: %w", session.ID, err)
	}
	return nil
}

// maxUserAgent is how much of a User-Agent header a reader needs to know a device by.
const maxUserAgent = 200

// printable makes a header's value fit for a text column, which takes neither broken
// UTF-8 nor NUL.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxUserAgent {
		return string(runes[:maxUserAgent])
	}
	return s
}
