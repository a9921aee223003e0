package handlers

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// addStray takes what somebody bought under the reader's address into their account.
func (s *server) addStray(c echo.Context) error {
	stray, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return echo.ErrNotFound
	}
	v := visitorOf(c)
	if err := s.Billing.AddStray(c.Request().Context(), v.Member.ID, stray, c.FormValue("told")); err != nil {
		return err
	}
	if err := s.giveAccess(c, *v); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/account")
}

func (s *server) disownStray(c echo.Context) error {
	stray, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return echo.ErrNotFound
	}
	if err := s.Billing.DisownStray(c.Request().Context(), visitorOf(c).Member.ID, stray); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/account/purchases/disowned")
}

// strayDisowned says what whoever paid can do.
func (s *server) strayDisowned(c echo.Context) error {
	return s.render(c, http.StatusOK, "disowned", s.page(c, "stray.disowned.title"))
}
