package handlers

import (
	"encoding/hex"
	"errors"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/billing"
)

// form is what every form on a page has beside its own fields.
type form struct {
	Nonce    string // makes one rendered form buy once
	ReturnTo string
	Faults   []fault
}

// fault is what is wrong with a field, in the reader's words. Field "" is the whole
// form.
type fault struct{ Field, Text string }

func (s *server) newForm(c echo.Context) form {
	return form{Nonce: hex.EncodeToString(random(16)), ReturnTo: s.returnTo(c)}
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
