package handlers

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/models"
)

// maxState is above the length of any state that says no more than it should.
const maxState = 512

// authorize is where an article service on another domain sends a reader: who has a
// session goes to its callback with a code, who has none with login_required. It is the
// authorization endpoint of RFC 6749, section 4.1, which never asks anybody to sign in.
// A request that does not name a client and its own callback leads nowhere.
func (s *server) authorize(c echo.Context) error {
	client, err := s.Auth.Clients.Client(c.Request().Context(), c.QueryParam("client_id"))
	if err != nil {
		return err
	}
	state, to := c.QueryParam("state"), c.QueryParam("redirect_uri")
	if to != "" && to != client.Callback || len(state) > maxState {
		return echo.ErrBadRequest
	}
	answer, err := s.codeFor(c, client)
	if err != nil {
		return err
	}
	if state != "" {
		answer.Set("state", state)
	}
	return c.Redirect(http.StatusSeeOther, client.Callback+"?"+answer.Encode())
}

// codeFor is what the client is told of this browser's reader.
func (s *server) codeFor(c echo.Context, client models.Client) (url.Values, error) {
	if c.QueryParam("response_type") != "code" {
		return refused("unsupported_response_type", "response_type must be code"), nil
	}
	challenge := c.QueryParam("code_challenge")
	if !auth.IsChallenge(challenge) || c.QueryParam("code_challenge_method") != "S256" {
		return refused("invalid_request", "a code_challenge is needed, by code_challenge_method S256"), nil
	}
	ctx := c.Request().Context()
	v, refresh, err := s.Auth.Refresh(ctx, cookie(c, sessionCookie))
	if unauthorized(err) {
		clearCookie(c, sessionCookie)
		s.clearAccess(c)
		return refused("login_required", "nobody is signed in"), nil
	}
	if err != nil {
		return nil, err
	}
	setCookie(c, sessionCookie, refresh, s.life(v))
	code, err := s.Auth.IssueCode(ctx, v, client, challenge)
	return url.Values{"code": {code}}, err
}

func refused(code, why string) url.Values {
	return url.Values{"error": {code}, "error_description": {why}}
}
