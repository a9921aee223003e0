package stripesim

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// faultHeader marks an answer that a fault has bent, for whoever would judge it.
const faultHeader = "Stripesim-Fault"

// suffer draws what goes wrong with a call, after it was made to wait as long
// as it must. It is false when its client has gone meanwhile.
func (s *Sim) suffer(ctx context.Context, route string, c *call) (strike, bool) {
	about := s.aboutCall(c)
	if slow, struck := s.faults.draw(route, about, Slow); struck && !pause(ctx, slow.wait) {
		return strike{}, false
	}
	hit, _ := s.faults.draw(route, about, callHarms...)
	return hit, true
}

func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// aboutCall answers whom a call names, by the customer's id or through another
// object of theirs: in its address or in its parameters.
func (s *Sim) aboutCall(c *call) func(string) bool {
	if !s.faults.asksForCustomers() {
		return func(string) bool { return false }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	named := []func(string) bool{s.about(s.store.byID[c.id])}
	for _, v := range c.params {
		if id, isText := v.(string); isText {
			named = append(named, s.about(s.store.byID[id]))
		}
	}
	return func(customer string) bool {
		return slices.ContainsFunc(named, func(is func(string) bool) bool { return is(customer) })
	}
}

// refusal is the answer to a call that is not carried out at all, and that no
// idempotency key remembers; nil for other mishaps.
// https://docs.stripe.com/rate-limits, https://docs.stripe.com/error-low-level
func refusal(harm Mishap) *apiError {
	switch harm {
	case RateLimited, Bucket:
		return &apiError{status: http.StatusTooManyRequests, kind: "invalid_request_error", code: "rate_limit",
			message: "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits."}
	case LockTimeout:
		return &apiError{status: http.StatusTooManyRequests, kind: "invalid_request_error", code: "lock_timeout",
			message: "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. " +
				"If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent requests " +
				"to a single object, make your requests serially or at a lower rate. For more details, see https://stripe.com/docs/rate-limits#object-lock-timeouts."}
	case Unavailable:
		return &apiError{status: http.StatusServiceUnavailable, kind: "api_error", message: "Stripe is temporarily unavailable."}
	}
	return nil
}

// failing makes a handler answer 500, before or after it did its work; other
// mishaps leave it as it is. What it answers is kept under the idempotency key.
func failing(does handler, harm Mishap) handler {
	broken := &apiError{status: http.StatusInternalServerError, kind: "api_error",
		message: "Sorry! There was an error while talking to one of our backends. Support has been notified."}
	switch harm {
	case ErrorUndone:
		return func(*Sim, *call) (object, *apiError) { return nil, broken }
	case ErrorDone:
		return func(s *Sim, c *call) (object, *apiError) {
			if _, err := does(s, c); err != nil {
				return nil, err
			}
			return nil, broken
		}
	}
	return does
}

// silence keeps a client waiting until it goes or the plan changes, or cuts it
// off, if the mishap says so. It does not return then.
func (s *Sim) silence(w http.ResponseWriter, r *http.Request, harm Mishap, when ...Mishap) {
	if !slices.Contains(when, harm) {
		return
	}
	switch harm {
	case Hang, HangDone:
		healed := s.faults.untilHealed()
		select {
		case <-r.Context().Done():
		case <-healed:
		}
	case Reset, ResetDone:
		reset(w)
	}
	panic(http.ErrAbortHandler) // how a handler drops its connection, says net/http
}

// reset closes a connection with RST where it can be had.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0) // else it is closed in order, which is no less the end
	}
	conn.Close()
}

// bend makes an answer as wrong as the plan says.
func (s *Sim) bend(w http.ResponseWriter, route string, hit strike, a answer) answer {
	whole := len(a.Body)
	odd, struck := s.faults.draw(route, func(id string) bool { return bytes.Contains(a.Body, []byte(id)) }, UnknownEnum)
	switch {
	case hit.do == Garbage:
		a.Status, a.Body = http.StatusOK, []byte("<html><body>Down for maintenance</body></html>")
	case hit.do == HalfBody: // promised whole: net/http cuts the connection when it is not
		w.Header().Set("Content-Length", strconv.Itoa(whole))
		a.Body = a.Body[:whole/2]
	case struck:
		a.Body, hit = withOddStatuses(a.Body, odd.customer), odd
	}
	if hit.do != "" {
		w.Header().Set(faultHeader, string(hit.do))
	}
	if refusal(hit.do) != nil && hit.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(hit.wait.Seconds())))
	}
	return a
}

// withOddStatuses gives every object, or every object of one customer, a status
// that no enumeration has.
func withOddStatuses(body []byte, customer string) []byte {
	o, err := decodeObject(body)
	if err != nil {
		return body
	}
	oddStatuses(o, customer)
	return encode(o)
}

func oddStatuses(v any, customer string) {
	switch v := v.(type) {
	case object:
		if _, has := v["status"].(string); has && (customer == "" || v["customer"] == customer || str(v, "customer.id") == customer) {
			v["status"] = "of_a_later_version"
		}
		for _, inner := range v {
			oddStatuses(inner, customer)
		}
	case []any:
		for _, inner := range v {
			oddStatuses(inner, customer)
		}
	}
}
