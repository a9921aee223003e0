// Package control is the sandbox's control page: what happened (mails, payments,
// events and their deliveries) and the buttons that make things happen (time
// passes, a card is declined, money goes back, a webhook gets lost). It belongs to
// the sandbox alone, asks for no password and decides nothing: every button is one
// call of the simulated Stripe or of the clock.
package control

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/internal/stripesim"
)

//go:embed templates/*
var files embed.FS

// Config is what the page shows and moves. All of it is required.
type Config struct {
	Sim   *stripesim.Sim
	Mails *mailcatch.Catcher
	// Clock is the time that the whole sandbox shares, Advance moves it.
	Clock   func() time.Time
	Advance func(by time.Duration) error
	// MembersURL and NewsURL are where the service and the newspaper are.
	MembersURL, NewsURL string
	Log                 *slog.Logger
}

type server struct {
	Config
	template *template.Template
}

// New returns the page, at / and below. It fails only if its template is broken.
// Forms from other origins are refused.
func New(config Config) (http.Handler, error) {
	s := &server{Config: config}
	var err error
	if s.template, err = template.New("").Funcs(words).ParseFS(files, "templates/*.html"); err != nil {
		return nil, fmt.Errorf("parse the control page: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /control.css", style)
	for _, b := range s.buttons() {
		mux.HandleFunc("POST "+b.path, s.press(b))
	}
	return http.NewCrossOriginProtection().Handler(secured(mux)), nil
}

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "templates/control.css")
}

// settling is how long a button waits for the webhooks that it caused.
const settling = 5 * time.Second

// press does what a button is for, waits until the webhooks of it are out, and
// leads back to where on the page it stands.
func (s *server) press(b button) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := b.does(r); err != nil {
			s.Log.WarnContext(r.Context(), "control page", "error", err)
			s.show(w, http.StatusUnprocessableEntity, view{Problem: err.Error()})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), settling)
		defer cancel()
		if err := s.Sim.WaitQuiet(ctx); err != nil {
			s.Log.WarnContext(ctx, "control page", "error", err)
		}
		http.Redirect(w, r, "/?done="+b.name+"#"+b.section, http.StatusSeeOther)
	}
}

func (s *server) page(w http.ResponseWriter, r *http.Request) {
	done := map[string]string{}
	for _, b := range s.buttons() {
		if b.name == r.FormValue("done") {
			done[b.section] = b.done
		}
	}
	s.show(w, http.StatusOK, view{Done: done})
}

// show renders the page whole, or not at all.
func (s *server) show(w http.ResponseWriter, status int, v view) {
	var body bytes.Buffer
	if err := s.template.ExecuteTemplate(&body, "control.html", s.fill(v)); err != nil {
		s.Log.Error("render the control page", "error", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}
