package paywall

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Verifier checks tokens and guards handlers. It is safe for concurrent use.
type Verifier struct {
	config   Config
	verdicts tally

	keys        atomic.Pointer[keySet]
	keysFailing atomic.Bool   // the last fetch of keys failed
	unknownKey  chan struct{} // asks for a fetch
	haveKeys    chan struct{} // closed with the first keys

	heard       atomic.Pointer[heard]
	feedFailing atomic.Bool   // the last ask for revocations failed,
	feedAway    atomic.Bool   // for want of an answer
	feedRefused atomic.Uint64 // answers that were not believed

	ready  chan struct{} // closed once there were keys and the feed was asked
	done   chan struct{} // closed when the background has ended
	cancel context.CancelFunc
}

// New checks the configuration, reporting all its faults at once, and starts
// to fetch the issuer's keys and revocations in the background. It doesn't wait for them: a
// newspaper starts, and serves what is free, also while the membership service
// is away. Until keys have come, tokens get ErrUnavailable; Ready waits.
func New(config Config) (*Verifier, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("paywall configuration: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	v := &Verifier{
		config:     config,
		unknownKey: make(chan struct{}, 1),
		haveKeys:   make(chan struct{}),
		ready:      make(chan struct{}),
		done:       make(chan struct{}),
		cancel:     cancel,
	}
	v.heard.Store(&heard{confirmed: time.Now()})
	v.loadKeys()
	go v.work(ctx)
	return v, nil
}

// work is all that goes on in the background.
func (v *Verifier) work(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { v.keepKeys(ctx) })
	tasks.Go(func() { v.keepFeed(ctx) })
	tasks.Wait()
	close(v.done)
}

// Close ends the fetching of keys and revocations and waits until it has
// ended. Tokens are still checked with what is at hand, until the keys are
// older than MaxStale.
func (v *Verifier) Close() {
	v.cancel()
	<-v.done
}

// Ready waits until there are keys to check tokens with and the revocation
// feed was asked once, or until ctx ends or the verifier is closed. It reports
// whether tokens can be checked: nil, or an error that is ErrUnavailable. With
// a context that has ended it is a health check.
func (v *Verifier) Ready(ctx context.Context) error {
	select {
	case <-v.ready:
	case <-v.done:
	case <-ctx.Done():
	}
	if v.usableKeys() == nil || v.silent(v.heard.Load()) {
		return errors.Join(ErrUnavailable, ctx.Err())
	}
	return nil
}

// usableKeys returns the keys, or nil when there are none yet or they are too
// old to be believed.
func (v *Verifier) usableKeys() *keySet {
	set := v.keys.Load()
	if set == nil || time.Since(set.fetched) > v.config.MaxStale {
		return nil
	}
	return set
}

// Verify returns whose token it is. The error is ErrInvalid, ErrExpired,
// ErrRevoked or ErrUnavailable (by errors.Is); the Member is then zero. It
// never waits for the network.
func (v *Verifier) Verify(token string) (Member, error) {
	m, err := v.verify(token)
	v.verdicts.count(err)
	return m, err
}

func (v *Verifier) verify(token string) (Member, error) {
	if len(token) > MaxTokenBytes {
		return Member{}, fmt.Errorf("%w: longer than %d bytes", ErrInvalid, MaxTokenBytes)
	}
	set := v.usableKeys()
	if set == nil {
		return Member{}, ErrUnavailable
	}
	if m := set.cache.get(token); m != nil {
		return v.admit(m)
	}
	m, err := v.verifyCold(set, token)
	if err != nil {
		return Member{}, err
	}
	set.cache.put(token, m)
	return v.admit(m)
}

// verifyCold checks all of a token that stays as it is.
func (v *Verifier) verifyCold(set *keySet, token string) (*Member, error) {
	claims, err := set.check(token)
	if errors.Is(err, errUnknownKey) {
		v.askForKeys()
	}
	if err != nil {
		return nil, err
	}
	if err := claims.meant(v.config.Issuer, v.config.Audience, v.config.MaxLifetime); err != nil {
		return nil, err
	}
	m := newMember(claims)
	return &m, nil
}

// admit checks what time and the issuer can change, on every use of a token.
func (v *Verifier) admit(m *Member) (Member, error) {
	if err := m.claims.timely(v.config.Clock(), v.config.Leeway); err != nil {
		return Member{}, err
	}
	h := v.heard.Load()
	if h.dead(&m.claims) {
		return Member{}, ErrRevoked
	}
	if v.silent(h) {
		return Member{}, ErrUnavailable
	}
	return *m, nil
}
