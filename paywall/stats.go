package paywall

import (
	"errors"
	"sync/atomic"
	"time"
)

// Stats is what a verifier has done and what it goes by, for metrics and
// health pages. Counts are since New; nothing in it is about a single reader.
type Stats struct {
	// What Verify answered.
	Accepted, Invalid, Expired, Revoked, Unavailable uint64
	// Remembered is how many tokens are in the cache, at most
	// Config.CacheSize.
	Remembered int

	Keys        int
	KeysFetched time.Time // zero before the first
	KeysFailing bool      // the last fetch failed

	// FeedHeard is when the feed last said what is revoked, or that nothing
	// has changed; zero before the first time.
	FeedHeard       time.Time
	FeedFailing     bool   // the last poll failed
	FeedRefused     uint64 // answers that were not believed, see the log
	FeedSequence    int64
	RevokedSubjects int
	RevokedSessions int
}

// tally counts verdicts.
type tally struct {
	accepted, invalid, expired, revoked, unavailable atomic.Uint64
}

func (t *tally) count(err error) {
	switch {
	case err == nil:
		t.accepted.Add(1)
	case errors.Is(err, ErrInvalid):
		t.invalid.Add(1)
	case errors.Is(err, ErrExpired):
		t.expired.Add(1)
	case errors.Is(err, ErrRevoked):
		t.revoked.Add(1)
	default:
		t.unavailable.Add(1)
	}
}

// Stats returns how things stand. It is cheap.
func (v *Verifier) Stats() Stats {
	h := v.heard.Load()
	s := Stats{
		Accepted:    v.verdicts.accepted.Load(),
		Invalid:     v.verdicts.invalid.Load(),
		Expired:     v.verdicts.expired.Load(),
		Revoked:     v.verdicts.revoked.Load(),
		Unavailable: v.verdicts.unavailable.Load(),

		KeysFailing: v.keysFailing.Load(),

		FeedFailing:     v.feedFailing.Load(),
		FeedRefused:     v.feedRefused.Load(),
		FeedSequence:    h.newest.Sequence,
		RevokedSubjects: len(h.subjects),
		RevokedSessions: len(h.sessions),
	}
	if h.newest.IssuedAt != 0 {
		s.FeedHeard = h.confirmed
	}
	if set := v.keys.Load(); set != nil {
		s.Keys, s.KeysFetched, s.Remembered = len(set.keys), set.fetched, set.cache.len()
	}
	return s
}
