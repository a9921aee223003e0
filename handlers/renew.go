package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// renew is where an article host sends a reader whose token has run out. Who has a
// session goes back with a fresh token; who has none goes back without the old one,
// so that the article host does not send them here again. One on another domain has no
// cookie of ours, and says that it is a client.
func (s *server) renew(c echo.Context) error {
	if c.QueryParams().Has("client_id") {
		return s.authorize(c)
	}
	to := s.returnTo(c)
	if to == "" {
		to = "/account"
	}
	v, refresh, err := s.Auth.Refresh(c.Request().Context(), cookie(c, sessionCookie))
	switch {
	case unauthorized(err):
		clearCookie(c, sessionCookie)
		s.clearAccess(c)
	case err != nil:
		return err
	default:
		if err := s.letIn(c, v, refresh); err != nil {
			return err
		}
	}
	return c.Redirect(http.StatusSeeOther, s.Auth.Clients.Door(to))
}
