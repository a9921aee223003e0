package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"newsroom.example/membership/models"
)

// apiVersion is that of the JSON API's shapes, not of the program.
const apiVersion = "1.0.0"

// mountAPI adds the JSON API and its description, /openapi.json. The description is
// made from the types below, its examples from examples.go.
func (s *server) mountAPI(e *echo.Echo) error {
	guard, err := s.guardAPI()
	if err != nil {
		return err
	}
	e.Use(guard)
	config := huma.DefaultConfig("Membership", apiVersion)
	config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", nil
	config.Info.Description = "Who the reader is, what they may read and what can be bought. Errors are problem documents (RFC 9457)."
	config.Servers = []*huma.Server{{URL: s.cfg.PublicURL}}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Set by signing in with a mailed link or code."},
		"client":  {Type: "http", Scheme: "basic", Description: "The id and the secret of a client, from membership clients add."},
	}
	e.Use(s.shared("/v1/plans", middleware.CORSConfig{AllowOrigins: []string{"*"}}))
	e.Use(s.shared("/v1/me", middleware.CORSConfig{AllowOrigins: s.cfg.ArticleOrigins, AllowCredentials: true}))
	api := humaecho.New(e, config)
	huma.Register(api, operation("plans", "/v1/plans", "What can be bought and given", examplePlans()), s.v1Plans)
	huma.Register(api, forReaders(operation("me", "/v1/me", "Who is signed in, and what they may read", exampleMe())), s.v1Me)
	huma.Register(api, forReaders(operation("token", "/v1/token", "An access token for an article service", exampleToken())), s.v1Token)
	s.mountDevices(api)
	s.mountExchange(e, api)
	return nil
}

// guardAPI refuses what changes something and comes from another site. No other site
// is trusted: nothing here is for its scripts but /v1/plans and /v1/me. The exchange of
// codes goes by no cookie, only by credentials that no browser has.
func (s *server) guardAPI() (echo.MiddlewareFunc, error) {
	csrf, err := s.csrf("header:"+csrfHeader, nil)
	if err != nil {
		return nil, err
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions; safe || !strings.HasPrefix(r.URL.Path, "/v1/") || r.Method == http.MethodPost && r.URL.Path == exchangePath {
				return next(c)
			}
			return csrf(next)(c)
		}
	}, nil
}

// shared lets scripts of other origins read one path.
func (s *server) shared(path string, config middleware.CORSConfig) echo.MiddlewareFunc {
	config.Skipper = func(c echo.Context) bool { return c.Request().URL.Path != path }
	config.AllowMethods = []string{http.MethodGet}
	return middleware.CORSWithConfig(config)
}

func operation(id, path, summary string, example any) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: path, Summary: summary,
		Responses: map[string]*huma.Response{"200": {
			Description: "OK",
			Content:     map[string]*huma.MediaType{"application/json": {Example: example}},
		}},
	}
}

func forReaders(op huma.Operation) huma.Operation {
	op.Security = []map[string][]string{{"session": {}}}
	op.Errors = []int{http.StatusUnauthorized, http.StatusServiceUnavailable}
	return op
}

type plansQuery struct {
	Language string `header:"Accept-Language" doc:"The language of error texts."`
}

type plansAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         plansBody
}

type plansBody struct {
	Plans     []planBody     `json:"plans" nullable:"false"`
	Donations []donationBody `json:"donations" nullable:"false"`
}

type planBody struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Features    []string    `json:"features" nullable:"false" doc:"What the plan opens, as article services name it."`
	Prices      []priceBody `json:"prices" nullable:"false"`
}

type priceBody struct {
	ID       string          `json:"id"`
	Interval models.Interval `json:"interval" enum:"month,year"`
	Amount   int64           `json:"amount" doc:"In the currency's smallest unit, as Stripe counts it."`
	Currency string          `json:"currency" doc:"ISO 4217, lower case."`
}

type donationBody struct {
	Currency  string            `json:"currency"`
	Minimum   int64             `json:"minimum" doc:"In the currency's smallest unit."`
	Maximum   int64             `json:"maximum"`
	Presets   []int64           `json:"presets" nullable:"false"`
	Intervals []models.Interval `json:"intervals" nullable:"false" doc:"once, month or both."`
}

// v1Plans is public: a page of the publisher may show prices from it.
func (s *server) v1Plans(ctx context.Context, in *plansQuery) (*plansAnswer, error) {
	offers, err := s.Billing.Offers(ctx)
	if err != nil {
		return nil, s.problemFor(ctx, in.Language, err)
	}
	return &plansAnswer{CacheControl: "public, max-age=60", Body: plansBodyOf(offers)}, nil
}

type meQuery struct {
	Session  string `cookie:"__Host-session" doc:"The session, from signing in."`
	Language string `header:"Accept-Language" doc:"The language of error texts."`
}

type meAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         meBody
}

type meBody struct {
	MemberID     string            `json:"member_id" doc:"Opaque and stable; the token's sub."`
	Proven       bool              `json:"proven" doc:"Whether the address has been proven by a mailed link or code."`
	Tier         string            `json:"tier,omitempty" doc:"The plan's name, for display only."`
	MemberSince  *time.Time        `json:"member_since,omitempty"`
	Entitlements []entitlementBody `json:"entitlements" nullable:"false"`
	Grace        *graceBody        `json:"grace,omitempty" doc:"Set while something is held although it is no longer paid for."`
}

type entitlementBody struct {
	Feature string               `json:"feature"`
	Until   *time.Time           `json:"until,omitempty" doc:"Grace included; missing: without end."`
	InGrace bool                 `json:"in_grace"`
	Sources []models.GrantSource `json:"sources" nullable:"false" doc:"What gives it: subscription, payment, newsletter, …"`
}

type graceBody struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

func (s *server) v1Me(ctx context.Context, in *meQuery) (*meAnswer, error) {
	v, err := s.Auth.Session(ctx, in.Session)
	if err != nil {
		return nil, s.problemFor(ctx, in.Language, err)
	}
	held, err := s.Billing.Entitlements(ctx, v.Member.ID)
	if err != nil {
		return nil, s.problemFor(ctx, in.Language, err)
	}
	return &meAnswer{CacheControl: "private, no-store", Body: meBodyOf(v, held)}, nil
}

type tokenAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         tokenBody
}

type tokenBody struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in" doc:"Seconds. At most ten minutes, less if the entitlements change before."`
}

type tokenQuery struct {
	Session  string `cookie:"__Host-session" doc:"The session, from signing in."`
	Language string `header:"Accept-Language" doc:"The language of error texts."`
	Audience string `query:"audience" doc:"The origin of the article service; the first one configured if missing."`
}

// v1Token answers with the shape of an OAuth 2.0 token response (RFC 6749, 5.1).
func (s *server) v1Token(ctx context.Context, in *tokenQuery) (*tokenAnswer, error) {
	v, err := s.Auth.Session(ctx, in.Session)
	if err != nil {
		return nil, s.problemFor(ctx, in.Language, err)
	}
	held, err := s.Billing.Entitlements(ctx, v.Member.ID)
	if err != nil {
		return nil, s.problemFor(ctx, in.Language, err)
	}
	token, expires, err := s.Auth.Token(ctx, v, accessOf(held), in.Audience)
	if err != nil {
		return nil, s.problemFor(ctx, in.Language, err)
	}
	life := int64(expires.Sub(s.Clock()) / time.Second)
	return &tokenAnswer{CacheControl: "no-store", Body: tokenBody{token, "Bearer", life}}, nil
}

// problemFor is the edge of the JSON API: huma shows the text of an error that is
// not one of its own, so that none may pass it unjudged.
func (s *server) problemFor(ctx context.Context, language string, err error) error {
	r := refusalOf(err)
	s.logFault(ctx, r, err)
	return r.problem(s.Words.For(language))
}
