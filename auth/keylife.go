package auth

import (
	"fmt"
	"slices"
	"time"

	"newsroom.example/membership/models"
)

// How long a key is what. A token must verify wherever it is shown, whichever
// process signed it, with whichever process's keys.
const (
	// publishedFirst is how long a key is published before it signs: by then every
	// process and every verifier has it, the one included that keeps the document as
	// long as its headers allow.
	publishedFirst = 24 * time.Hour
	activeFor      = 90 * 24 * time.Hour
	// ringLife is how long a process signs with what it last read of the keys.
	ringLife = time.Hour
	// retiringFor is longer than the last token of a key can live: ringLife for a
	// process that has not heard, and then a token's life.
	retiringFor = ringLife + models.TokenLife + 50*time.Minute
)

// KeyStep is what becomes of one key.
type KeyStep struct {
	Kid       string          `json:"kid"` // "" where the key is yet to be made
	Algorithm string          `json:"alg"`
	From      models.KeyState `json:"from,omitempty"` // "": it is made
	To        models.KeyState `json:"to"`
}

// shelf is the published keys at one moment, and what has been decided about them.
// Its steps are in the order in which they can be written: never two active keys,
// and never two pending ones.
type shelf struct {
	now       time.Time
	algorithm string // of new keys
	keys      []models.SigningKey
	steps     []shelfStep
}

// shelfStep is the state that a key comes from, "" for a new one, and the key as it
// is to be.
type shelfStep struct {
	from models.KeyState
	key  models.SigningKey
}

// in is the key in that state; nil if there is none.
func (s *shelf) in(state models.KeyState) *models.SigningKey {
	if i := slices.IndexFunc(s.keys, func(k models.SigningKey) bool { return k.State == state }); i >= 0 {
		return &s.keys[i]
	}
	return nil
}

// move changes a key's state. The private half of a key that is over is of no use to
// us: it is not kept.
func (s *shelf) move(key *models.SigningKey, to models.KeyState) {
	from, now := key.State, s.now
	key.State = to
	switch to {
	case models.KeyActive:
		key.ActivatedAt = &now
	case models.KeyRetiring:
		key.RetiringAt = &now
	case models.KeyRetired, models.KeyRevoked:
		key.EndedAt, key.SealedPrivate = &now, []byte{}
	}
	s.steps = append(s.steps, shelfStep{from, *key})
}

// add asks for a new key.
func (s *shelf) add(state models.KeyState) {
	key := models.SigningKey{Alg: s.algorithm, State: state, CreatedAt: s.now}
	if state == models.KeyActive {
		key.ActivatedAt = &s.now
	}
	s.keys = append(s.keys, key)
	s.steps = append(s.steps, shelfStep{"", key})
}

// maySign is when every verifier has the pending key.
func maySign(pending *models.SigningKey) time.Time { return pending.Since().Add(publishedFirst) }

// upkeep does what is due: the first keys, the rotation, the end of a key that
// retires.
//
// A pending key of another algorithm than the setting's gives way, but only when its
// day is over: two processes with different settings, as in the middle of a
// deployment, exchange one key a day, not one at every look.
func (s *shelf) upkeep() {
	s.retire()
	active, next := s.in(models.KeyActive), s.in(models.KeyPending)
	switch ready := next != nil && !s.now.Before(maySign(next)); {
	case active == nil && next == nil:
		s.add(models.KeyActive)
	case active == nil:
		s.move(next, models.KeyActive)
	case ready && s.outlived(active, next):
		s.turn(active, next)
	case ready && next.Alg != s.algorithm:
		s.move(next, models.KeyRetired)
	}
	s.fill()
}

func (s *shelf) retire() {
	for i := range s.keys {
		if k := &s.keys[i]; k.State == models.KeyRetiring && !s.now.Before(k.Since().Add(retiringFor)) {
			s.move(k, models.KeyRetired)
		}
	}
}

// outlived says whether the active key has signed long enough, or is of another
// algorithm than the setting's, and the next is not.
func (s *shelf) outlived(active, next *models.SigningKey) bool {
	return !s.now.Before(active.Since().Add(activeFor)) || active.Alg != s.algorithm && next.Alg == s.algorithm
}

func (s *shelf) turn(active, next *models.SigningKey) {
	s.move(active, models.KeyRetiring)
	s.move(next, models.KeyActive)
}

// fill sees to it that one key is always waiting.
func (s *shelf) fill() {
	if s.in(models.KeyPending) == nil {
		s.add(models.KeyPending)
	}
}

// rotate has the next key sign from now on, if every verifier has it.
func (s *shelf) rotate() error {
	active, next := s.in(models.KeyActive), s.in(models.KeyPending)
	if active == nil || next == nil {
		return errNoNextKey
	}
	if soonest := maySign(next); s.now.Before(soonest) {
		return fmt.Errorf("the next key, %s, may sign from %s on, when it has been published for a day: before, article services that keep the old keys would refuse its tokens. If the active key has leaked, do not wait: membership keys revoke %s",
			next.Kid, soonest.Format("2006-01-02 15:04 UTC"), active.Kid)
	}
	s.turn(active, next)
	s.fill()
	return nil
}

// revoke takes a key out of the published ones at once. If it was the active one,
// the next signs, however long it has been published.
func (s *shelf) revoke(kid string) {
	i := slices.IndexFunc(s.keys, func(k models.SigningKey) bool { return k.Kid == kid })
	if i < 0 {
		return
	}
	was := s.keys[i].State
	s.move(&s.keys[i], models.KeyRevoked)
	next := s.in(models.KeyPending)
	switch {
	case was == models.KeyActive && next == nil:
		s.add(models.KeyActive)
	case was == models.KeyActive:
		s.move(next, models.KeyActive)
	}
	s.fill()
}
