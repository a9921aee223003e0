package paywall

import (
	"slices"
	"time"
)

// Member is a reader with a good token: what an article service needs to know
// of them. It is a value and may be kept and copied.
type Member struct {
	// ID is opaque and stable; it is not an e-mail address.
	ID string
	// Tier is the name of the plan, for display only; decide by Has.
	Tier string
	// Since is when they became a member, zero if they never did.
	Since time.Time
	// Grace says until when and why they may read on unpaid; its Until is
	// zero when access does not rest on grace.
	Grace GracePeriod
	// Notice is what the page should tell them, empty for nothing.
	Notice Notice

	claims Claims
}

// GracePeriod is how long access goes on although it is no longer paid for.
type GracePeriod struct {
	Until  time.Time
	Reason string
}

func newMember(c Claims) Member {
	return Member{
		ID:     c.Subject,
		Tier:   c.Tier,
		Since:  instantOf(c.MemberSince),
		Grace:  GracePeriod{Until: instantOf(c.Grace.Until), Reason: c.Grace.Reason},
		Notice: c.Notice,
		claims: c,
	}
}

func instantOf(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// Has reports whether the reader may use all the features named.
func (m Member) Has(features ...string) bool {
	for _, f := range features {
		if _, found := slices.BinarySearch(m.claims.Entitlements, f); !found {
			return false
		}
	}
	return true
}

// Claims returns all that the token said.
func (m Member) Claims() Claims {
	c := m.claims
	c.Entitlements = slices.Clone(c.Entitlements)
	return c
}
