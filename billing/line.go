package billing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"
)

// Line is the way to Stripe: stripe-go's client above a transport that decides how
// long a request may take, when it is asked again, and who waits for whom.
type Line struct {
	*client.API
	transport *transport
}

// Stripe is the real stripe-go client, pointed at base ("" is api.stripe.com). Its
// workers are held to no rate until Within says one.
func Stripe(key, base string) *Line {
	network := http.DefaultTransport.(*http.Transport).Clone()
	network.MaxIdleConnsPerHost = 64 // every request of a busy lane goes to one host
	way := &transport{network: network, pace: newPace(Limits{})}
	config := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Transport: way},
		MaxNetworkRetries: stripe.Int64(0), // the transport's own: stripe-go's leaves out 429, and waits as long for a reader as for a worker
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		EnableTelemetry:   stripe.Bool(false),
	}
	if base != "" {
		config.URL = stripe.String(base)
	}
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, config)
	return &Line{client.New(key, &stripe.Backends{API: backend, Connect: backend, Uploads: backend}), way}
}

// Within holds the workers to their share of the account's limits, and returns the
// line.
func (l *Line) Within(limits Limits) *Line {
	l.transport.pace = newPace(limits)
	return l
}

const (
	// stripeTimeout bounds each try; stripe-go's own default is 80 s, longer than
	// any reader waits.
	stripeTimeout = 10 * time.Second
	// downTimeout is what a reader's request gets while Stripe is known to be down:
	// it may be back, and an answer from us should come soon if it is not.
	downTimeout = 3 * time.Second
	// readerTries fit into the time that a page may take.
	readerTries = 2
	// retryPause is how long to wait before asking again, unless Stripe says.
	retryPause = 500 * time.Millisecond
	// longestPause bounds what a reader waits where Stripe says.
	longestPause = 2 * time.Second
)

// transport carries every request to Stripe. Readers go at once and are tried twice;
// workers wait for their turn, and as long as Stripe asks them to.
type transport struct {
	network http.RoundTripper
	pace    *pace
	down    atomic.Bool // the breaker is open
}

type workerKey struct{}

// asWorker marks calls that nobody is waiting for.
func asWorker(ctx context.Context) context.Context { return context.WithValue(ctx, workerKey{}, true) }

func isWorker(ctx context.Context) bool { return ctx.Value(workerKey{}) != nil }

// RoundTrip is http.RoundTripper's. The answer's body is whole.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if isWorker(req.Context()) {
		return t.inTurn(req)
	}
	return t.atOnce(req)
}

func (t *transport) atOnce(req *http.Request) (*http.Response, error) {
	tries, timeout := readerTries, stripeTimeout
	if t.down.Load() {
		tries, timeout = 1, downTimeout
	}
	for try := 1; ; try++ {
		res, err := t.once(req, timeout)
		if try == tries || !worthAnother(req, res, err) {
			return res, err
		}
		pause(req.Context(), min(pauseAfter(res), longestPause))
	}
}

// inTurn waits for the workers' pace before each try. "Too many requests" is no
// failure: it slows the pace down, and the request is asked again until its context
// ends.
func (t *transport) inTurn(req *http.Request) (*http.Response, error) {
	ctx, endpoint := req.Context(), t.pace.endpoint(req.URL.Path)
	for try := 1; ; {
		turn, err := t.pace.wait(ctx, endpoint)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBusy, err)
		}
		res, err := t.once(req, stripeTimeout)
		switch {
		case tooMany(res):
			endpoint.slower(turn, pauseAfter(res))
			continue
		case err == nil && res.StatusCode < http.StatusInternalServerError:
			endpoint.faster()
		}
		if try == readerTries || !worthAnother(req, res, err) {
			return res, err
		}
		pause(ctx, pauseAfter(res))
		try++
	}
}

// once asks and reads the whole answer within the timeout: one that breaks off in
// the middle is a failure that can be tried again.
func (t *transport) once(req *http.Request, timeout time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), timeout)
	defer cancel()
	try := req.Clone(ctx)
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, fmt.Errorf("repeat the body of a request: %w", err)
		}
		try.Body = body
	}
	res, err := t.network.RoundTrip(try)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read Stripe's answer: %w", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// worthAnother says whether the same request may be answered better in a moment. A
// POST that met a 500 is not: Stripe keeps that answer under its idempotency key.
// https://stripe.com/docs/error-low-level#idempotency
func worthAnother(req *http.Request, res *http.Response, err error) bool {
	if err != nil {
		return req.Context().Err() == nil
	}
	switch advice := res.Header.Get("Stripe-Should-Retry"); {
	case advice != "":
		return advice == "true"
	case res.StatusCode == http.StatusConflict, res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusServiceUnavailable:
		return true
	}
	return res.StatusCode >= http.StatusInternalServerError && req.Method != http.MethodPost
}

// tooMany says whether Stripe counts too many requests. The same status with a lock
// that is taken says nothing about our rate.
// https://stripe.com/docs/rate-limits
func tooMany(res *http.Response) bool {
	if res == nil || res.StatusCode != http.StatusTooManyRequests {
		return false
	}
	body, _ := io.ReadAll(res.Body) // once has put it into memory
	res.Body = io.NopCloser(bytes.NewReader(body))
	return !bytes.Contains(body, []byte(stripe.ErrorCodeLockTimeout))
}

// pauseAfter is how long to wait before the next try: what Stripe asks for, or about half
// a second.
func pauseAfter(res *http.Response) time.Duration {
	if res != nil {
		if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
			return time.Duration(seconds) * time.Second
		}
	}
	return retryPause/2 + rand.N(retryPause)
}
