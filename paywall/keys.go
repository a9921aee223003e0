package paywall

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// keySet is the issuer's keys as one fetch found them, with the tokens
// verified by them: when the keys change, nothing that was verified before is
// believed without a second look.
type keySet struct {
	document []byte
	keys     map[string]verifyKey
	cache    *cache
	fetched  time.Time
}

// Keys age by real time, like everything that comes over a network, also where
// Config.Clock is a clock that somebody moves.
const (
	maxJWKSBytes  = 256 << 10
	defaultMaxAge = 5 * time.Minute
	shortestAge   = 30 * time.Second
	longestAge    = time.Hour
	firstRetry    = time.Second
	lastRetry     = 30 * time.Second
	// A token with an unknown kid may be the first after a rotation, or one of
	// a flood of inventions: it earns a fetch, but only one in this time.
	unknownKeyPause = 30 * time.Second
)

// keepKeys fetches the keys now and whenever they are due, until ctx ends.
func (v *Verifier) keepKeys(ctx context.Context) {
	due, retry, asked := time.Now(), firstRetry, time.Time{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case <-v.unknownKey:
			if soon := latest(time.Now(), asked.Add(unknownKeyPause)); soon.Before(due) {
				due, asked = soon, soon
			}
		case <-timer.C:
			age, err := v.refreshKeys(ctx)
			if err != nil {
				age, retry = retry, min(2*retry, lastRetry)
			} else {
				retry = firstRetry
			}
			due = time.Now().Add(age)
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// askForKeys tells the background that a token named a key that we don't have.
// It never waits.
func (v *Verifier) askForKeys() {
	select {
	case v.unknownKey <- struct{}{}:
	default:
	}
}

// refreshKeys replaces the keys by what the issuer publishes now, and says how
// long that is good for. On any error the keys that we have stay.
func (v *Verifier) refreshKeys(ctx context.Context) (age time.Duration, err error) {
	document, age, err := v.fetchKeys(ctx)
	if err == nil {
		err = v.install(document, time.Now())
	}
	if err == nil {
		if err := v.saveKeys(v.keys.Load()); err != nil {
			v.config.Logger.WarnContext(ctx, "paywall: keys not kept for the next start", "error", err)
		}
	}
	v.keysFailing.Store(err != nil)
	if err != nil && ctx.Err() == nil {
		v.config.Logger.WarnContext(ctx, "paywall: keys not refreshed", "error", err)
	}
	return age, err
}

func (v *Verifier) install(document []byte, fetched time.Time) error {
	before := v.keys.Load()
	if before != nil && bytes.Equal(before.document, document) {
		same := *before
		same.fetched = fetched
		v.keys.Store(&same)
		return nil
	}
	keys, err := parseJWKS(document)
	if err != nil {
		return err
	}
	v.keys.Store(&keySet{document: document, keys: keys, cache: newCache(v.config.CacheSize), fetched: fetched})
	v.config.Logger.Info("paywall: keys replaced", "count", len(keys))
	if before == nil {
		close(v.haveKeys)
	}
	return nil
}

func (v *Verifier) fetchKeys(ctx context.Context) ([]byte, time.Duration, error) {
	a, err := v.fetch(ctx, v.config.JWKSURL, "application/jwk-set+json, application/json", "", maxJWKSBytes)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch keys: %w", err)
	}
	return a.body, maxAge(a.header.Get("Cache-Control")), nil
}

// maxAge reads how long the issuer says that its keys may be kept (RFC 9111,
// section 5.2.2.1), within bounds: too short would be a load on the issuer,
// too long would keep a revoked key.
func maxAge(cacheControl string) time.Duration {
	for directive := range strings.SplitSeq(cacheControl, ",") {
		value, found := strings.CutPrefix(strings.TrimSpace(directive), "max-age=")
		if seconds, err := strconv.ParseUint(value, 10, 31); found && err == nil {
			return min(max(time.Duration(seconds)*time.Second, shortestAge), longestAge)
		}
	}
	return defaultMaxAge
}
