// Package newsstand is a small newspaper, The Harbour Lantern of Tarnmouth:
// the article service of the sandbox and of the tests, and an example of how
// one is built on package paywall. It knows readers only by their token. It
// sells nothing, signs nobody in and calls no other service; for that it links
// to the membership service.
package newsstand

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"newsroom.example/membership/paywall"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// The features that the newspaper asks for.
const (
	fullArticles = "articles:full"
	sourceLinks  = "sources:links"
)

// Config is what the newspaper must be told. All of it is required.
type Config struct {
	// MembersURL is the public origin of the membership service.
	MembersURL string
	// PublicURL is the newspaper's own public origin; the membership service
	// sends readers back to it.
	PublicURL string
	// Paywall checks the readers' tokens.
	Paywall *paywall.Verifier
	// Clock dates the front page.
	Clock func() time.Time
}

type site struct {
	config   Config
	articles []article
	pages    *template.Template
}

// New returns the newspaper: the front page at /, articles at /a/{slug}, their
// style at /static/, and where readers come back to if the paper's domain is its own. It
// fails only if its own texts or templates are broken.
func New(config Config) (http.Handler, error) {
	articles, err := readArticles(config.Clock())
	if err != nil {
		return nil, err
	}
	s := &site{config: config, articles: articles}
	s.pages, err = template.New("").Funcs(template.FuncMap{
		"date":    func(t time.Time) string { return t.Format("Monday, 2 January 2006") },
		"members": s.members,
	}).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", config.Paywall.Optional(http.HandlerFunc(s.front)))
	mux.Handle("GET /a/{slug}", config.Paywall.Optional(http.HandlerFunc(s.article)))
	mux.Handle("GET /_membership/callback", config.Paywall.Callback())
	mux.HandleFunc("GET /static/{file}", static)
	mux.Handle("GET /", config.Paywall.Optional(http.HandlerFunc(s.notFound)))
	return secured(mux), nil
}

// members is the address of a page of the membership service, from which the
// reader comes back to path.
func (s *site) members(page, path string) string {
	return s.config.MembersURL + page + "?return_to=" + url.QueryEscape(s.config.PublicURL+path)
}

// secured sets what keeps the pages to themselves: no script, nothing from
// elsewhere, no framing.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		next.ServeHTTP(w, r)
	})
}

func static(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	http.ServeFileFS(w, r, staticFiles, "static/"+r.PathValue("file"))
}
