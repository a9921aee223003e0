package stripesim

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// keyLife is how long a key replays its answer.
// https://docs.stripe.com/api/idempotent_requests
const keyLife = 24 * time.Hour

// answers remembers what each idempotency key was first answered. It has its
// own lock, because a key is claimed before the world is.
type answers struct {
	mu    sync.Mutex
	byKey map[string]*remembered
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
	old, ok := a.byKey[c.key]
	if !ok || now.Sub(time.Unix(old.At, 0)) >= keyLife {
		a.byKey[c.key] = &remembered{Path: c.path, Params: string(params), At: now.Unix()}
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
		if r.Answer != nil && now.Sub(time.Unix(r.At, 0)) < keyLife {
			out[key] = *r
		}
	}
	return out
}
