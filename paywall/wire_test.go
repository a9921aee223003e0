package paywall_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

// wire answers requests from memory, so that synctest's clock runs: for keys as
// the fields say, for the feed as the issuer does.
type wire struct {
	issuer *paywalltest.Issuer

	mu      sync.Mutex
	status  int
	body    []byte
	fetches int
	broken  bool // all of it
	hanging bool // until the request is given up
	mute    bool // the same of the feed
	ended   int  // requests given up
	log     lines

	asks   []string                              // what If-None-Match said at each ask for the feed
	asked  []time.Time                           // when
	replay func(http.ResponseWriter) (took bool) // somebody in between
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/.well-known/revocations" {
		return w.feed(r)
	}
	hanging := false
	w.set(func(w *wire) { w.fetches++; hanging = w.hanging })
	if hanging {
		<-r.Context().Done()
		w.set(func(w *wire) { w.ended++ })
		return nil, r.Context().Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		return nil, errors.New("connection refused")
	}
	header := http.Header{"Cache-Control": {"public, max-age=300"}}
	return &http.Response{StatusCode: w.status, Header: header, Body: io.NopCloser(strings.NewReader(string(w.body)))}, nil
}

func (w *wire) feed(r *http.Request) (*http.Response, error) {
	mute := false
	w.set(func(w *wire) { mute = w.mute })
	if mute {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asks, w.asked = append(w.asks, r.Header.Get("If-None-Match")), append(w.asked, time.Now())
	if w.broken {
		return nil, errors.New("connection refused")
	}
	answer := httptest.NewRecorder()
	if w.replay == nil || !w.replay(answer) {
		w.issuer.ServeHTTP(answer, r)
	}
	return answer.Result(), nil
}

func (w *wire) set(f func(*wire)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fetches
}

// inBubble runs the test on a clock of its own, with a verifier whose first
// fetch, of the issuer's keys and feed, is over.
func inBubble(t *testing.T, test func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier), change ...func(*paywall.Config)) {
	t.Helper()
	issuer := paywalltest.NewIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		w := &wire{status: http.StatusOK, body: issuer.JWKS(), issuer: issuer}
		v := w.verifier(t, change...)
		defer v.Close()
		if err := v.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		test(t, issuer, w, v)
	})
}

func (w *wire) verifier(t *testing.T, change ...func(*paywall.Config)) *paywall.Verifier {
	t.Helper()
	config := paywall.Config{
		Issuer: w.issuer.URL(), Audience: paywalltest.Audience, Clock: w.issuer.Now,
		HTTPClient: &http.Client{Transport: w}, Logger: w.log.logger(),
	}
	for _, c := range change {
		c(&config)
	}
	v, err := paywall.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// pass lets time go by and the background do what is due.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
