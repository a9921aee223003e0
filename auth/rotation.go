package auth

import (
	"time"

	"newsroom.example/membership/models"
)

// A refresh token has a generation; a rotation begins the next one. Because every
// generation can be computed again, an answer that was lost on its way costs
// nothing: the parent is exchanged for the current token as often as it comes,
// until the current one has been seen once. From then on the parent is good for
// other tabs that are still on their way, and for no longer. Anything older is a
// copy in somebody else's hands.

const (
	// parentGrace and parentUses bound how long and how often the parent is good
	// once its child has been presented.
	parentGrace = time.Minute
	parentUses  = 20
	// touchAfter is how stale last_seen_at may be; not every page view is a write.
	touchAfter = time.Hour
)

// Why a session was revoked.
const (
	revokedByReuse    = "reuse"
	revokedBySignOut  = "signed_out"
	revokedEverywhere = "signed_out_everywhere"
	revokedByProof    = "first_proof"
	revokedByAddress  = "address_changed"
)

// ended says whether a session is over at now.
func ended(s models.Session, now time.Time) bool {
	return s.RevokedAt != nil || !now.Before(s.IdleUntil) || !now.Before(s.ExpiresAt)
}

// present is what the arrival of a genuine token of that generation does to its
// session. It returns the session as it is afterwards and whether that differs.
// With rotate, a token that has served its time makes way for the next.
func (c Config) present(s models.Session, generation int64, now time.Time, rotate bool) (after models.Session, changed bool) {
	switch {
	case ended(s, now):
		return s, false
	case generation == s.Generation:
		return c.presentCurrent(s, now, rotate)
	case generation == s.Generation-1 && s.PresentedAt == nil:
		return s, false
	case generation == s.Generation-1 && s.ParentUses < parentUses && now.Sub(*s.PresentedAt) <= parentGrace:
		s.ParentUses++
		return s, true
	}
	s.RevokedAt, s.RevokedReason = &now, revokedByReuse
	return s, true
}

func (c Config) presentCurrent(s models.Session, now time.Time, rotate bool) (after models.Session, changed bool) {
	switch {
	case rotate && now.Sub(s.RotatedAt) >= c.RotateAfter:
		s.Generation++
		s.RotatedAt, s.PresentedAt, s.ParentUses = now, nil, 0
	case s.PresentedAt == nil:
		s.PresentedAt = &now
	case now.Sub(s.LastSeenAt) < touchAfter:
		return s, false
	}
	s.LastSeenAt, s.IdleUntil = now, now.Add(c.IdleAfter)
	return s, true
}
