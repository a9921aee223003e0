package auth

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"newsroom.example/membership/models"
)

// A browser that keeps what it was last given is never signed out, however many
// answers are lost and whatever time passes, as long as it comes back in time. A
// copy that was taken from it two rotations ago always ends the session.
func TestHonestBrowserStaysAndOldCopyEnds(t *testing.T) {
	t.Parallel()
	rules := testConfig().withDefaults()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
		s := models.Session{RotatedAt: now, LastSeenAt: now, IdleUntil: now.Add(rules.IdleAfter), ExpiresAt: now.Add(100 * rules.EndAfter)}
		held := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "visits") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*day)).Draw(t, "pause")))
			rotate := rapid.Bool().Draw(t, "renews")
			s, _ = rules.present(s, held, now, rotate)
			if ended(s, now) {
				t.Fatalf("signed out with token %d of %d", held, s.Generation)
			}
			if rotate && !rapid.Bool().Draw(t, "answer lost") {
				held = s.Generation
			}
		}
		if s.Generation < 2 {
			return
		}
		copied := rapid.Int64Range(0, s.Generation-2).Draw(t, "copied generation")
		if s, _ = rules.present(s, copied, now, rapid.Bool().Draw(t, "thief renews")); s.RevokedReason != revokedByReuse {
			t.Fatalf("a copy of %d of %d was let in", copied, s.Generation)
		}
	})
}
