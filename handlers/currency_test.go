package handlers_test

import (
	"net/url"
	"testing"
)

func TestEachCurrencyHasItsOwnPricesAndPresets(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	back := "?return_to=" + url.QueryEscape(anArticle)
	b.get("/membership"+back).want(200, "€8 a month", "/membership"+back+"&currency=usd")
	b.get("/membership"+back+"&currency=usd").want(200, "$9 a month", anArticle).wantNot("€8")
	b.get("/membership?currency=xyz").want(200, "€8 a month")

	yen := b.get("/contribute?currency=jpy").want(200, "¥500", "From ¥200 to ¥500,000").wantNot("€")
	b.submit(yen, "/contribute", "other", "100").want(422, "The smallest amount is ¥200.")
	b.submit(yen, "/contribute", "other", "300.5").want(422, "more decimals")
	b.submit(yen, "/contribute", "other", "300").to(n.stripe.URL)
}

func TestALinkMayProposeAGift(t *testing.T) {
	t.Parallel()
	n := open(t)
	b := n.browser()
	for address, want := range map[string]url.Values{
		"/contribute":                               {"interval": {"once"}, "amount": {"10.00"}, "other": {""}},
		"/contribute?amount=25&interval=month":      {"interval": {"month"}, "amount": {"25.00"}, "other": {""}},
		"/contribute?amount=7.50&campaign=harbour":  {"interval": {"once"}, "other": {"7.50"}, "campaign": {"harbour"}},
		"/contribute?amount=%22%3E%3Cscript%3E&x=1": {"interval": {"once"}, "other": {`"><script>`}},
	} {
		form := b.get(address).want(200).escaped().form("/contribute")
		for field := range want {
			wantEqual(t, address+" "+field, form.Get(field), want.Get(field))
		}
	}
}
