package simtest

import (
	"net/url"
	"testing"
)

// PayCode is Pay with a promotion code typed in.
func (s *Server) PayCode(t testing.TB, sessionURL, card, code string) Page {
	t.Helper()
	form := checkoutForm(t, sessionURL, code)
	form.Set("card", card)
	return post(t, sessionURL, form)
}

// ApplyCode types a promotion code and presses "Apply" only.
func (s *Server) ApplyCode(t testing.TB, sessionURL, code string) Page {
	t.Helper()
	form := checkoutForm(t, sessionURL, code)
	form.Set("do", "apply")
	return post(t, sessionURL, form)
}

func checkoutForm(t testing.TB, sessionURL, code string) url.Values {
	t.Helper()
	shown := get(t, sessionURL)
	form := fieldsOf(shown.Body)
	if _, asks := form["promotion_code"]; !asks {
		t.Fatalf("no field for a promotion code on %s (status %d)", sessionURL, shown.Status)
	}
	if form.Get("email") == "" {
		form.Set("email", DefaultAddress)
	}
	form.Set("promotion_code", code)
	return form
}
