package handlers

import (
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/billing"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/paywall"
)

const visitorKey = "visitor"

// recognise finds out who is asking, once a request.
func (s *server) recognise(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, err := s.visitor(c)
		if err != nil {
			return err
		}
		c.Set(visitorKey, v)
		return next(c)
	}
}

// visitor is whose session cookie this is, nil for nobody's.
func (s *server) visitor(c echo.Context) (*auth.Visitor, error) {
	refresh := cookie(c, sessionCookie)
	if refresh == "" {
		return nil, nil
	}
	v, err := s.Auth.Session(c.Request().Context(), refresh)
	if unauthorized(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &v, nil
}

func unauthorized(err error) bool {
	return err != nil && refusalOf(err).Status == http.StatusUnauthorized
}

// visitorOf is who recognise saw: nil for a stranger.
func visitorOf(c echo.Context) *auth.Visitor {
	v, _ := c.Get(visitorKey).(*auth.Visitor)
	return v
}

// provenOf is the visitor if their address is proven, else nil. Only such a one may
// act as the member; a limited session reads and no more.
func provenOf(c echo.Context) *auth.Visitor {
	if v := visitorOf(c); v != nil && !v.Session.Limited {
		return v
	}
	return nil
}

// admit lets through whom the route is for and shows others the way: to sign in, or
// to the account page, which asks for the proof of an address.
func (s *server) admit(who access) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			switch v := visitorOf(c); {
			case who == anybody || who == reader && v != nil || provenOf(c) != nil:
				return next(c)
			case v != nil:
				return c.Redirect(http.StatusSeeOther, "/account")
			}
			return c.Redirect(http.StatusSeeOther, "/signin?return_to=/account")
		}
	}
}

// language is the reader's: what the browser asks for.
func (s *server) language(c echo.Context) locale.Locale {
	return s.Words.For(c.Request().Header.Get("Accept-Language"))
}

// returnTo is where the reader wants to go afterwards, "" unless that is one of our
// pages or an article.
func (s *server) returnTo(c echo.Context) string { return s.Auth.SafeReturn(c.FormValue("return_to")) }

// withReturn is path with the way back in its query.
func withReturn(path, returnTo string) string {
	if returnTo == "" {
		return path
	}
	return path + "?return_to=" + url.QueryEscape(returnTo)
}

// letIn gives this browser the session and the token that goes with it.
func (s *server) letIn(c echo.Context, v auth.Visitor, refresh string) error {
	setCookie(c, sessionCookie, refresh, s.life(v))
	return s.giveAccess(c, v)
}

// giveAccess puts what the member may read now into the cookie for the article
// hosts, where they share a domain with us. It is called whenever that may have changed.
func (s *server) giveAccess(c echo.Context, v auth.Visitor) error {
	if s.cfg.CookieDomain == "" {
		return nil
	}
	ctx := c.Request().Context()
	held, err := s.Billing.Entitlements(ctx, v.Member.ID)
	if err != nil {
		return err
	}
	token, _, err := s.Auth.Token(ctx, v, accessOf(held), s.cfg.ArticleOrigins[0])
	if err != nil {
		return err
	}
	s.setAccess(c, token, s.life(v))
	return nil
}

// life is how long this session goes on if nobody comes back.
func (s *server) life(v auth.Visitor) time.Duration {
	end := v.Session.IdleUntil
	if v.Session.ExpiresAt.Before(end) {
		end = v.Session.ExpiresAt
	}
	return end.Sub(s.Clock())
}

// accessOf is the part of the answer that goes into a token.
func accessOf(e billing.Entitlements) auth.Access {
	a := auth.Access{Features: e.Names(), Tier: e.Tier, MemberSince: e.MemberSince, Version: e.Version, NextChange: e.NextChange}
	if e.Grace != nil {
		a.GraceUntil, a.GraceReason = e.Grace.Until, e.Grace.Reason
	}
	if a.GraceReason == billing.GracePastDue {
		a.Notice = string(paywall.NoticePaymentFailed)
	}
	return a
}
