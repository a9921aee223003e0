package billing

import (
	"errors"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// Kind is what sort of answer an error deserves at the edge.
type Kind string

// The kinds of errors.
const (
	KindInvalid     Kind = "invalid"     // what was asked for cannot be: say what to change
	KindNotFound    Kind = "not_found"   // nothing here, or not theirs
	KindConflict    Kind = "conflict"    // true a moment ago, not any more
	KindUnavailable Kind = "unavailable" // Stripe or the database: try again
	KindLimited     Kind = "limited"     // too often: later
)

// Error is a refusal that a person is to read. Code names the sentence in the
// message catalogue ("error." + Code), Data fills it, Field says which input of
// the form it belongs to ("" for the whole form), Wait how long until it may go
// better (0: nobody knows). Any other error is a fault of ours and shows nobody its
// text.
type Error struct {
	Kind  Kind
	Code  string
	Field string
	Data  map[string]any
	Wait  time.Duration
	Err   error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Code, e.Err)
	}
	return e.Code
}

func (e *Error) Unwrap() error { return e.Err }

func invalid(code, field string, data map[string]any) *Error {
	return &Error{Kind: KindInvalid, Code: code, Field: field, Data: data}
}

// unavailable keeps of Stripe's own errors no more than fault tells: it is logged at
// the edge.
func unavailable(doing string, err error) *Error {
	var e *stripe.Error
	if errors.As(err, &e) {
		err = errors.New(fault(err))
	}
	return &Error{Kind: KindUnavailable, Code: "stripe_unavailable", Err: fmt.Errorf("%s: %w", doing, err)}
}
