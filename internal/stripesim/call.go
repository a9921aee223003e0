package stripesim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// call is one API request, checked and decoded.
type call struct {
	path   string
	id     string // of the object in the path
	key    string // idempotency key; only POST has one
	params object
	expand []string
	base   string // where its client reached us, "http://host:port"
}

// answer is what a call is given, and what an idempotency key remembers.
type answer struct {
	Status  int    `json:"status"`
	Body    []byte `json:"body"`
	Request string `json:"request"` // the Request-Id of its first telling
}

const maxForm = 1 << 20 // bytes; Stripe's own limit is not published

// everyCall are the parameters that every call takes.
var everyCall = fields{"expand": arrayOf(text(500))}

// paging are the parameters of every list.
// https://docs.stripe.com/api/pagination
var paging = fields{"limit": integer(), "starting_after": id(), "ending_before": id()}

func (s *Sim) serveAPI(rt route) http.HandlerFunc {
	takes := everyCall.and(rt.takes)
	return func(w http.ResponseWriter, r *http.Request) {
		s.traffic.enter(rt.pattern)
		defer s.traffic.leave()
		request := newID("request")
		c, err := parseCall(w, r, takes)
		if err != nil {
			s.tell(w, r, request, failure(err, request))
			return
		}
		hit, stays := s.suffer(r.Context(), rt.pattern, c)
		if !stays {
			return
		}
		s.silence(w, r, hit.do, Hang, Reset)
		a, replayed := s.reply(c, request, failing(rt.does, hit.do), refusal(hit.do))
		s.silence(w, r, hit.do, HangDone, ResetDone)
		if replayed {
			w.Header().Set("Idempotent-Replayed", "true")
		}
		s.tell(w, r, request, s.bend(w, rt.pattern, hit, a))
	}
}

func (s *Sim) tell(w http.ResponseWriter, r *http.Request, request string, a answer) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Request-Id", request)
	h.Set("Stripe-Version", APIVersion)
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		h.Set("Idempotency-Key", key)
		h.Set("Original-Request", a.Request)
	}
	s.cfg.Log.Debug("stripesim: call", "method", r.Method, "path", r.URL.Path, "status", a.Status, "request", request)
	w.WriteHeader(a.Status)
	w.Write(a.Body) // a client that left has nobody to tell
}

// reply carries a call out once per idempotency key, unless it is refused
// before that.
func (s *Sim) reply(c *call, request string, does handler, refused *apiError) (answer, bool) {
	if refused != nil {
		return failure(refused, request), false
	}
	if c.key == "" {
		return s.execute(c, request, does), false
	}
	old, err := s.answers.claim(c, s.cfg.Clock())
	if err != nil {
		return failure(err, request), false
	}
	if old != nil {
		return *old, true
	}
	defer s.answers.release(c.key) // only a handler that panics leaves it unanswered
	return s.execute(c, request, does), false
}

func (s *Sim) execute(c *call, request string, does handler) (a answer) {
	s.live(func() {
		s.cause, s.base = cause{request: request, key: c.key}, c.base
		var o object
		var err *apiError
		s.atFrozen(s.clockOfCall(c), func() { o, err = does(s, c) })
		if err == nil {
			o, err = s.present(o, c.expand)
		}
		a = answer{Status: http.StatusOK, Request: request}
		if err != nil {
			a = failure(err, request)
		} else {
			a.Body = encode(o)
		}
		s.answers.keep(c.key, a) // inside, so that it is saved with what it tells
	})
	return a
}

func failure(err *apiError, request string) answer {
	body := err.body()
	body["error"].(object)["request_log_url"] = "https://dashboard.stripe.com/test/logs/" + request
	return answer{Status: err.status, Body: encode(body), Request: request}
}

// encode writes JSON as Stripe does: indented, and without escaping < and &.
func encode(o object) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(o); err != nil {
		panic("stripesim: object is not JSON: " + err.Error()) // objects are made of JSON's own types
	}
	return out.Bytes()
}

func parseCall(w http.ResponseWriter, r *http.Request, takes fields) (*call, *apiError) {
	if err := authenticate(r); err != nil {
		return nil, err
	}
	if v := r.Header.Get("Stripe-Version"); v != "" && v != APIVersion {
		return nil, invalid("", "", "Invalid Stripe API version: %s. This simulator speaks %s only.", v, APIVersion)
	}
	form, err := readForm(w, r)
	if err != nil {
		return nil, err
	}
	tree, err := nested(form)
	if err != nil {
		return nil, err
	}
	params, err := takes.decode(tree, "")
	if err != nil {
		return nil, err
	}
	c := &call{
		path: r.URL.Path, id: r.PathValue("id"), params: params, base: "http://" + r.Host,
	}
	if r.Method == http.MethodPost {
		c.key = r.Header.Get("Idempotency-Key")
	}
	if len(c.key) > 255 {
		return nil, invalid("", "", "Idempotency keys can be at most 255 characters long.")
	}
	for _, path := range array(params, "expand") {
		c.expand = append(c.expand, path.(string))
	}
	delete(params, "expand")
	return c, nil
}

func readForm(w http.ResponseWriter, r *http.Request) (url.Values, *apiError) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			return nil, invalid("", "", "Invalid request: the body is not a form of at most %d bytes.", maxForm)
		}
		return r.Form, nil
	}
	var body bytes.Buffer // stripe-go sends DELETE's parameters in the body
	if _, err := body.ReadFrom(r.Body); err != nil {
		return nil, invalid("", "", "Invalid request: the body could not be read.")
	}
	form, err := url.ParseQuery(joinQueries(r.URL.RawQuery, body.String()))
	if err != nil {
		return nil, invalid("", "", "Invalid request: the query is not well formed.")
	}
	return form, nil
}

func joinQueries(query, body string) string {
	if body == "" {
		return query
	}
	return strings.TrimPrefix(query+"&"+body, "&")
}

func (s *Sim) serveUnknown(w http.ResponseWriter, r *http.Request) {
	err := authenticate(r)
	if err == nil {
		err = invalid("", "", "Unrecognized request URL (%s: %s). If you are trying to list objects, remove the trailing slash.", r.Method, r.URL.Path)
		err.status = http.StatusNotFound
	}
	request := newID("request")
	s.tell(w, r, request, failure(err, request))
}
