package paywall

import (
	"context"
	"errors"
	"net/http"
)

// Access is the answer to "may this reader have it?".
type Access int

// The answers. The zero Access refuses.
const (
	// Anonymous: no token, or none that is good.
	Anonymous Access = iota
	// Insufficient: a good token, but not for all that was asked.
	Insufficient
	// Unavailable: there is a token and, for now, no way to tell what it is
	// worth.
	Unavailable
	// Grace: yes, although it is no longer paid for.
	Grace
	// Granted: yes.
	Granted
)

// Allowed reports whether the answer is yes.
func (a Access) Allowed() bool { return a == Granted || a == Grace }

// Status is the HTTP status that says it: 200, 401, 403 or 503.
func (a Access) Status() int {
	switch a {
	case Granted, Grace:
		return http.StatusOK
	case Insufficient:
		return http.StatusForbidden
	case Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusUnauthorized
}

// String returns the answer as one lower-case word.
func (a Access) String() string {
	switch a {
	case Granted:
		return "granted"
	case Grace:
		return "grace"
	case Insufficient:
		return "insufficient"
	case Unavailable:
		return "unavailable"
	}
	return "anonymous"
}

// FromContext returns the reader of a request that came through Require or
// Optional, and false if they brought no good token.
func FromContext(ctx context.Context) (Member, bool) {
	r, _ := ctx.Value(readerKey{}).(*reader)
	if r == nil || r.err != nil {
		return Member{}, false
	}
	return r.member, true
}

// AccessFor answers whether the reader of a request that came through Require
// or Optional may use all the features named; with none named, whether they
// are known at all. Any other context is Anonymous.
func AccessFor(ctx context.Context, features ...string) Access {
	r, _ := ctx.Value(readerKey{}).(*reader)
	if r == nil {
		return Anonymous
	}
	return r.access(features)
}

type readerKey struct{}

// reader is what a request's token turned out to be.
type reader struct {
	member Member
	err    error // why there is no member
}

var errNoToken = errors.New("no token")

func (r *reader) access(features []string) Access {
	switch {
	case errors.Is(r.err, ErrUnavailable):
		return Unavailable
	case r.err != nil:
		return Anonymous
	case !r.member.Has(features...):
		return Insufficient
	case !r.member.Grace.Until.IsZero():
		return Grace
	}
	return Granted
}
