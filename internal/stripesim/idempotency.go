package stripesim

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// keyLife is how long a key replays its answer, in seconds.
// https://docs.stripe.com/api/idempotent_requests
const keyLife = 24 * 60 * 60

// answers remembers what each idempotency key was first answered. It has its
// own lock, because a key is claimed before the world is.
type answers struct {
	mu      sync.Mutex
	byKey   map[string]*remembered
	claimed []claimed // the oldest first, to forget them by
}

type claimed struct {
	key string
	at  int64
}

type remembered struct {
	Path   string  `json:"path"`
	Params string  `json:"params"`
	At     int64   `json:"at"`
	Answer *answer `json:"answer"` // nil while the first call is under way
}

func newAnswers() *answers { return &answers{byKey: map[string]*remembered{}} }

// claim takes the key for this call. It answers what the key was answered
// before, or refuses if the first call is under way or was another one.
func (a *answers) claim(c *call, now time.Time) (*answer, *apiError) {
	a.mu.Lock()
	defer a.mu.Unlock()
	params, _ := json.Marshal([]any{c.params, c.expand}) // decoded forms are always JSON
	a.forget(now)
	old, ok := a.byKey[c.key]
	if !ok {
		a.byKey[c.key] = &remembered{Path: c.path, Params: string(params), At: now.Unix()}
		a.claimed = append(a.claimed, claimed{c.key, now.Unix()})
		return nil, nil
	}
	switch {
	case old.Path != c.path:
		return nil, keyMisused("Keys for idempotent requests can only be used for the same endpoint they were first used for ('" +
			c.path + "' vs '" + old.Path + "'). Try using a key other than '" + c.key + "' if you meant to execute a different request.")
	case old.Params != string(params):
		return nil, keyMisused("Keys for idempotent requests can only be used with the same parameters they were first used with. " +
			"Try using a key other than '" + c.key + "' if you meant to execute a different request.")
	case old.Answer == nil:
		e := keyMisused("There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, " +
			"and the other request is still going through): " + c.key + ". Please try again later.")
		e.status, e.code = http.StatusConflict, "idempotency_key_in_use"
		return nil, e
	}
	return old.Answer, nil
}

// forget drops the keys that have lived their day.
func (a *answers) forget(now time.Time) {
	for len(a.claimed) > 0 && now.Unix()-a.claimed[0].at >= keyLife {
		oldest := a.claimed[0]
		a.claimed = a.claimed[1:]
		if r := a.byKey[oldest.key]; r != nil && r.At == oldest.at {
			delete(a.byKey, oldest.key)
		}
	}
}

// takeUp remembers what an earlier run was asked.
func (a *answers) takeUp(old map[string]remembered) {
	for key, r := range old {
		a.byKey[key] = &r
		a.claimed = append(a.claimed, claimed{key, r.At})
	}
	slices.SortFunc(a.claimed, func(x, y claimed) int { return cmp.Compare(x.at, y.at) })
}

func keyMisused(message string) *apiError {
	return &apiError{status: http.StatusBadRequest, kind: "idempotency_error", message: message}
}

// keep stores the answer that later calls with the key will hear.
func (a *answers) keep(key string, ans answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if claimed := a.byKey[key]; claimed != nil {
		claimed.Answer = &ans
	}
}

// release forgets a key whose call came to nothing.
func (a *answers) release(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if claimed := a.byKey[key]; claimed != nil && claimed.Answer == nil {
		delete(a.byKey, key)
	}
}

// kept answers the finished answers that are still alive, for the state file.
func (a *answers) kept(now time.Time) map[string]remembered {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[string]remembered{}
	for key, r := range a.byKey {
		if r.Answer != nil && now.Unix()-r.At < keyLife {
			out[key] = *r
		}
	}
	return out
}
