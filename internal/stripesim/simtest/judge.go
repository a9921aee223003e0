package simtest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-mock/spec"

	"newsroom.example/membership/internal/stripesim"
)

// judge stands before the simulator and holds every call against Stripe's own
// description: what is asked (a), what is answered (b), and that the answer has
// the shape of stripe-mock's to the same call (c).
type judge struct {
	t        testing.TB
	contract *contract
	next     http.Handler

	mu    sync.Mutex
	kinds map[string]bool // whose shapes were compared
}

func (j *judge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/v1/") {
		j.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		j.t.Errorf("judge: read %s %s: %v", r.Method, r.URL.Path, err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ours := httptest.NewRecorder()
	j.next.ServeHTTP(ours, r)
	if ours.Header().Get("Stripesim-Fault") == "" { // a fault is not Stripe's word
		theirs := j.request(r, body, ours)
		j.response(r, ours)
		j.shape(r, ours, theirs)
	}
	for k, v := range ours.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(ours.Code)
	w.Write(ours.Body.Bytes()) // the client's own trouble if it left
}

// request asks stripe-mock for its opinion of the same request. What it
// refuses, the simulator must refuse; what it takes, the simulator must know.
func (j *judge) request(r *http.Request, body []byte, ours *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	theirs := httptest.NewRecorder()
	j.contract.mock.HandleRequest(theirs, copied)
	accepted := theirs.Code == http.StatusOK
	unknown := strings.Contains(ours.Body.String(), `"code": "parameter_unknown"`)
	switch {
	case !accepted && ours.Code == http.StatusOK:
		j.t.Errorf("%s %s: Stripe would refuse what the simulator took: %s", r.Method, r.URL.Path, theirs.Body)
	case accepted && unknown:
		j.t.Errorf("%s %s: not simulated, though Stripe takes it: %s", r.Method, r.URL.Path, ours.Body)
	}
	return theirs
}

// shape holds an answer against stripe-mock's to the same call.
func (j *judge) shape(r *http.Request, ours, theirs *httptest.ResponseRecorder) {
	if ours.Code != http.StatusOK || theirs.Code != http.StatusOK {
		return
	}
	mine, err1 := decoded(ours.Body.Bytes())
	its, err2 := decoded(theirs.Body.Bytes())
	if err1 != nil || err2 != nil {
		return // response has said so
	}
	c := compared(mine, its)
	for _, difference := range c.unknown(j.contract.allowed) {
		j.t.Errorf("%s %s: not the shape of stripe-mock's answer: %s (if it is meant, add it to differences.txt)", r.Method, r.URL.Path, difference)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	maps.Copy(j.kinds, c.kinds)
}

// response validates an answer against the schema of its call.
func (j *judge) response(r *http.Request, ours *httptest.ResponseRecorder) {
	answer, err := decoded(ours.Body.Bytes())
	if err != nil {
		j.t.Errorf("%s %s: the answer is not JSON: %v", r.Method, r.URL.Path, err)
		return
	}
	op, path := j.contract.operation(r.Method, r.URL.Path)
	if op == nil {
		return // an unknown address: a 404 that stripe-mock has agreed with
	}
	name, status := r.Method+" "+string(path), "200"
	if ours.Code != http.StatusOK {
		name, status = "error", "default"
	}
	schema := op.Responses[spec.StatusCode(status)].Content["application/json"].Schema
	if err := j.contract.check(name, schema, answer); err != nil {
		j.t.Errorf("%s %s: Stripe would not answer so: %v\n%s", r.Method, r.URL.Path, err, ours.Body)
	}
}

// events validates every event that there was, and the object within.
func (j *judge) events(sim *stripesim.Sim) {
	for _, e := range sim.Events() {
		event, err := decoded(e.Body)
		if err != nil {
			j.t.Errorf("event %s is not JSON: %v", e.Type, err)
			continue
		}
		if err := j.contract.checkKind(event); err != nil {
			j.t.Errorf("event %s: Stripe would not send it so: %v\n%s", e.Type, err, e.Body)
		}
		inner, _ := event["data"].(map[string]any)["object"].(map[string]any)
		if err := j.contract.checkKind(inner); err != nil {
			j.t.Errorf("object of event %s: Stripe would not send it so: %v\n%s", e.Type, err, e.Body)
		}
	}
}
