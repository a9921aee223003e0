package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
)

// exchangePath is the token endpoint of RFC 6749, section 3.2.
const exchangePath = "/v1/token"

// mountExchange adds the one operation whose shapes are not ours to choose: a form comes
// in, and errors are those of RFC 6749, section 5.2.
func (s *server) mountExchange(e *echo.Echo, api huma.API) {
	e.POST(exchangePath, s.exchange, s.inOAuth, smallForm)
	api.OpenAPI().AddOperation(describeExchange(api.OpenAPI().Components.Schemas))
}

// exchangedBody is RFC 6749, section 5.1, and one word more.
type exchangedBody struct {
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in" doc:"Seconds. At most ten minutes, less if the entitlements change before."`
	SessionExpiresIn int64  `json:"session_expires_in" doc:"Seconds that the reader's session goes on if they do not come back: how long a cookie with the token is of use, which is renewed by then."`
}

// exchange gives a client the token for the code that a reader brought it.
func (s *server) exchange(c echo.Context) error {
	r := c.Request()
	if len(r.PostForm["grant_type"]) == 1 && r.PostForm.Get("grant_type") != "authorization_code" {
		return &oauthError{http.StatusBadRequest, "unsupported_grant_type", "grant_type must be authorization_code"}
	}
	for _, name := range []string{"grant_type", "code", "code_verifier"} {
		if len(r.PostForm[name]) != 1 {
			return &oauthError{http.StatusBadRequest, "invalid_request", name + " is needed, once"}
		}
	}
	id, secret := credentials(r)
	v, client, err := s.Auth.ExchangeCode(r.Context(), auth.Exchange{
		ClientID: id, Secret: secret, Code: r.PostForm.Get("code"), Verifier: r.PostForm.Get("code_verifier"),
		Callback: r.PostForm.Get("redirect_uri"), IP: c.RealIP(),
	})
	if err != nil {
		return err
	}
	held, err := s.Billing.Entitlements(r.Context(), v.Member.ID)
	if err != nil {
		return err
	}
	token, expires, err := s.Auth.ClientToken(r.Context(), v, accessOf(held), client)
	if err != nil {
		return err
	}
	life := int64(expires.Sub(s.Clock()) / time.Second)
	return c.JSON(http.StatusOK, exchangedBody{token, "Bearer", life, int64(s.life(v) / time.Second)})
}

// credentials are the client's, which stand in the header as in a form (RFC 6749,
// section 2.3.1).
func credentials(r *http.Request) (id, secret string) {
	user, password, _ := r.BasicAuth()
	id, errID := url.QueryUnescape(user)
	secret, errSecret := url.QueryUnescape(password)
	if errID != nil || errSecret != nil {
		return "", ""
	}
	return id, secret
}

// oauthError is a refusal in the words of RFC 6749, section 5.2.
type oauthError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *oauthError) Error() string { return e.Code + ": " + e.Description }

// inOAuth answers with errors as OAuth clients read them, and lets nobody keep an
// answer.
func (s *server) inOAuth(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")
		err := next(c)
		if err == nil {
			return nil
		}
		told := oauthErrorOf(err)
		s.logFault(c.Request().Context(), refusal{Status: told.status}, err)
		tellWait(c, refusal{Status: told.status})
		if told.status == http.StatusUnauthorized {
			h.Set("WWW-Authenticate", `Basic realm="clients", charset="UTF-8"`)
		}
		return c.JSON(told.status, told)
	}
}

// oauthErrorOf translates. RFC 6749 has no words for what is not the client's fault; it
// has at the authorization endpoint, and these are taken from there.
func oauthErrorOf(err error) *oauthError {
	var told *oauthError
	if errors.As(err, &told) {
		return told
	}
	switch r := refusalOf(err); {
	case r.Status == http.StatusUnauthorized:
		return &oauthError{r.Status, "invalid_client", "the credentials are not those of a client, in a Basic Authorization header"}
	case r.Status == http.StatusUnprocessableEntity:
		return &oauthError{http.StatusBadRequest, "invalid_grant", "the code is not good, or not any more, for this client and verifier"}
	case r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable:
		return &oauthError{r.Status, "temporarily_unavailable", "please try again later"}
	case r.Status >= http.StatusInternalServerError:
		return &oauthError{r.Status, "server_error", "something is wrong here"}
	default:
		return &oauthError{r.Status, "invalid_request", "the request is not a form as it should be"}
	}
}

// describeExchange is the operation in /openapi.json.
func describeExchange(schemas huma.Registry) *huma.Operation {
	field := func(about string) *huma.Schema { return &huma.Schema{Type: "string", Description: about} }
	form := &huma.Schema{
		Type: "object", Required: []string{"grant_type", "code", "code_verifier"},
		Properties: map[string]*huma.Schema{
			"grant_type":    {Type: "string", Enum: []any{"authorization_code"}},
			"code":          field("As it came to the callback. It is good once, for a minute."),
			"code_verifier": field("What the code_challenge was the SHA-256 hash of (RFC 7636)."),
			"redirect_uri":  field("The client's callback, if it was named before."),
		},
	}
	problem := func(about string) *huma.Response {
		return &huma.Response{Description: about, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemas.Schema(reflect.TypeFor[oauthError](), true, "OAuthError")},
		}}
	}
	return &huma.Operation{
		OperationID: "exchange", Method: http.MethodPost, Path: exchangePath,
		Summary:     "A reader's token, for a client on another domain (RFC 6749, section 4.1.3)",
		Security:    []map[string][]string{{"client": {}}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{echo.MIMEApplicationForm: {Schema: form}}},
		Responses: map[string]*huma.Response{
			"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/json": {
				Schema: schemas.Schema(reflect.TypeFor[exchangedBody](), true, "ExchangedBody"), Example: exampleExchanged(),
			}}},
			"400": problem("invalid_request, invalid_grant or unsupported_grant_type."),
			"401": problem("invalid_client."),
			"429": problem("temporarily_unavailable: too many wrong credentials."),
		},
	}
}
