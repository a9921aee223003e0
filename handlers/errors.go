package handlers

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/billing"
	"newsroom.example/membership/locale"
)

// refusal is an error as a client may see it.
type refusal struct {
	Status int
	Code   string // for programs; "" where the status says it all
	Text   string // the message that tells people; "" with no code
	Data   locale.Data
	Wait   time.Duration // until it may go better, where that is known
}

var billingStatus = map[billing.Kind]int{
	billing.KindInvalid:     http.StatusUnprocessableEntity,
	billing.KindNotFound:    http.StatusNotFound,
	billing.KindConflict:    http.StatusConflict,
	billing.KindUnavailable: http.StatusServiceUnavailable,
	billing.KindLimited:     http.StatusTooManyRequests,
}

var authStatus = map[auth.Kind]int{
	auth.KindInvalid:      http.StatusUnprocessableEntity,
	auth.KindNotFound:     http.StatusNotFound,
	auth.KindGone:         http.StatusGone,
	auth.KindUnauthorized: http.StatusUnauthorized,
	auth.KindLimited:      http.StatusTooManyRequests,
}

// refusalOf is the one place where errors become statuses. What no room has
// classified is a fault of ours and shows nobody its text.
func refusalOf(err error) refusal {
	var b *billing.Error
	var a *auth.Error
	var h *echo.HTTPError
	switch {
	case errors.As(err, &b) && billingStatus[b.Kind] != 0:
		return refusal{Status: billingStatus[b.Kind], Code: b.Code, Text: "error." + b.Code, Data: b.Data, Wait: b.Wait}
	case errors.As(err, &a) && authStatus[a.Kind] != 0:
		return refusal{Status: authStatus[a.Kind], Code: a.Code, Text: a.Code}
	case errors.As(err, &h) && h.Code >= 400:
		return refusal{Status: h.Code}
	case errors.Is(err, context.DeadlineExceeded):
		return refusal{Status: http.StatusServiceUnavailable}
	}
	return refusal{Status: http.StatusInternalServerError}
}

// title names the refusal's kind, detail says what happened and what to do.
func (r refusal) title(l locale.Locale) string { return l.Text(r.heading()) }

// heading is the title's message id: the status's, but for a purchase that may well
// exist elsewhere.
func (r refusal) heading() string {
	if r.Code == codePurchaseNotFound {
		return "error.title." + r.Code
	}
	return "error.title." + r.family()
}

const codePurchaseNotFound = "purchase_not_found"

func (r refusal) detail(l locale.Locale) string {
	if r.Text == "" {
		return l.Text("error.status." + r.family())
	}
	return l.Text(r.Text, r.Data)
}

// family is which of our error texts serves the status.
func (r refusal) family() string {
	switch r.Status {
	case 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 503:
		return strconv.Itoa(r.Status)
	}
	if r.Status < 500 {
		return "400"
	}
	return "500"
}

// retryAfter is how many seconds a program had better wait where nothing better is known.
var retryAfter = map[int]string{http.StatusServiceUnavailable: "30", http.StatusTooManyRequests: "60"}

// tellWait says when to come again, where that helps.
func tellWait(c echo.Context, r refusal) {
	wait := retryAfter[r.Status]
	if r.Wait > 0 {
		wait = strconv.Itoa(int(math.Ceil(r.Wait.Seconds())))
	}
	if wait != "" {
		c.Response().Header().Set("Retry-After", wait)
	}
}

const failedKey = "failed"

// fail answers a request that ended in an error: a page for people, problem+json
// (RFC 9457) for programs.
func (s *server) fail(err error, c echo.Context) {
	// The request log asks first, to learn the status; echo asks again.
	if c.Get(failedKey) != nil {
		return
	}
	c.Set(failedKey, true)
	r := refusalOf(err)
	s.logFault(c.Request().Context(), r, err)
	if c.Response().Committed {
		return
	}
	tellWait(c, r)
	if failed := s.answer(c, r); failed != nil {
		s.Log.ErrorContext(c.Request().Context(), "could not answer with an error", "error", failed, "request_id", requestID(c.Request().Context()))
	}
}

func (s *server) answer(c echo.Context, r refusal) error {
	switch {
	case c.Request().Method == http.MethodHead:
		return c.NoContent(r.Status)
	case wantsJSON(c.Request()):
		return s.problem(c, r)
	}
	return s.errorPage(c, r)
}

// logFault tells what went wrong on our side, under the request's id. A reader's
// mistake is not news, nor is one who went away.
func (s *server) logFault(ctx context.Context, r refusal, err error) {
	if r.Status < 500 || errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	s.Log.LogAttrs(ctx, slog.LevelError, "request failed",
		slog.Int("status", r.Status), slog.String("error", err.Error()), slog.String("request_id", requestID(ctx)))
}

// wantsJSON tells a program from a person.
func wantsJSON(r *http.Request) bool {
	for _, prefix := range []string{"/v1/", "/.well-known/", "/openapi", "/livez", "/readyz", "/webhooks/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return true
		}
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}

// problem is the refusal as RFC 9457 writes it. Type is a name to compare, not an
// address to open.
func (r refusal) problem(l locale.Locale) *huma.ErrorModel {
	kind := "about:blank"
	if r.Code != "" {
		kind = "urn:membership:" + r.Code
	}
	return &huma.ErrorModel{Type: kind, Title: r.title(l), Status: r.Status, Detail: r.detail(l)}
}

func (s *server) problem(c echo.Context, r refusal) error {
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	return c.JSON(r.Status, r.problem(s.language(c)))
}
