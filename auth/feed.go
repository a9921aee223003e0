package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

const (
	// feedLife is how long the document may be believed.
	feedLife = time.Minute
	// feedFresh is how long one document is handed out, and how late a revocation can
	// be for it.
	feedFresh = time.Second
	// maxRevocations is how many the document holds: in base64 they take two thirds
	// of paywall.MaxFeedBytes.
	maxRevocations = 10_000
)

// Revocations is the signed document of tokens that are dead although they have not
// run out. For a second of real time it comes from memory, and everybody gets the
// same: what was committed before the call is in it, unless another call got it within
// that second.
func (s *Service) Revocations(ctx context.Context) (Document, error) {
	if d := s.feed.Load(); d != nil {
		return *d, nil
	}
	select {
	case s.loading <- struct{}{}:
		defer func() { <-s.loading }()
	case <-ctx.Done():
		return Document{}, fmt.Errorf("wait for the revocations: %w", ctx.Err())
	}
	if d := s.feed.Load(); d != nil { // whoever was here before has loaded it
		return *d, nil
	}
	d, err := s.loadFeed(ctx)
	if err != nil {
		return Document{}, err
	}
	s.feed.Store(&d)
	time.AfterFunc(s.feedFresh, func() { s.feed.Store(nil) })
	return d, nil
}

func (s *Service) loadFeed(ctx context.Context) (Document, error) {
	key, err := s.Keys.signer(ctx)
	if err != nil {
		return Document{}, err
	}
	now := s.now() // before the look: what comes later is not in it
	rows, err := s.revocations(ctx, now)
	if err != nil {
		return Document{}, err
	}
	told := tell(rows)
	said, err := json.Marshal(told)
	if err != nil {
		return Document{}, fmt.Errorf("write the revocations: %w", err)
	}
	told.Issuer, told.IssuedAt, told.Expires = s.cfg.Issuer, now.Unix(), now.Add(feedLife).Unix()
	body, err := key.signUnder(key.feedHeader, told)
	if err != nil {
		return Document{}, err
	}
	return Document{Body: []byte(body), ETag: newDocument(said).ETag}, nil
}

// revocations reads what is to be told at now, the newest first, by one statement. The
// newest is told however old it is, because the sequence must not fall.
//
// A sequence says which of two documents is older, not what is in them: of two
// revocations the one with the lower id may be committed later. That is why all are
// read anew each time, never those above the highest id that was read before.
func (s *Service) revocations(ctx context.Context, now time.Time) ([]models.Revocation, error) {
	var rows []models.Revocation
	err := s.db.WithContext(ctx).Where("until > ? OR id = (SELECT max(id) FROM revocations)", now).
		Order("id DESC").Limit(maxRevocations + 1).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("load the revocations: %w", err)
	}
	if len(rows) > maxRevocations {
		s.log.ErrorContext(ctx, "more revocations than the feed holds: the oldest are left to the end of their tokens", "holds", maxRevocations)
		rows = rows[:maxRevocations]
	}
	return rows, nil
}

// tell is what a document says of these revocations.
func tell(rows []models.Revocation) paywall.Feed {
	told := paywall.Feed{Subjects: map[string]int64{}}
	for _, row := range rows {
		told.Sequence = max(told.Sequence, row.ID)
		if row.SessionID != nil {
			told.Sessions = append(told.Sessions, sessionName(*row.SessionID))
			continue
		}
		member := Subject(*row.MemberID)
		told.Subjects[member] = max(told.Subjects[member], *row.Version)
	}
	slices.Sort(told.Sessions)
	return told
}
