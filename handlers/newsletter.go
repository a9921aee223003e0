package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/models"
)

type newsletterPage struct {
	page
	form
	Email string
	// Known is the proven address of a reader who is signed in: nothing needs to
	// be confirmed once more.
	Known string
}

func (s *server) newsletter(c echo.Context) error {
	return s.newsletterForm(c, http.StatusOK, s.newForm(c), "")
}

func (s *server) newsletterForm(c echo.Context, status int, f form, email string) error {
	p := newsletterPage{page: s.page(c, "newsletter.title"), form: f, Email: email}
	if v := provenOf(c); v != nil {
		p.Known = v.Member.Address()
	}
	return s.render(c, status, "newsletter", p)
}

// subscribe mails a link to confirm, unless this reader has proven the address
// already.
func (s *server) subscribe(c echo.Context) error {
	v := provenOf(c)
	if v == nil {
		return s.sendLink(c, models.SignInNewsletter, "/newsletter/sent", s.newsletterForm)
	}
	if err := s.Billing.GrantNewsletter(c.Request().Context(), v.Member.ID); err != nil {
		return err
	}
	if err := s.giveAccess(c, *v); err != nil {
		return err
	}
	return s.onward(c, c.FormValue("return_to"), "/account")
}
