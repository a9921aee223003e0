package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/models"
)

type signInPage struct {
	page
	form
	Email string
	Why   string // the message that says what signing in is for, "" for none
}

// front leads to what the visitor most likely came for.
func (s *server) front(c echo.Context) error {
	if visitorOf(c) != nil {
		return c.Redirect(http.StatusSeeOther, "/account")
	}
	return c.Redirect(http.StatusSeeOther, "/membership")
}

// signIn asks who it is; but not who is signed in and comes from an article service on
// another domain, which could not know.
func (s *server) signIn(c echo.Context) error {
	to := s.returnTo(c)
	if door := s.Auth.Clients.Door(to); door != to && provenOf(c) != nil {
		return c.Redirect(http.StatusSeeOther, door)
	}
	return s.signInForm(c, http.StatusOK, s.newForm(c), "")
}

func (s *server) signInForm(c echo.Context, status int, f form, email string) error {
	p := signInPage{page: s.page(c, "signin.title"), form: f, Email: email}
	if c.FormValue("for") == "monthly" {
		p.Why = "signin.for_monthly"
	}
	return s.render(c, status, "signin", p)
}

func (s *server) askForLink(c echo.Context) error {
	return s.sendLink(c, models.SignInReader, "/signin/sent", s.signInForm)
}

// sendLink mails a link and a code. Whoever asks gets the same answer in the same
// way, whether we know the address or not.
func (s *server) sendLink(c echo.Context, kind models.SignInKind, next string, again func(echo.Context, int, form, string) error) error {
	f := s.newForm(c)
	if trap(c) {
		return c.Redirect(http.StatusSeeOther, next)
	}
	attempt, err := s.Auth.RequestSignIn(c.Request().Context(), auth.SignIn{
		Email: c.FormValue("email"), ReturnTo: f.ReturnTo, Locale: s.language(c).Tag(), Kind: kind, IP: c.RealIP(),
	})
	if err != nil {
		if err := s.blame(c, &f, err); err != nil {
			return err
		}
		return again(c, http.StatusUnprocessableEntity, f, c.FormValue("email"))
	}
	setCookie(c, attemptCookie, attempt, attemptLife)
	return c.Redirect(http.StatusSeeOther, next)
}

type sentPage struct {
	page
	form
	Newsletter bool // what was asked for: the newsletter, or only to sign in
}

func (s *server) signInSent(c echo.Context) error {
	return s.sentForm(c, http.StatusOK, s.newForm(c), false)
}

func (s *server) newsletterSent(c echo.Context) error {
	return s.sentForm(c, http.StatusOK, s.newForm(c), true)
}

func (s *server) sentForm(c echo.Context, status int, f form, newsletter bool) error {
	return s.render(c, status, "sent", sentPage{page: s.page(c, "sent.title"), form: f, Newsletter: newsletter})
}

func (s *server) redeemCode(c echo.Context) error {
	ctx := c.Request().Context()
	in, err := s.Auth.RedeemCode(ctx, cookie(c, attemptCookie), c.FormValue("code"), client(c))
	if err != nil {
		f := s.newForm(c)
		if err := s.blame(c, &f, err); err != nil {
			return err
		}
		return s.sentForm(c, http.StatusUnprocessableEntity, f, c.FormValue("for") == "newsletter")
	}
	return s.signedIn(c, in)
}

func client(c echo.Context) auth.Client {
	return auth.Client{UserAgent: c.Request().UserAgent(), IP: c.RealIP()}
}

type landingPage struct {
	page
	Email      string
	Newsletter bool
	// Auto: this is the browser that asked for the mail, so its page goes on by
	// itself. In any other a person must press the button, and see whose address
	// it is.
	Auto bool
}

// landing is where a mailed link leads. It changes nothing: mail scanners open
// links too, and they ask with HEAD first.
func (s *server) landing(c echo.Context) error {
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	if c.Request().Method == http.MethodHead {
		return c.NoContent(http.StatusOK)
	}
	ctx, token := c.Request().Context(), c.Param("token")
	attempt, err := s.Auth.Attempt(ctx, token)
	if err != nil {
		return err
	}
	p := landingPage{page: s.page(c, "landing.title"), Email: attempt.Email}
	p.Auto = s.Auth.SameBrowser(ctx, token, cookie(c, attemptCookie))
	if p.Newsletter = attempt.Kind == models.SignInNewsletter; p.Newsletter {
		p.Heading = "landing.newsletter.title"
	}
	return s.render(c, http.StatusOK, "landing", p)
}

func (s *server) redeemLink(c echo.Context) error {
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	in, err := s.Auth.RedeemLink(c.Request().Context(), c.Param("token"), client(c))
	if err != nil {
		return err
	}
	return s.signedIn(c, in)
}

// signedIn opens the door and leads back to where the reader came from. A confirmed
// newsletter is granted before the token is made, so that it is in it.
func (s *server) signedIn(c echo.Context, in auth.SignedIn) error {
	v := auth.Visitor{Member: in.Member, Session: in.Session}
	if in.Kind == models.SignInNewsletter {
		if err := s.Billing.GrantNewsletter(c.Request().Context(), in.Member.ID); err != nil {
			return err
		}
	}
	// The session that this browser had, if any, would live on unseen.
	if err := s.Auth.SignOut(c.Request().Context(), cookie(c, sessionCookie)); err != nil {
		return err
	}
	if err := s.letIn(c, v, in.Refresh); err != nil {
		return err
	}
	clearCookie(c, attemptCookie)
	return s.onward(c, in.ReturnTo, "/account")
}

// onward leads to an address that is safe, by its door, or else to one of ours.
func (s *server) onward(c echo.Context, returnTo, otherwise string) error {
	to := s.Auth.SafeReturn(returnTo)
	if to == "" {
		to = otherwise
	}
	return c.Redirect(http.StatusSeeOther, s.Auth.Clients.Door(to))
}

func (s *server) signOut(c echo.Context) error {
	if err := s.Auth.SignOut(c.Request().Context(), cookie(c, sessionCookie)); err != nil {
		return err
	}
	return s.letOut(c)
}

// letOut has this browser forget what it knew of its reader.
func (s *server) letOut(c echo.Context) error {
	for _, name := range []string{sessionCookie, attemptCookie, checkoutCookie, giftCookie} {
		if slices.ContainsFunc(c.Cookies(), func(k *http.Cookie) bool { return k.Name == name }) {
			clearCookie(c, name)
		}
	}
	s.clearAccess(c)
	return c.Redirect(http.StatusSeeOther, "/signed-out")
}

func (s *server) signedOut(c echo.Context) error {
	return s.render(c, http.StatusOK, "signed-out", s.page(c, "signedout.title"))
}
