package billing_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// through is the same billing, with something on the way to Stripe: step gets each
// request and passes it on, or does not. It retries as in production.
func (n *newsroom) through(step func(w http.ResponseWriter, r *http.Request, stripe http.Handler)) *billing.Service {
	n.t.Helper()
	return n.served(billing.Stripe(simtest.Key, n.proxy(step)), billing.Config{}, discard)
}

// served is billing on this newsroom's books, by a line of its own.
func (n *newsroom) served(line *billing.Line, cfg billing.Config, log *slog.Logger) *billing.Service {
	cfg.PublicURL = "https://members.example.news"
	return billing.New(n.db, line, cfg, n.clock.now, n.real.now, log)
}

// proxy is the address of the way to Stripe that leads through step.
func (n *newsroom) proxy(step func(w http.ResponseWriter, r *http.Request, stripe http.Handler)) string {
	n.t.Helper()
	target, err := url.Parse(n.stripe.URL)
	if err != nil {
		n.t.Fatal(err)
	}
	stripe := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	return listen(n.t, func(w http.ResponseWriter, r *http.Request) { step(w, r, stripe) })
}

// listen serves until the test ends, and is the address.
func listen(t *testing.T, answer http.HandlerFunc) string {
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

type object = map[string]any

// edits change what Stripe answers to a GET, by path.
type edits map[string]func(answer object)

// edited is billing with a Stripe whose answers are changed on the way. Disputes,
// which the simulator does not know, start from an empty list.
func (n *newsroom) edited(by edits) *billing.Service {
	return n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		edit := by[r.URL.Path]
		if r.Method != http.MethodGet || edit == nil {
			stripe.ServeHTTP(w, r)
			return
		}
		answer := object{"object": "list", "data": []any{}, "has_more": false, "url": r.URL.Path}
		if r.URL.Path != "/v1/disputes" {
			answer = ask(n.t, r, stripe)
		}
		edit(answer)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			n.t.Error(err)
		}
	})
}

func ask(t testing.TB, r *http.Request, stripe http.Handler) object {
	r.Header.Del("Accept-Encoding")
	recorder := httptest.NewRecorder()
	stripe.ServeHTTP(recorder, r)
	answer := object{}
	decoder := json.NewDecoder(recorder.Body)
	decoder.UseNumber()
	if err := decoder.Decode(&answer); err != nil || recorder.Code != http.StatusOK {
		t.Errorf("%s: status %d, %v", r.URL.Path, recorder.Code, err)
	}
	return answer
}

// listed are the objects of a list.
func listed(list object) []object {
	var all []object
	for _, each := range list["data"].([]any) {
		all = append(all, each.(object))
	}
	return all
}

// refuse answers as Stripe does when it fails, without asking it.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Stripe-Should-Retry", "false")
	w.WriteHeader(status)
	text, _ := json.Marshal(object{"error": object{"type": "api_error", "code": code, "message": message}})
	_, _ = w.Write(text)
}

// hangUp breaks the connection without an answer.
func hangUp(t testing.TB, w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	conn.Close()
}

// resync brings a customer up to date by another way to Stripe.
func (n *newsroom) resync(by *billing.Service, customer string) {
	n.t.Helper()
	mark(n, customer)
	if err := by.SyncOnce(n.t.Context(), claim(n, customer)); err != nil {
		n.t.Fatal(err)
	}
}
