package stripesim

import (
	"net/http"
	"time"
)

// portalPage is what the hosted billing portal shows of one customer.
type portalPage struct {
	Headline, Email, Back, Problem string
	Card                           string // what is charged, as people read it
	AsksCard                       bool
	Subscriptions                  []portalSubscription
	Invoices                       []portalInvoice
}

type portalSubscription struct {
	ID, Name, Amount, Every, State, CancelLabel string
	CanCancel, CanRenew                         bool
	Plans                                       []portalPlan // that it can move to
}

type portalPlan struct{ Price, Label string }

type portalInvoice struct{ Date, Amount, Status string }

// portalLife is how long a portal link works. Stripe says only that it is
// short; an hour is assumed.
const portalLife = 60 * 60

func (s *Sim) showPortal(w http.ResponseWriter, r *http.Request) {
	status, name, data := 0, "", any(nil)
	s.liveFor(r.PathValue("id"), func() { status, name, data = s.portalView(r.PathValue("id"), "") })
	s.show(w, status, name, data)
}

// submitPortal does what was pressed, and shows the page again or,
// at the end of a deep link, goes where the link said.
func (s *Sim) submitPortal(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	wish := portalWish{r.PostFormValue("do"), r.PostFormValue("subscription"), r.PostFormValue("price"), r.PostFormValue("card")}
	status, name, data, to := 0, "", any(nil), r.URL.Path
	s.liveFor(r.PathValue("id"), func() {
		problem := s.portalAct(r.PathValue("id"), wish)
		status, name, data = s.portalView(r.PathValue("id"), problem)
		if status != http.StatusOK || problem != "" {
			to = ""
			return
		}
		session := s.store.byID[r.PathValue("id")]
		to = firstOf(str(session, "flow.after_completion.redirect.return_url"), to)
		session["flow"] = nil // the deep link has been followed
	})
	if to != "" {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	s.show(w, status, name, data)
}

func (s *Sim) openPortal(id string) (session, config object, ok bool) {
	session, ok = s.store.find("billing_portal.session", id)
	if !ok || s.unix() >= num(session, "created")+portalLife {
		return nil, nil, false
	}
	return session, s.store.byID[str(session, "configuration")], true
}

func (s *Sim) portalView(id, problem string) (int, string, any) {
	session, config, ok := s.openPortal(id)
	if !ok {
		return http.StatusGone, "checkout-over", overPage{Title: "This link has expired", Text: "Ask the shop for a new one."}
	}
	flow := str(session, "flow.type")
	only := firstOf(str(session, "flow.subscription_cancel.subscription"), str(session, "flow.subscription_update.subscription"))
	customer := s.store.byID[str(session, "customer")]
	p := portalPage{
		Headline: str(config, "business_profile.headline"), Email: str(customer, "email"), Back: str(session, "return_url"), Problem: problem,
		AsksCard: flag(config, "features.payment_method_update.enabled"), Card: s.portalCharged(customer),
	}
	if flow == "payment_method_update" {
		return http.StatusOK, "portal-card", p
	}
	for _, o := range s.store.where("subscription", "customer", str(session, "customer")) {
		if !ended(o) && str(o, "status") != "incomplete" && (only == "" || o["id"] == only) {
			p.Subscriptions = append(p.Subscriptions, s.portalSubscription(o, config))
		}
	}
	switch flow {
	case "subscription_cancel":
		return http.StatusOK, "portal-cancel", p
	case "subscription_update":
		return http.StatusOK, "portal-change", p
	}
	if flag(config, "features.invoice_history.enabled") {
		p.Invoices = s.portalInvoices(str(session, "customer"))
	}
	return http.StatusOK, "portal", p
}

func (s *Sim) portalSubscription(o, config object) portalSubscription {
	price := s.store.byID[pricesOf(o)[0]]
	quantity := num(array(o, "items.data")[0].(object), "quantity")
	atEnd := flag(o, "cancel_at_period_end")
	until := dateText(num(o, "current_period_end"))
	p := portalSubscription{
		ID: str(o, "id"), Name: str(s.store.byID[str(price, "product")], "name"),
		Amount: formatted(num(price, "unit_amount")*quantity, str(price, "currency")), Every: everyText(price),
		State: "Renews on " + until + ".", CancelLabel: "Cancel at the end of the period",
		CanCancel: !atEnd && flag(config, "features.subscription_cancel.enabled"), CanRenew: atEnd,
	}
	if str(config, "features.subscription_cancel.mode") == "immediately" {
		p.CancelLabel = "Cancel now"
	}
	for _, to := range s.portalPrices(o, config) {
		name := str(s.store.byID[str(to, "product")], "name")
		p.Plans = append(p.Plans, portalPlan{str(to, "id"), "Change to " + name + ", " + formatted(num(to, "unit_amount"), str(to, "currency")) + " " + everyText(to)})
	}
	switch {
	case atEnd:
		p.State = "Cancelled. It stays until " + until + "."
	case str(o, "status") == "trialing":
		p.State = "Free until " + until + "."
	case str(o, "status") == "paused":
		p.State = "Paused."
	case str(o, "status") != "active":
		p.State = "The last payment has failed."
	}
	return p
}

// portalCharged says which card the customer's invoices are charged to.
func (s *Sim) portalCharged(customer object) string {
	method := s.store.byID[str(customer, "invoice_settings.default_payment_method")]
	if last4 := str(method, "card.last4"); last4 != "" {
		return "•••• " + last4
	}
	return ""
}

func (s *Sim) portalInvoices(customer string) []portalInvoice {
	var out []portalInvoice
	for _, o := range s.store.where("invoice", "customer", customer) {
		if str(o, "status") != "draft" {
			out = append(out, portalInvoice{dateText(num(o, "created")), formatted(num(o, "total"), str(o, "currency")), str(o, "status")})
		}
	}
	return out
}

func dateText(unix int64) string { return time.Unix(unix, 0).UTC().Format("2 January 2006") }
