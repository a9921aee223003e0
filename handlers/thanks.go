package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/auth"
	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
)

const (
	// thanksLooks is how often the page looks again, every two seconds, before it
	// says that nobody need wait.
	thanksLooks = 15

	// unprovenLife is how long somebody who just paid reads on before the mailed
	// link; a guest pass, under an address that another member owns, is shorter.
	unprovenLife = 30 * 24 * time.Hour
	guestLife    = 24 * time.Hour
)

type thanksPage struct {
	page
	Purchase billing.Purchase
	ReturnTo string
	ReadOn   string // the door to ReturnTo
	Late     bool   // we have looked long enough
	LinkSent bool   // a mail to prove the address is on its way
	Again    string // where to try once more, "" where there is nothing to try
}

// State is the state's part in message ids: confirming, processing, succeeded,
// failed, expired.
func (p thanksPage) State() string { return string(p.Purchase.State) }

// Monthly says that the gift comes back every month.
func (p thanksPage) Monthly() bool { return p.Purchase.Interval == models.Monthly }

// Donation says that this was a gift, not a membership.
func (p thanksPage) Donation() bool { return p.Purchase.Kind == models.IntentDonation }

// thanks is where Stripe sends a buyer back. The address proves nothing: without
// the cookie of the browser that went to pay it is not found.
func (s *server) thanks(c echo.Context) error {
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	session := c.QueryParam("session_id")
	bought, err := s.Billing.Purchase(c.Request().Context(), session, browserHash(c))
	if err != nil {
		return err
	}
	looks, _ := strconv.Atoi(c.QueryParam("look"))
	to := s.Auth.SafeReturn(bought.ReturnTo)
	p := thanksPage{Purchase: bought, ReturnTo: to, ReadOn: s.Auth.Clients.Door(to), Late: looks >= thanksLooks}
	if bought.State == billing.PurchaseSucceeded {
		if p.LinkSent, err = s.welcome(c, bought); err != nil {
			return err
		}
	}
	p.page = s.page(c, "thanks."+p.State()+".title")
	p.Again = again(bought, p.ReturnTo)
	if bought.State == billing.PurchaseConfirming && !p.Late {
		p.Refresh = fmt.Sprintf("/thanks?session_id=%s&look=%d", url.QueryEscape(session), looks+1)
	}
	return s.render(c, http.StatusOK, "thanks", p)
}

// again is where a buyer whose payment did not succeed can try once more: on
// Stripe's page while it is open, else on ours.
func again(bought billing.Purchase, returnTo string) string {
	switch {
	case bought.State == billing.PurchaseFailed && bought.SessionURL != "":
		return bought.SessionURL
	case bought.State != billing.PurchaseFailed && bought.State != billing.PurchaseExpired:
		return ""
	case bought.Kind == models.IntentDonation:
		return withReturn("/contribute", returnTo)
	}
	return withReturn("/membership", returnTo)
}

// welcome lets the buyer read at once. Who is signed in gets a fresh token; a
// stranger with a fresh membership gets, once, a limited session for the member
// that the purchase made, and a mail to prove the address. It never opens a session
// of a member whose address is proven: the address was typed at Stripe by anybody.
func (s *server) welcome(c echo.Context, bought billing.Purchase) (linkSent bool, err error) {
	if v := visitorOf(c); v != nil {
		return false, s.giveAccess(c, *v)
	}
	if bought.Kind != models.IntentMembership || !bought.Fresh || bought.Member == nil || bought.Member.EmailVerifiedAt != nil {
		return false, nil
	}
	ctx := c.Request().Context()
	if first, err := s.Billing.Consume(ctx, bought.IntentID); err != nil || !first {
		return false, err
	}
	life := unprovenLife
	if bought.Member.Provisional() {
		life = guestLife
	}
	session, refresh, err := s.Auth.StartLimitedSession(ctx, bought.Member.ID, c.Request().UserAgent(), life)
	if unauthorized(err) { // proven meanwhile, and by then its owner's alone
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v := auth.Visitor{Member: *bought.Member, Session: session}
	c.Set(visitorKey, &v)
	if err := s.letIn(c, v, refresh); err != nil {
		return false, err
	}
	return s.mailProof(c, *bought.Member)
}

// mailProof mails the link that proves the address of somebody who just paid. An
// address that Stripe takes and we do not is no reason to refuse a buyer the page.
func (s *server) mailProof(c echo.Context, m models.Member) (sent bool, err error) {
	attempt, err := s.Auth.RequestSignIn(c.Request().Context(), auth.SignIn{
		Email: m.Address(), ReturnTo: "/account", Locale: s.language(c).Tag(), Kind: models.SignInReader, IP: c.RealIP(),
	})
	if err != nil && refusalOf(err).Status == http.StatusUnprocessableEntity {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("mail the proof of an address: %w", err)
	}
	setCookie(c, attemptCookie, attempt, attemptLife)
	return true, nil
}
