package billing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sony/gobreaker/v2"
	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// The breaker stands before the workers. While Stripe is down nothing is claimed, so
// that an outage uses up nobody's patience; one sync after each rest finds out
// whether it is over. What one customer alone meets says nothing about Stripe.

const (
	// outageAfter is how many syncs in a row must find Stripe down.
	outageAfter = 5
	// breakerRest is how long nothing is tried then.
	breakerRest = 5 * time.Second
)

// breaker answers whether there was something to do.
type breaker = gobreaker.CircuitBreaker[bool]

// errNoVote says that a turn of the lane told nothing about Stripe's health.
var errNoVote = errors.New("nothing was learned about Stripe")

func (s *Service) newBreaker(rest time.Duration) *breaker {
	return gobreaker.NewCircuitBreaker[bool](gobreaker.Settings{
		MaxRequests:   1,
		Timeout:       rest,
		ReadyToTrip:   func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= outageAfter },
		IsExcluded:    func(err error) bool { return errors.Is(err, errNoVote) },
		OnStateChange: func(_ string, was, now gobreaker.State) { s.noteHealth(was, now) },
	})
}

// noteHealth tells the log when an outage begins and ends, and the readers' requests.
func (s *Service) noteHealth(was, now gobreaker.State) {
	s.stripe.transport.down.Store(now != gobreaker.StateClosed)
	switch {
	case was == gobreaker.StateClosed:
		s.log.Error("Stripe is down: the sync rests, and tries again by itself", "every", breakerRest)
	case now == gobreaker.StateClosed:
		s.log.Info("Stripe is back: the sync goes on")
	}
}

// vote is what a sync's end says about Stripe: nil that it answers, errNoVote
// nothing, another error that it is down. A subject that failed before votes only
// where the question is open: its second failure says more about itself.
func (s *Service) vote(subject models.SyncSubject, err error) error {
	var far *farError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &far), errors.Is(err, errBusy), errors.Is(err, context.Canceled):
		return errNoVote
	case !outage(err):
		return nil
	case subject.Attempts > 1 && s.breaker.State() == gobreaker.StateClosed:
		return errNoVote
	}
	return err
}

// farError is a failure at Stripe or on the way there, and not in our database.
type farError struct{ error }

func (e *farError) Unwrap() error { return e.error }

// outage says whether a failure at Stripe may be everybody's: no answer, or one from
// 500 up.
func outage(err error) bool {
	var far *farError
	var e *stripe.Error
	if !errors.As(err, &far) {
		return false
	}
	return !errors.As(err, &e) || e.HTTPStatusCode >= 500
}

// fault is what may be kept and logged of an error: of Stripe's, its type and code
// and request, because its message may quote what a customer typed.
func fault(err error) string {
	var e *stripe.Error
	if errors.As(err, &e) {
		return fmt.Sprintf("stripe: %s %s (HTTP %d, request %s)", e.Type, e.Code, e.HTTPStatusCode, e.RequestID)
	}
	return err.Error()
}
