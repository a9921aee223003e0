package handlers

import (
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
)

// suspendedGift is what waits in the donor's own browser while they sign in: words
// that belong in no address and no log. The donor may change it, as they may the
// form; it fills in the form and no more.
type suspendedGift struct {
	Name      string `json:"name"`
	Anonymous bool   `json:"anonymous"`
	Message   string `json:"message"`
	ReturnTo  string `json:"return_to"`
}

// maxSuspended keeps the cookie below what browsers store (4,096 bytes).
// https://datatracker.ietf.org/doc/html/rfc6265#section-6.1
const maxSuspended = 2800

// suspend keeps what was typed. Longer texts are cut where the cookie is full,
// which only messages above the limit reach.
func (s *server) suspend(c echo.Context, f form, g giftForm) {
	kept := suspendedGift{g.Name, g.Anonymous, g.Message, f.ReturnTo}
	raw, err := json.Marshal(kept)
	for err == nil && len(raw) > maxSuspended && kept.Message != "" {
		_, size := utf8.DecodeLastRuneInString(kept.Message)
		kept.Message = kept.Message[:len(kept.Message)-size]
		raw, err = json.Marshal(kept)
	}
	if err == nil && len(raw) <= maxSuspended {
		setCookie(c, giftCookie, base64.RawURLEncoding.EncodeToString(raw), giftLife)
	}
}

// resume fills in what suspend kept, where the address says nothing else.
func (s *server) resume(c echo.Context, g *giftForm, f *form) {
	raw, err := base64.RawURLEncoding.DecodeString(cookie(c, giftCookie))
	var kept suspendedGift
	if err != nil || json.Unmarshal(raw, &kept) != nil {
		return
	}
	g.Name, g.Anonymous, g.Message = kept.Name, kept.Anonymous, kept.Message
	if f.ReturnTo == "" {
		f.ReturnTo = s.Auth.SafeReturn(kept.ReturnTo)
	}
}
