package handlers

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// everyRequest is what each answer gets, whatever its route.
func (s *server) everyRequest() []echo.MiddlewareFunc {
	return []echo.MiddlewareFunc{
		identified,
		s.logged(),
		middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: panicked}),
		s.securityHeaders(),
		s.bounded,
	}
}

type requestIDKey struct{}

var plainID = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

// identified gives the request an id, or keeps a proxy's, and puts it into the
// answer and the context, so that a reader's complaint finds its log line.
func identified(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		id := r.Header.Get(echo.HeaderXRequestID)
		if !plainID.MatchString(id) {
			id = hex.EncodeToString(random(16))
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
		return next(c)
	}
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// logged writes one line a request. It names the route, not the path: paths and
// queries hold links, tokens and addresses.
func (s *server) logged() echo.MiddlewareFunc {
	return middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
		HandleError:  true,
		LogLatency:   true,
		LogMethod:    true,
		LogRoutePath: true,
		LogStatus:    true,
		LogValuesFunc: func(c echo.Context, v middleware.RequestLoggerValues) error {
			s.Log.LogAttrs(c.Request().Context(), slog.LevelInfo, "request",
				slog.String("method", v.Method), slog.String("route", v.RoutePath), slog.Int("status", v.Status),
				slog.Duration("took", v.Latency), slog.String("request_id", requestID(c.Request().Context())))
			return nil
		},
	})
}

// bounded ends the work for a request that takes too long, not the request: its
// reader is still to be told, and the log to know that nobody went away.
func (s *server) bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		defer c.SetRequest(r)
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Patience)
		defer cancel()
		c.SetRequest(r.WithContext(ctx))
		return next(c)
	}
}

// panicked keeps the place where it happened; the log line is written at the edge,
// like that of any other error.
func panicked(_ echo.Context, err error, stack []byte) error {
	return &panicError{cause: err, stack: stack}
}

type panicError struct {
	cause error
	stack []byte
}

func (p *panicError) Error() string { return "panic: " + p.cause.Error() + "\n" + string(p.stack) }
func (p *panicError) Unwrap() error { return p.cause }

// securityHeaders are the strictest that the pages live with. No answer may be kept
// unless its handler says so: most hold what one reader may see, and refusals too.
func (s *server) securityHeaders() echo.MiddlewareFunc {
	policy := s.contentPolicy() // here: Echo puts its middleware together anew for each request
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			h.Set("Cache-Control", "private, no-store")
			h.Set("Content-Security-Policy", s.withClients(policy))
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("X-Frame-Options", "DENY")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
			if s.secure() {
				h.Set("Strict-Transport-Security", "max-age=31536000")
			}
			return next(c)
		}
	}
}

// contentPolicy allows our own style and script and nothing else. form-action, which
// comes last so that the clients' origins can be added, names every origin that the
// redirect after a form may lead to, because browsers hold redirects to it too.
func (s *server) contentPolicy() string {
	leads := slices.Concat([]string{"form-action 'self'"}, s.cfg.CheckoutOrigins, s.cfg.ArticleOrigins)
	return strings.Join([]string{
		"default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self' data:",
		"base-uri 'none'", "frame-ancestors 'none'", strings.Join(leads, " "),
	}, "; ")
}

// withClients adds where the redirect after a form may lead by way of a client's door.
func (s *server) withClients(policy string) string {
	for _, origin := range s.Auth.Clients.Origins() {
		policy += " " + origin
	}
	return policy
}

// maxForm is far above our largest form, a gift with its message.
const maxForm = 64 << 10

// smallForm reads query and form before anybody asks for a field of it, so that one
// that is too large, of another kind or no text is refused for what it is.
func smallForm(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if kind := r.Header.Get("Content-Type"); kind != "" && !strings.HasPrefix(kind, echo.MIMEApplicationForm) {
			return echo.ErrUnsupportedMediaType
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
		var large *http.MaxBytesError
		switch err := r.ParseForm(); {
		case errors.As(err, &large):
			return echo.ErrStatusRequestEntityTooLarge
		case err != nil || !allText(r.Form):
			return echo.ErrBadRequest
		}
		return next(c)
	}
}

// allText says whether every field is text as Postgres keeps it: UTF-8 without NUL.
func allText(form url.Values) bool {
	for _, values := range form {
		for _, v := range values {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return false
			}
		}
	}
	return true
}

// csrf refuses what another site sends. Browsers say where a request comes from
// (Sec-Fetch-Site); those that do not repeat a cookie. The trusted sites may send, too.
func (s *server) csrf(token string, trusted []string) (echo.MiddlewareFunc, error) {
	return middleware.CSRFConfig{
		TrustedOrigins: trusted,
		TokenLookup:    token,
		CookieName:     csrfCookie,
		CookiePath:     "/",
		CookieSecure:   true,
		CookieHTTPOnly: true,
		CookieSameSite: http.SameSiteLaxMode,
		ErrorHandler:   func(error, echo.Context) error { return echo.ErrForbidden },
	}.ToMiddleware()
}

const (
	csrfField  = "csrf"
	csrfHeader = "X-CSRF-Token"
)
