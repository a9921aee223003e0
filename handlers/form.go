package handlers

import (
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/billing"
)

// form is what every form on a page has beside its own fields.
type form struct {
	Nonce    string // makes one rendered form buy once, and dates it
	ReturnTo string
	Faults   []fault
	SignIn   string // where who is refused for others may sign in and go on; "" for nowhere
}

// fault is what is wrong with a field, in the reader's words. Field "" is the whole
// form.
type fault struct{ Field, Text string }

func (s *server) newForm(c echo.Context) form {
	return form{Nonce: s.Auth.FormKey(), ReturnTo: s.returnTo(c)}
}

// Fault is what is wrong with that field, "" for nothing.
func (f form) Fault(field string) string {
	for _, fault := range f.Faults {
		if fault.Field == field {
			return fault.Text
		}
	}
	return ""
}

// blame turns a refusal that the reader can mend, if only by trying again, into
// words beside the field. Other errors come back, and all of a program's: it has no
// use for a form.
func (s *server) blame(c echo.Context, f *form, err error) error {
	var b *billing.Error
	var a *auth.Error
	r, field := refusalOf(err), ""
	switch {
	case wantsJSON(c.Request()):
		return err
	case errors.As(err, &b) && b.Kind != billing.KindNotFound:
		field = b.Field
	case errors.As(err, &a) && a.Kind == auth.KindInvalid:
		field = fieldOf(a.Code)
	default:
		return err
	}
	s.logFault(c.Request().Context(), r, err)
	tellWait(c, r)
	f.Faults = append(f.Faults, fault{field, r.detail(s.language(c))})
	return nil
}

func fieldOf(code string) string {
	if code == "signin.code_wrong" {
		return "code"
	}
	return "email"
}

// trap says whether the field that people cannot see was filled in, as programs do
// that fill in everything. They get an answer like any other, and nothing happens.
func trap(c echo.Context) bool { return c.FormValue("website") != "" }

// formLife is how long people leave a form open.
const formLife = 24 * time.Hour

// hasty says whether the form with that key was sent sooner than anybody reads it, or
// is none of ours.
func (s *server) hasty(key string) bool {
	age, ours := s.Auth.FormAge(key)
	return !ours || age < billing.LeastRead || age > formLife
}

// crowded says whether an error is a refusal for what others do.
func crowded(err error) bool { return refusalOf(err).Code == "checkout_crowded" }
