package paywall

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// heard is what the feed has told us, and when it last did.
type heard struct {
	revocations
	etag      string
	confirmed time.Time // by real time; at first, when we began to listen
}

// keepFeed asks for the revocations, first as soon as there are keys to check
// them by, and then again and again until ctx ends.
func (v *Verifier) keepFeed(ctx context.Context) {
	select {
	case <-v.haveKeys:
	case <-ctx.Done():
		return
	}
	if v.config.Revocations > 0 {
		v.refreshFeed(ctx)
	}
	close(v.ready)
	for v.config.Revocations > 0 {
		select {
		case <-time.After(jittered(v.config.Revocations)):
			v.refreshFeed(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// jittered is up to a quarter less than d, so that the replicas of a newspaper
// don't ask all at once.
func jittered(d time.Duration) time.Duration {
	return d - rand.N(d/4+1)
}

// refreshFeed asks once. Whatever comes, what was dead before stays dead.
func (v *Verifier) refreshFeed(ctx context.Context) {
	h, err := v.askFeed(ctx, v.heard.Load())
	if ctx.Err() != nil {
		return
	}
	refused := errors.Is(err, errFeed)
	v.feedAway.Store(err != nil && !refused)
	if refused {
		v.feedRefused.Add(1)
	}
	if err == nil {
		v.heard.Store(h)
	}
	v.reportFeed(ctx, err)
}

// reportFeed logs the beginning and the end of a trouble, not each of the
// fruitless polls between.
func (v *Verifier) reportFeed(ctx context.Context, err error) {
	before := v.feedFailing.Swap(err != nil)
	switch {
	case err != nil && !before:
		v.config.Logger.WarnContext(ctx, "paywall: revocations not refreshed", "error", err)
	case err == nil && before:
		v.config.Logger.InfoContext(ctx, "paywall: revocations are refreshed again")
	}
}

var errFeed = errors.New("feed refused")

// askFeed returns what is known after asking. While the feed that we hold is
// unexpired, hearing that it is unchanged is enough; after that only a fresh
// signature is, so that nobody in between can keep saying "unchanged".
func (v *Verifier) askFeed(ctx context.Context, before *heard) (*heard, error) {
	asked, now, etag := time.Now(), v.config.Clock(), before.etag
	if before.newest.expired(now, v.config.Leeway) {
		etag = ""
	}
	a, err := v.fetch(ctx, v.config.RevocationsURL, "application/jwt", etag, MaxFeedBytes)
	if err != nil {
		return nil, fmt.Errorf("fetch revocations: %w", err)
	}
	after := *before
	after.confirmed = asked
	if a.status == http.StatusNotModified {
		return &after, nil
	}
	f, err := v.believe(string(a.body), before)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFeed, err)
	}
	after.etag = a.header.Get("ETag")
	after.revocations = before.with(f, now, now.Add(-v.config.MaxLifetime-v.config.Leeway))
	return &after, nil
}

// believe checks a feed. One that is older than what was heard before is
// refused, until that itself is so old that no token of its time lives:
// otherwise an issuer that lost its count would never be heard again.
func (v *Verifier) believe(document string, before *heard) (Feed, error) {
	f, err := v.keys.Load().feed(document)
	if errors.Is(err, errUnknownKey) {
		v.askForKeys()
	}
	if err != nil {
		return Feed{}, err
	}
	if err := f.meant(v.config.Issuer, v.config.Clock(), v.config.Leeway); err != nil {
		return Feed{}, err
	}
	if !before.follows(&f) && time.Since(before.confirmed) <= v.config.MaxLifetime {
		return Feed{}, fmt.Errorf("number %d of %d is older than what we have", f.Sequence, f.IssuedAt)
	}
	return f, nil
}

// silent reports whether the feed was not heard for longer than the newspaper
// wants to do without.
func (v *Verifier) silent(h *heard) bool {
	return v.config.FailClosedAfter > 0 && time.Since(h.confirmed) > v.config.FailClosedAfter
}
