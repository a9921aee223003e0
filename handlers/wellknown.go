package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// jwks publishes the keys that our tokens are signed with. Anybody may read and
// keep them; the lifetimes are shorter than the day that a new key is published
// before it signs.
func (s *server) jwks(c echo.Context) error {
	body, etag := s.Auth.JWKS()
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("ETag", etag)
	if c.Request().Header.Get("If-None-Match") == etag {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, "application/jwk-set+json", body)
}

// live says that the process answers at all.
func (s *server) live(c echo.Context) error { return probe(c, http.StatusOK, "ok") }

// readiness says whether this process should get requests. It never asks Stripe:
// readers who are members read on while Stripe is down.
func (s *server) readiness(c echo.Context) error {
	if s.Ready != nil {
		if err := s.Ready(c.Request().Context()); err != nil {
			s.Log.WarnContext(c.Request().Context(), "not ready", "error", err)
			return probe(c, http.StatusServiceUnavailable, "not ready")
		}
	}
	return probe(c, http.StatusOK, "ok")
}

func probe(c echo.Context, status int, word string) error {
	return c.JSON(status, map[string]string{"status": word})
}
