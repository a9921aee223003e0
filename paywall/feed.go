package paywall

import (
	"errors"
	"fmt"
	"time"
)

const (
	// FeedType is the header's typ of the revocation feed: a token never
	// passes for a feed, nor a feed for a token (RFC 8725, section 3.11).
	FeedType = "revocations+jwt"
	// MaxFeedBytes is the length above which a feed is refused unread; 10,000
	// entries fit.
	MaxFeedBytes = 1 << 20
)

// Feed is the payload of the document at the issuer's
// /.well-known/revocations: which tokens are dead before their time. It is
// signed like an access token, under a header of exactly alg, kid and typ.
// Instants are whole seconds since 1970 UTC.
type Feed struct {
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	// Sequence rises with every revocation and never falls.
	Sequence int64 `json:"seq"`
	// Subjects says below which ev the tokens of a sub are dead.
	Subjects map[string]int64 `json:"subs,omitempty"`
	// Sessions are the sids whose tokens are dead.
	Sessions []string `json:"sids,omitempty"`
}

var requiredInFeed = []string{"iss", "iat", "exp", "seq"}

// feedFields is the one list of what we read in a feed, each with its type.
var feedFields = map[string]func(*Feed, string) error{
	"iss":  func(f *Feed, v string) error { return text(&f.Issuer, v) },
	"iat":  func(f *Feed, v string) error { return instant(&f.IssuedAt, v) },
	"exp":  func(f *Feed, v string) error { return instant(&f.Expires, v) },
	"seq":  func(f *Feed, v string) error { return whole(&f.Sequence, v) },
	"subs": func(f *Feed, v string) error { return versions(&f.Subjects, v) },
	"sids": func(f *Feed, v string) error { return texts(&f.Sessions, v) },
}

// feed returns what a feed says, once its signature has been checked.
func (s *keySet) feed(document string) (Feed, error) {
	if len(document) > MaxFeedBytes {
		return Feed{}, fmt.Errorf("longer than %d bytes", MaxFeedBytes)
	}
	data, err := s.open(document, FeedType)
	if err != nil {
		return Feed{}, err
	}
	return parseFeed(data)
}

func parseFeed(data []byte) (f Feed, err error) {
	return f, record(&f, data, feedFields, requiredInFeed)
}

// meant reports whether the feed is this issuer's and of this moment: an old
// one, kept by somebody in between, would hide what came after it.
func (f *Feed) meant(issuer string, now time.Time, leeway time.Duration) error {
	switch {
	case f.Issuer != issuer:
		return errors.New("another issuer")
	case f.IssuedAt > now.Add(leeway).Unix():
		return errors.New("signed in the future; do the clocks differ?")
	case f.expired(now, leeway):
		return errors.New("expired; do the clocks differ?")
	}
	return nil
}

func (f *Feed) expired(now time.Time, leeway time.Duration) bool {
	return !now.Add(-leeway).Before(time.Unix(f.Expires, 0))
}

// versions reads an object of whole numbers.
func versions(to *map[string]int64, value string) error {
	if value[0] != '{' {
		return errors.New("not an object")
	}
	read := map[string]int64{}
	err := members(value, func(name, value string) error {
		if _, twice := read[name]; twice {
			return errTwice
		}
		var n int64
		err := whole(&n, value)
		read[name] = n
		return err
	})
	*to = read
	return err
}
