package webhooks

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
)

var (
	errCrowded   = errors.New("too many deliveries at once: try again")
	errNotStored = errors.New("the event could not be stored: try again")
)

// refuse says why an event was not taken, as RFC 9457 writes it, and when to come
// again where that would help.
func refuse(c echo.Context, reason error) error {
	status, after := http.StatusBadRequest, ""
	switch {
	case errors.Is(reason, errCrowded):
		status, after = http.StatusServiceUnavailable, "5"
	case errors.Is(reason, errNotStored):
		status, after = http.StatusServiceUnavailable, "30"
	case errors.Is(reason, errTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(reason, errCutShort):
		status = http.StatusRequestTimeout
	}
	if after != "" {
		c.Response().Header().Set("Retry-After", after)
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	return c.JSON(status, map[string]any{"title": http.StatusText(status), "status": status, "detail": reason.Error()})
}
