package handlers

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/locale"
)

type devicesPage struct {
	page
	Devices []auth.Device
}

// Dates says when a device was signed in and last seen.
func (p devicesPage) Dates(d auth.Device) string {
	return p.Text("devices.dates", locale.Data{"From": d.SignedInAt, "Seen": d.LastSeenAt})
}

// devices lists where the reader is signed in.
func (s *server) devices(c echo.Context) error {
	all, err := s.Auth.Devices(c.Request().Context(), *visitorOf(c))
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "devices", devicesPage{page: s.page(c, "devices.title"), Devices: all})
}

func (s *server) endDevice(c echo.Context) error {
	session, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return echo.ErrNotFound
	}
	v := visitorOf(c)
	if err := s.Auth.EndDevice(c.Request().Context(), *v, session); err != nil {
		return err
	}
	if session == v.Session.ID {
		return s.letOut(c)
	}
	return c.Redirect(http.StatusSeeOther, "/account/devices")
}

func (s *server) signOutEverywhere(c echo.Context) error {
	if err := s.Auth.SignOutEverywhere(c.Request().Context(), *visitorOf(c)); err != nil {
		return err
	}
	return s.letOut(c)
}
