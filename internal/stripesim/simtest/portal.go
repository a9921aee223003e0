package simtest

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// ChangeInPortal presses "Change to …" for a price on a portal page.
func (s *Server) ChangeInPortal(t testing.TB, portalURL, price string) Page {
	t.Helper()
	shown := get(t, portalURL)
	for _, form := range regexp.MustCompile(`(?s)<form[^>]*class="change">.*?</form>`).FindAllString(shown.Body, -1) {
		if strings.Contains(form, price) {
			values := fieldsOf(form)
			values.Set("do", "change")
			return post(t, portalURL, values)
		}
	}
	t.Fatalf("no change to %s on %s (status %d)", price, portalURL, shown.Status)
	return Page{}
}

// CardInPortal types another card on a portal page.
func (s *Server) CardInPortal(t testing.TB, portalURL, card string) Page {
	t.Helper()
	return post(t, portalURL, url.Values{"do": {"card"}, "card": {card}})
}
