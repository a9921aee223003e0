package paywall

import "time"

// revocations is what the feed has said so far. It is never changed; with
// makes the next one.
//
// It is a union: what was dead once stays dead until no token of before can
// live any more, so that a replica that lags behind, or a table that was
// wiped, brings nothing back to life.
type revocations struct {
	newest   Feed // the last one accepted, without its lists
	subjects map[string]floor
	sessions map[string]time.Time // when last heard of
}

// floor is the ev below which a subject's tokens are dead.
type floor struct {
	version int64
	heard   time.Time
}

func (r *revocations) dead(c *Claims) bool {
	if c.Version < r.subjects[c.Subject].version {
		return true
	}
	_, ended := r.sessions[c.SessionID]
	return ended
}

// follows reports whether f is not older than what was heard before.
func (r *revocations) follows(f *Feed) bool {
	before := r.newest
	return f.Sequence > before.Sequence || f.Sequence == before.Sequence && f.IssuedAt >= before.IssuedAt
}

// with adds what f says, and forgets what was last heard before the
// instant given.
func (r *revocations) with(f Feed, now, forget time.Time) revocations {
	next := revocations{subjects: map[string]floor{}, sessions: map[string]time.Time{}}
	for sub, was := range r.subjects {
		if !was.heard.Before(forget) {
			next.subjects[sub] = was
		}
	}
	for sub, version := range f.Subjects {
		if version >= next.subjects[sub].version {
			next.subjects[sub] = floor{version: version, heard: now}
		}
	}
	for sid, last := range r.sessions {
		if !last.Before(forget) {
			next.sessions[sid] = last
		}
	}
	for _, sid := range f.Sessions {
		next.sessions[sid] = now
	}
	next.newest = f
	next.newest.Subjects, next.newest.Sessions = nil, nil
	return next
}
