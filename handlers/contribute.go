package handlers

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// giftForm is what the donor chose and typed. Preset holds one of the amounts
// offered, Other an amount of their own: what is typed counts.
type giftForm struct {
	Interval  string `form:"interval" query:"interval"`
	Currency  string `form:"currency" query:"currency"`
	Preset    string `form:"amount" query:"amount"`
	Other     string `form:"other"`
	Campaign  string `form:"campaign" query:"campaign"`
	Name      string `form:"name"`
	Anonymous bool   `form:"anonymous"`
	Message   string `form:"message"`
}

// Amount is as typed, or as chosen where nothing was typed.
func (g giftForm) Amount() string {
	if g.Other != "" {
		return g.Other
	}
	return g.Preset
}

type contributePage struct {
	page
	form
	Gift       giftForm
	Offer      billing.DonationOffer
	Presets    []presetChoice
	Currencies []currencyChoice
	SignedIn   bool // a monthly gift needs somebody who can stop it
}

// presetChoice is one radio button.
type presetChoice struct {
	Amount  money.Money
	Checked bool
}

// Monthly says whether the monthly gift is chosen.
func (p contributePage) Monthly() bool { return p.Gift.Interval == string(models.Monthly) }

// maxCampaign is above the length of any campaign's name.
const maxCampaign = 64

func readGift(c echo.Context) (giftForm, error) {
	var g giftForm
	if err := c.Bind(&g); err != nil || len(g.Campaign) > maxCampaign {
		return g, echo.ErrBadRequest
	}
	return g, nil
}

// contribute shows the form, filled in by the address (a link on an article may
// propose an amount) and by what was typed before the donor went to sign in.
func (s *server) contribute(c echo.Context) error {
	g, err := readGift(c)
	if err != nil {
		return err
	}
	f := s.newForm(c)
	s.resume(c, &g, &f)
	return s.giftForm(c, http.StatusOK, f, g)
}

func (s *server) giftForm(c echo.Context, status int, f form, g giftForm) error {
	offers, err := s.Billing.Offers(c.Request().Context())
	if err != nil {
		return err
	}
	if len(offers.Donations) == 0 {
		return echo.ErrNotFound
	}
	markBrowser(c)
	p := contributePage{page: s.page(c, "contribute.title"), form: f, Gift: g, SignedIn: provenOf(c) != nil}
	p.Offer = offerIn(offers.Donations, g.Currency)
	p.Presets = presetChoices(p.Offer, &p.Gift)
	var codes []string
	for _, d := range offers.Donations {
		codes = append(codes, d.Currency)
	}
	p.Currencies = currencyLinks("/contribute", codes, p.Offer.Currency, f.ReturnTo)
	return s.render(c, status, "contribute", p)
}

func offerIn(offers []billing.DonationOffer, currency string) billing.DonationOffer {
	for _, d := range offers {
		if d.Currency == currency {
			return d
		}
	}
	return offers[0]
}

// presetChoices marks what was chosen. An amount that is no preset goes where other
// amounts are typed; with nothing chosen the second preset is, as the middle way.
func presetChoices(offer billing.DonationOffer, g *giftForm) []presetChoice {
	choices := make([]presetChoice, 0, len(offer.Presets))
	for _, amount := range offer.Presets {
		wanted, err := money.Parse(g.Preset, offer.Currency)
		choices = append(choices, presetChoice{amount, g.Other == "" && err == nil && wanted == amount})
	}
	chosen := slices.ContainsFunc(choices, func(p presetChoice) bool { return p.Checked })
	switch {
	case !chosen && g.Other == "" && g.Preset != "":
		g.Other = g.Preset
	case !chosen && g.Other == "" && len(choices) > 0:
		choices[min(1, len(choices)-1)].Checked = true
	}
	return choices
}

// give leads to Stripe's page for a gift. A monthly one needs a donor who can come
// back to stop it, so that a stranger is asked to sign in and finds the form again
// as it was.
func (s *server) give(c echo.Context) error {
	g, err := readGift(c)
	if err != nil {
		return err
	}
	if trap(c) {
		return c.Redirect(http.StatusSeeOther, "/contribute")
	}
	f := s.newForm(c)
	buyer, err := s.buyer(c, f)
	if err != nil {
		return err
	}
	url, err := s.Billing.StartDonation(c.Request().Context(), billing.Gift{
		Buyer: buyer, Amount: g.Amount(), Currency: g.Currency, Interval: models.Interval(g.Interval),
		Name: g.Name, Anonymous: g.Anonymous, Message: g.Message, Campaign: g.Campaign,
	})
	if err == nil {
		clearCookie(c, giftCookie)
		return c.Redirect(http.StatusSeeOther, url)
	}
	if refusalOf(err).Code == "sign_in_for_monthly" {
		return c.Redirect(http.StatusSeeOther, s.wayToGive(c, f, g)+"&for=monthly")
	}
	if err := s.blame(c, &f, err); err != nil {
		return err
	}
	if crowded(err) {
		f.SignIn = s.wayToGive(c, f, g)
	}
	return s.giftForm(c, refusalOf(err).Status, f, g)
}

// wayToGive leads by way of signing in back to the form as it is. The way carries the
// choices; what is personal waits in this browser.
func (s *server) wayToGive(c echo.Context, f form, g giftForm) string {
	s.suspend(c, f, g)
	choices := url.Values{"interval": {g.Interval}, "currency": {g.Currency}, "amount": {g.Amount()}}
	if g.Campaign != "" {
		choices.Set("campaign", g.Campaign)
	}
	back := s.Auth.SafeReturn("/contribute?" + choices.Encode())
	if back == "" {
		back = "/contribute"
	}
	return withReturn("/signin", back)
}
