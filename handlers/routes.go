package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// access says who may call a page.
type access int

const (
	anybody access = iota // signed in or not
	proven                // signed in, by an address that is proven
	reader                // signed in, even for the moment after a purchase
)

// pageRoutes are the pages, every one of them usable without JavaScript. A POST
// changes something and answers with a redirect; a GET changes nothing but this
// browser's own cookies.
func (s *server) pageRoutes() []route {
	return []route{
		{http.MethodGet, "/", s.front, anybody},

		{http.MethodGet, "/membership", s.membership, anybody},
		{http.MethodPost, "/checkout", s.checkout, anybody},
		{http.MethodGet, "/contribute", s.contribute, anybody},
		{http.MethodPost, "/contribute", s.give, anybody},
		{http.MethodGet, "/thanks", s.thanks, anybody},

		{http.MethodGet, "/newsletter", s.newsletter, anybody},
		{http.MethodPost, "/newsletter", s.subscribe, anybody},
		{http.MethodGet, "/newsletter/sent", s.newsletterSent, anybody},
		{http.MethodGet, "/newsletter/confirm/:token", s.landing, anybody},
		{http.MethodPost, "/newsletter/confirm/:token", s.redeemLink, anybody},

		{http.MethodGet, "/signin", s.signIn, anybody},
		{http.MethodPost, "/signin", s.askForLink, anybody},
		{http.MethodGet, "/signin/sent", s.signInSent, anybody},
		{http.MethodPost, "/signin/code", s.redeemCode, anybody},
		{http.MethodGet, "/signin/:token", s.landing, anybody},
		{http.MethodPost, "/signin/:token", s.redeemLink, anybody},
		{http.MethodPost, "/signout", s.signOut, anybody},
		{http.MethodGet, "/signed-out", s.signedOut, anybody},

		{http.MethodGet, "/account", s.account, reader},
		{http.MethodPost, "/account/portal", s.portal, proven},
		{http.MethodPost, "/account/mend", s.mend, proven},
		{http.MethodPost, "/account/gifts/:id/stop", s.stopGift, proven},
		{http.MethodPost, "/account/purchases/:id/add", s.addStray, proven},
		{http.MethodPost, "/account/purchases/:id/disown", s.disownStray, proven},
		{http.MethodGet, "/account/purchases/disowned", s.strayDisowned, proven},
		{http.MethodGet, "/account/devices", s.devices, proven},
		{http.MethodPost, "/account/devices/end", s.signOutEverywhere, proven},
		{http.MethodPost, "/account/devices/:id/end", s.endDevice, proven},
		{http.MethodGet, "/account/address", s.address, proven},
		{http.MethodPost, "/account/address", s.changeAddress, proven},
		{http.MethodGet, "/account/address/sent", s.addressSent, proven},
		{http.MethodPost, "/account/address/code", s.addressCode, proven},
		{http.MethodGet, "/address", s.addressHow, anybody},
		{http.MethodGet, "/address/:token", s.addressLanding, anybody},
		{http.MethodPost, "/address/:token", s.followAddressLink, anybody},
		{http.MethodGet, "/renew", s.renew, anybody},
	}
}

// routes is every URL that we answer.
func (s *server) routes(e *echo.Echo) error {
	if err := s.mountPages(e); err != nil {
		return err
	}
	// GET /v1/plans: anybody. GET /v1/me, /v1/token, /v1/sessions: who has a session.
	// DELETE /v1/sessions, /v1/sessions/{id}: by a proven address. POST /v1/token: clients,
	// by their credentials. GET /openapi.json: anybody.
	if err := s.mountAPI(e); err != nil {
		return err
	}
	e.GET(keysPath, s.jwks)
	e.GET("/.well-known/oauth-authorization-server", s.metadata)
	e.GET("/.well-known/revocations", s.revocations)
	e.GET("/livez", s.live)
	e.GET("/readyz", s.readiness)
	e.GET("/static/:hash/:name", s.asset, middleware.Gzip())
	answerHead(e)
	return nil
}

// answerHead lets every GET answer HEAD too, as HTTP wants it (RFC 9110, section
// 9.1); the server leaves out the body.
func answerHead(e *echo.Echo) {
	for _, r := range e.Routes() {
		if r.Method == http.MethodGet {
			c := e.NewContext(nil, nil)
			e.Router().Find(http.MethodGet, r.Path, c)
			e.HEAD(r.Path, c.Handler())
		}
	}
}

type route struct {
	method, path string
	handler      echo.HandlerFunc
	who          access
}

// mountPages adds the pages with what every form needs. The publisher's sites may hold
// forms to buy, give and sign in; what is a reader's own is changed on our own pages
// only, whatever runs on those sites.
func (s *server) mountPages(e *echo.Echo) error {
	fromSites, err := s.csrf("form:"+csrfField, s.cfg.ArticleOrigins)
	if err != nil {
		return err
	}
	ours, err := s.csrf("form:"+csrfField, nil)
	if err != nil {
		return err
	}
	for _, r := range s.pageRoutes() {
		guard := fromSites
		if r.who != anybody {
			guard = ours
		}
		e.Add(r.method, r.path, r.handler, smallForm, guard, s.recognise, s.admit(r.who))
	}
	return nil
}
