package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
)

type addressPage struct {
	page
	form
	Email   string // as typed
	Present string // the member's
}

func (s *server) address(c echo.Context) error {
	return s.addressForm(c, http.StatusOK, s.newForm(c))
}

func (s *server) addressForm(c echo.Context, status int, f form) error {
	return s.render(c, status, "address", addressPage{
		page: s.page(c, "address.title"), form: f, Email: c.FormValue("email"), Present: visitorOf(c).Member.Address(),
	})
}

// changeAddress writes to both addresses, and answers the same whether the new one is
// somebody's or nobody's.
func (s *server) changeAddress(c echo.Context) error {
	err := s.Auth.RequestAddress(c.Request().Context(), *visitorOf(c), auth.NewAddress{
		Email: c.FormValue("email"), Locale: s.language(c).Tag(), IP: c.RealIP(),
	})
	if err != nil {
		f := s.newForm(c)
		if err := s.blame(c, &f, err); err != nil {
			return err
		}
		return s.addressForm(c, http.StatusUnprocessableEntity, f)
	}
	return c.Redirect(http.StatusSeeOther, "/account/address/sent")
}

func (s *server) addressSent(c echo.Context) error {
	return s.addressSentForm(c, http.StatusOK, s.newForm(c))
}

func (s *server) addressSentForm(c echo.Context, status int, f form) error {
	return s.render(c, status, "address-sent", addressPage{page: s.page(c, "address.sent.title"), form: f})
}

func (s *server) addressCode(c echo.Context) error {
	link, err := s.Auth.ConfirmAddressCode(c.Request().Context(), *visitorOf(c), c.FormValue("code"), c.RealIP())
	if err != nil {
		f := s.newForm(c)
		if err := s.blame(c, &f, err); err != nil {
			return err
		}
		return s.addressSentForm(c, http.StatusUnprocessableEntity, f)
	}
	return addressStands(c, link)
}

type addressLinkPage struct {
	page
	auth.AddressLink
}

// addressLanding is where a mailed link about an address leads. It changes nothing.
func (s *server) addressLanding(c echo.Context) error {
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	if c.Request().Method == http.MethodHead {
		return c.NoContent(http.StatusOK)
	}
	link, err := s.Auth.AddressLink(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "address-link", addressLinkPage{s.page(c, "address."+string(link.Step)+".title"), link})
}

func (s *server) followAddressLink(c echo.Context) error {
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	link, err := s.Auth.FollowAddressLink(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	return addressStands(c, link)
}

// addressStands leads to the page that says how the change stands.
func addressStands(c echo.Context, link auth.AddressLink) error {
	how := "waiting"
	switch {
	case link.Step == auth.AddressUndo:
		how = "undone"
	case link.Done:
		how = "done"
	}
	return c.Redirect(http.StatusSeeOther, "/address?now="+how)
}

// addressHow says in words what addressStands found.
func (s *server) addressHow(c echo.Context) error {
	how := c.QueryParam("now")
	if how != "waiting" && how != "undone" && how != "done" {
		return echo.ErrNotFound
	}
	return s.render(c, http.StatusOK, "address-how", addressHowPage{s.page(c, "address."+how+".title"), "address." + how + ".lead"})
}

type addressHowPage struct {
	page
	Lead string // its message id
}
