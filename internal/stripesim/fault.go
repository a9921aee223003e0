package stripesim

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Mishap names one way in which things go wrong. The zero plan has none.
type Mishap string

// What can happen to an event, to its deliveries, and to their letters. A
// mangled letter that the endpoint refuses is tried again as any other.
const (
	EventUnmade     Mishap = "event_unmade"     // never made: in no list, delivered nowhere
	Dropped         Mishap = "dropped"          // made, and delivered nowhere, now or later
	Missed          Mishap = "missed"           // an attempt that reaches nobody; Stripe tries again. Every time is a dead endpoint
	Duplicated      Mishap = "duplicated"       // Count further parcels of the same event, at once; 0 is one
	Delayed         Mishap = "delayed"          // by Min to Max of real time
	Shuffled        Mishap = "shuffled"         // the next to go is any of the first Count; 0 is ten
	WrongSignature  Mishap = "wrong_signature"  // under a secret that is not the endpoint's
	NoSignature     Mishap = "no_signature"     // the header is missing
	OldSignature    Mishap = "old_signature"    // signed ten minutes ago
	FutureSignature Mishap = "future_signature" // signed in ten minutes
	OtherVersion    Mishap = "other_version"    // another api_version in the payload
	LivemodeFlipped Mishap = "livemode_flipped"
	MalformedBody   Mishap = "malformed_body" // half of the JSON, well signed
)

// What can happen to a call of the API.
const (
	RateLimited Mishap = "rate_limited"   // 429 rate_limit, not carried out; Retry-After is Min, if set
	LockTimeout Mishap = "lock_timeout"   // 429 lock_timeout, not carried out
	Bucket      Mishap = "bucket"         // RateLimited beyond Count calls a second (real time), for each route its own bucket of Count
	ErrorUndone Mishap = "error_undone"   // 500, not carried out, kept under the idempotency key
	ErrorDone   Mishap = "error_done"     // 500 though carried out, kept under the idempotency key
	Unavailable Mishap = "unavailable"    // 503, not carried out, not kept
	Hang        Mishap = "hang"           // not carried out, no answer until the client goes or the plan changes
	HangDone    Mishap = "hang_done"      // the same, carried out
	Reset       Mishap = "reset"          // not carried out, the connection is reset
	ResetDone   Mishap = "reset_done"     // the same, carried out
	HalfBody    Mishap = "half_body"      // carried out, half of the answer
	Garbage     Mishap = "garbage"        // carried out, 200 with a page of HTML
	UnknownEnum Mishap = "unknown_status" // carried out, statuses that nobody knows; with a Customer, in that customer's objects
	Slow        Mishap = "slow"           // Min to Max of real time before anything else
)

// Fault is one rule of a plan: what goes wrong, where, and how often.
type Fault struct {
	Do       Mishap
	Share    float64 // of what it may strike, above 0 and at most 1; 0 is every time
	Times    int     // how often at most; 0 is without end
	On       string  // an event type or a route as in "GET /v1/customers/{id}", either may end in *; empty is all
	Customer string  // only what concerns this customer, "cus_…"
	Count    int
	Min, Max time.Duration // Max below Min counts as Min
}

// These, Slow and UnknownEnum are all there are.
var (
	eventMishaps = []Mishap{EventUnmade, Dropped, Missed, Duplicated, Delayed, Shuffled}
	letterHarms  = []Mishap{WrongSignature, NoSignature, OldSignature, FutureSignature, OtherVersion, LivemodeFlipped, MalformedBody}
	callHarms    = []Mishap{RateLimited, LockTimeout, Bucket, ErrorUndone, ErrorDone, Unavailable, Hang, HangDone, Reset, ResetDone, HalfBody, Garbage}
)

func (f Fault) check() error {
	known := slices.Concat(eventMishaps, letterHarms, callHarms, []Mishap{Slow, UnknownEnum})
	switch {
	case !slices.Contains(known, f.Do):
		return fmt.Errorf("no mishap is called %q", f.Do)
	case f.Share < 0 || f.Share > 1:
		return fmt.Errorf("%s: a share lies between 0 and 1, not %v", f.Do, f.Share)
	case f.Times < 0 || f.Count < 0 || f.Min < 0:
		return fmt.Errorf("%s: a number below zero", f.Do)
	case f.Do == Bucket && f.Count == 0:
		return fmt.Errorf("%s: say in Count how many calls a second it takes", f.Do)
	}
	return nil
}

// Inject makes these faults the plan from now on, in place of the one before;
// without faults everything is well again, and calls that hang end. Among
// several that could strike one thing, the first does; Slow goes with any. The
// draws follow from seed, in the order in which things happen.
func (s *Sim) Inject(seed uint64, faults ...Fault) error {
	for i, f := range faults {
		if err := f.check(); err != nil {
			return fmt.Errorf("inject fault %d: %w", i, err)
		}
	}
	s.faults.replace(seed, faults)
	return nil
}

// Injected answers how often each mishap has struck since the simulator began.
func (s *Sim) Injected() map[Mishap]int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return maps.Clone(s.faults.struck)
}
