package handlers

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/locale"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pages are the templates, each within the layout, parsed once.
type pages struct{ byName map[string]*template.Template }

func loadPages(a *assets) (*pages, error) {
	layout, err := template.New("layout.html").Funcs(template.FuncMap{"asset": a.url}).ParseFS(templateFiles, "templates/layout.html", "templates/forms.html")
	if err != nil {
		return nil, fmt.Errorf("read the layout: %w", err)
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("list the templates: %w", err)
	}
	p := &pages{byName: map[string]*template.Template{}}
	for _, file := range files {
		t := template.Must(layout.Clone())
		if _, err := t.ParseFS(templateFiles, file); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		p.byName[strings.TrimSuffix(path.Base(file), ".html")] = t
	}
	return p, nil
}

// page is what every template can count on. Its Text, Money, Price and Date speak
// the reader's language.
type page struct {
	locale.Locale
	Site    string // the publisher's name
	Home    string // and front page
	Heading string // the title's message id
	CSRF    string
	Path    string
	Visitor *auth.Visitor
	// Refresh is the address that this page goes on to by itself, "" for none.
	Refresh string
}

func (s *server) page(c echo.Context, heading string) page {
	token, _ := c.Get("csrf").(string)
	return page{
		Locale: s.language(c), Site: s.cfg.SiteName, Home: s.home(), Heading: heading,
		CSRF: token, Path: c.Request().URL.Path, Visitor: visitorOf(c),
	}
}

// T is Text for templates, the gaps as pairs: {{$.T "membership.saving" "Amount" .Saving}}.
func (p page) T(id string, pairs ...any) (string, error) {
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("message %s: gaps come in pairs of name and value", id)
	}
	data := locale.Data{"Site": p.Site}
	for i := 0; i < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return p.Text(id, data), nil
}

// render writes a page whole or not at all: a template that fails half way is an
// error page, not half a page.
func (s *server) render(c echo.Context, status int, name string, data any) error {
	var out bytes.Buffer
	if err := s.pages.byName[name].ExecuteTemplate(&out, "layout.html", data); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	return c.HTMLBlob(status, out.Bytes())
}

// errorPage says in words what went wrong and what to do next.
func (s *server) errorPage(c echo.Context, r refusal) error {
	base := s.page(c, r.heading())
	return s.render(c, r.Status, "error", errorPage{
		page: base, Explanation: r.detail(base.Locale), Way: wayOut(r),
		Fault: r.Status == http.StatusInternalServerError, RequestID: c.Response().Header().Get(echo.HeaderXRequestID),
	})
}

type errorPage struct {
	page
	Explanation string
	Way         way
	Fault       bool // ours: the request id helps whoever looks for it
	RequestID   string
}

// way is a link to where the reader can go on.
type way struct{ URL, Text string }

func wayOut(r refusal) way {
	switch {
	case strings.HasPrefix(r.Code, "address."):
		return way{"/account/address", "error.way.address"}
	case strings.HasPrefix(r.Code, "signin.") || r.Status == http.StatusUnauthorized:
		return way{"/signin", "error.way.signin"}
	case strings.HasPrefix(r.Code, "stray_"):
		return way{"/account", "devices.back"}
	case r.Code == codePurchaseNotFound:
		return way{"/signin", "error.way.signin_to_see"}
	}
	return way{"/membership", "error.way.membership"}
}
