package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
)

// keepKeys is how long others may keep what says which keys are ours: far shorter
// than the day that a new key is published before it signs.
const keepKeys = "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400"

const keysPath = "/.well-known/jwks.json"

// keysFirst answers with the keys before anything else is done for a request. Every
// verifier, edge and crawler may ask for them, as often as it likes, and the answer is
// in memory and the same for all: an id, a line in the log and the headers of pages
// would cost more than it does.
func (s *server) keysFirst(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.URL.Path != keysPath || r.Method != http.MethodGet && r.Method != http.MethodHead {
			return next(c)
		}
		return s.jwks(c)
	}
}

// jwks publishes the keys that our tokens are signed with.
func (s *server) jwks(c echo.Context) error {
	return publish(c, "application/jwk-set+json", keepKeys, s.Auth.Keys.JWKS())
}

// metadata says where they are, and of which algorithms (RFC 8414).
func (s *server) metadata(c echo.Context) error {
	document, err := s.Auth.Metadata()
	if err != nil {
		return err
	}
	return publish(c, echo.MIMEApplicationJSON, keepKeys, document)
}

// revocations publishes which tokens are dead although they have not run out. A copy is
// good only as long as we say that it is the newest.
func (s *server) revocations(c echo.Context) error {
	document, err := s.Auth.Revocations(c.Request().Context())
	if err != nil {
		return echo.NewHTTPError(http.StatusServiceUnavailable).SetInternal(err)
	}
	return publish(c, "application/jwt", "no-cache", document)
}

// publish answers with a document that is anybody's to read, from any origin; or
// with 304, to whoever has it.
func publish(c echo.Context, mediaType, keep string, doc auth.Document) error {
	h := c.Response().Header()
	h.Set("Cache-Control", keep)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", doc.ETag)
	if has(c.Request().Header.Values("If-None-Match"), doc.ETag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, mediaType, doc.Body)
}

// has says whether the tag is in an If-None-Match, where it may be weak and one of
// several (RFC 9110, section 13.1.2). Our tags have no commas.
func has(ifNoneMatch []string, tag string) bool {
	for one := range strings.SplitSeq(strings.Join(ifNoneMatch, ","), ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
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
