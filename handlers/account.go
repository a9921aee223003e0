package handlers

import (
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/locale"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

type accountPage struct {
	page
	billing.Account
	Strays  []billing.Stray
	Address string
	Limited bool // the address is not proven yet
}

// Describe is what a feature is, in the catalogue's words.
func (p accountPage) Describe(feature string) string {
	if words := p.Words[feature]; words != "" {
		return words
	}
	return feature
}

// Rhythm is a price with how often it is paid.
func (p accountPage) Rhythm(every models.Interval, price money.Money) string {
	if every == models.Yearly {
		return p.Text("membership.yearly", locale.Data{"Amount": price})
	}
	return p.Text("membership.monthly", locale.Data{"Amount": price})
}

// Lasting says until when a feature is held. What a membership gives that renews
// has no end that its reader should fear.
func (p accountPage) Lasting(held billing.Held) string {
	renews := slices.ContainsFunc(p.Memberships, func(m billing.Membership) bool { return !m.RenewsAt.IsZero() })
	switch {
	case held.Until.IsZero():
		return p.Text("account.without_end")
	case renews && slices.Contains(held.Sources, models.FromSubscription):
		return p.Text("account.while_member")
	}
	return p.Text("account.until", locale.Data{"Date": held.Until})
}

// Standing says in a sentence how a membership stands and what comes next.
func (p accountPage) Standing(m billing.Membership) string {
	switch {
	case m.Status.Ended():
		return p.Text("account.ended", locale.Data{"Date": m.CancelAt})
	case m.Status == models.Paused:
		return p.Text("account.paused")
	case m.Status.Stuck():
		return p.Text("account.past_due")
	case !m.CancelAt.IsZero():
		return p.Text("account.ends", locale.Data{"Date": m.CancelAt})
	case !m.RenewsAt.IsZero():
		return p.Text("account.renews", locale.Data{"Date": m.RenewsAt})
	}
	return p.Text("account.paid_through", locale.Data{"Date": m.PaidThrough})
}

// account shows what the reader has, why and until when. Before the address is
// proven it shows only how to prove it.
func (s *server) account(c echo.Context) error {
	ctx, v := c.Request().Context(), visitorOf(c)
	p := accountPage{page: s.page(c, "account.title"), Address: v.Member.Address(), Limited: v.Session.Limited}
	if p.Limited {
		return s.render(c, http.StatusOK, "account", p)
	}
	var err error
	if p.Account, err = s.Billing.Account(ctx, v.Member.ID); err != nil {
		return err
	}
	if p.Strays, err = s.Billing.Strays(ctx, v.Member.ID); err != nil {
		return err
	}
	if err := s.giveAccess(c, *v); err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "account", p)
}

// portal leads to Stripe's page for payment methods, invoices and cancelling.
func (s *server) portal(c echo.Context) error {
	url, err := s.Billing.PortalURL(c.Request().Context(), visitorOf(c).Member.ID, s.cfg.PublicURL+"/account")
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, url)
}

// mend leads to the one step that sets a stuck membership going again.
func (s *server) mend(c echo.Context) error {
	v := visitorOf(c)
	url, err := s.Billing.MendURL(c.Request().Context(), v.Member.ID, s.cfg.PublicURL+"/account")
	if err != nil {
		return err
	}
	if err := s.giveAccess(c, *v); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, url)
}

func (s *server) stopGift(c echo.Context) error {
	donation, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return echo.ErrNotFound
	}
	v := visitorOf(c)
	if err := s.Billing.StopGift(c.Request().Context(), v.Member.ID, donation); err != nil {
		return err
	}
	if err := s.giveAccess(c, *v); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/account")
}
