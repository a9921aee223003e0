package control

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// button is a form of the page. Its name tells the page, after it was pressed, which
// words to say where.
type button struct {
	path          string
	name, section string
	done          string
	does          func(*http.Request) error
}

func (s *server) buttons() []button {
	return []button{
		{"/clock", "advance", "now", "The clock has moved, and what was due has happened.", s.advance},
		{"/subscriptions/{id}/decline", "decline", "subscriptions", "The next renewal will be declined, and so will every further attempt at it.", s.decline},
		{"/payments/{id}/refund", "refund", "payments", "The payment has gone back.", s.refund},
		{"/payments/{id}/dispute", "dispute", "payments", "The cardholder disputes the payment: the bank has taken the money until it decides.", s.dispute},
		{"/disputes/{id}/verdict", "verdict", "payments", "The bank has decided.", s.decide},
		{"/webhooks/lose", "lose", "deliveries", "The next webhooks will get lost. Resend brings one after all.", s.lose},
		{"/events/{id}/resend", "resend", "deliveries", "The event was sent once more.", s.resend},
	}
}

// leap is how far one button moves the clock.
type leap struct{ Name, Label string }

// leaps are the buttons, in the page's order. The first outlives a token.
var leaps = []leap{{"quarter", "15 minutes"}, {"hour", "an hour"}, {"day", "a day"}, {"month", "a month"}}

// span is how long a leap is from that moment on. A month ends on the same day of
// the next one, or in the first days after it if that is shorter.
func span(name string, from time.Time) (time.Duration, error) {
	switch name {
	case "quarter":
		return 15 * time.Minute, nil
	case "hour":
		return time.Hour, nil
	case "day":
		return from.AddDate(0, 0, 1).Sub(from), nil
	case "month":
		return from.AddDate(0, 1, 0).Sub(from), nil
	}
	return 0, fmt.Errorf("the clock cannot be advanced by %q", name)
}

func (s *server) advance(r *http.Request) error {
	by, err := span(r.PostFormValue("by"), s.Clock().UTC())
	if err != nil {
		return err
	}
	if err := s.Advance(by); err != nil {
		return fmt.Errorf("the clock stays where it is: %w", err)
	}
	s.Sim.RunDue()
	return nil
}

func (s *server) decline(r *http.Request) error {
	return s.Sim.DeclineNextRenewal(r.PathValue("id"))
}

func (s *server) refund(r *http.Request) error { return s.Sim.Refund(r.PathValue("id"), 0) }

func (s *server) dispute(r *http.Request) error {
	_, err := s.Sim.Dispute(r.PathValue("id"), "fraudulent")
	return err
}

// decide ends a dispute as the button says: won by the newsroom, or lost.
func (s *server) decide(r *http.Request) error {
	return s.Sim.ResolveDispute(r.PathValue("id"), r.PostFormValue("status"))
}

// most is how many webhooks can be lost with one press.
const most = 1000

func (s *server) lose(r *http.Request) error {
	n, err := strconv.Atoi(r.PostFormValue("count"))
	if err != nil || n < 0 || n > most {
		return errors.New("how many webhooks shall be lost? Type a number from 0 to " + strconv.Itoa(most))
	}
	s.Sim.LoseNextWebhooks(n)
	return nil
}

func (s *server) resend(r *http.Request) error { return s.Sim.Resend(r.PathValue("id")) }
