package handlers

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
)

type membershipPage struct {
	page
	form
	Plans      []planChoice
	Currencies []currencyChoice // none if there is only one
	Member     bool             // the visitor pays for a membership already
	Stuck      string           // why the visitor's membership does not go on; "" where it does
}

func (s *server) membership(c echo.Context) error {
	return s.membershipForm(c, http.StatusOK, s.newForm(c))
}

func (s *server) membershipForm(c echo.Context, status int, f form) error {
	ctx := c.Request().Context()
	offers, err := s.Billing.Offers(ctx)
	if err != nil {
		return err
	}
	markBrowser(c)
	p := membershipPage{page: s.page(c, "membership.title"), form: f}
	if v := visitorOf(c); v != nil {
		held, err := s.Billing.Entitlements(ctx, v.Member.ID)
		if err != nil {
			return err
		}
		p.Member = pays(held)
		if provenOf(c) != nil {
			if p.Stuck, err = s.Billing.StuckMembership(ctx, v.Member.ID); err != nil {
				return err
			}
		}
	}
	sold := soldIn(offers)
	currency := pick(sold, c.FormValue("currency"))
	p.Currencies = currencyLinks("/membership", sold, currency, f.ReturnTo)
	p.Plans = s.planChoices(offers.Plans, currency, c.FormValue("price"))
	return s.render(c, status, "membership", p)
}

// pays says whether anything is held by a membership, as against given.
func pays(e billing.Entitlements) bool {
	return slices.ContainsFunc(e.Features, func(h billing.Held) bool {
		return slices.Contains(h.Sources, models.FromSubscription)
	})
}

// checkout leads to Stripe's page for a plan. A reader whose address is not proven
// yet proves it first: they may be a member already.
func (s *server) checkout(c echo.Context) error {
	if visitorOf(c) != nil && provenOf(c) == nil {
		return c.Redirect(http.StatusSeeOther, "/account")
	}
	if trap(c) {
		return c.Redirect(http.StatusSeeOther, "/membership")
	}
	f := s.newForm(c)
	buyer, err := s.buyer(c, f)
	if err != nil {
		return err
	}
	url, err := s.Billing.StartCheckout(c.Request().Context(), billing.Checkout{Buyer: buyer, PriceID: c.FormValue("price")})
	if err != nil {
		if err := s.blame(c, &f, err); err != nil {
			return err
		}
		if crowded(err) {
			f.SignIn = s.wayToJoin(c)
		}
		return s.membershipForm(c, refusalOf(err).Status, f)
	}
	return c.Redirect(http.StatusSeeOther, url)
}

// wayToJoin leads by way of signing in back to the plan that was chosen. The way back
// to an article does not fit into a way back.
func (s *server) wayToJoin(c echo.Context) string {
	back := url.Values{"price": {c.FormValue("price")}}
	return withReturn("/signin", s.Auth.SafeReturn("/membership?"+back.Encode()))
}

// maxNonce is above the length of any nonce of ours.
const maxNonce = 64

// buyer is who posted the form, by the posted form's nonce. A form on one of the
// publisher's own pages has none, and buys each time it is sent.
func (s *server) buyer(c echo.Context, f form) (billing.Buyer, error) {
	nonce := c.FormValue("nonce")
	if len(nonce) > maxNonce {
		return billing.Buyer{}, echo.ErrBadRequest
	}
	if nonce == "" {
		nonce = f.Nonce
	}
	b := billing.Buyer{
		Nonce: nonce, BrowserHash: markBrowser(c), ReturnTo: f.ReturnTo, Locale: s.language(c).Tag(),
		IP: c.RealIP(), Hasty: s.hasty(nonce),
	}
	if v := provenOf(c); v != nil {
		b.MemberID = &v.Member.ID
	}
	return b, nil
}
