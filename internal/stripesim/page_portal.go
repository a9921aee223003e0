package stripesim

import (
	"net/http"
	"time"
)

// portalPage is what the hosted billing portal shows of one customer.
type portalPage struct {
	Headline, Email, Back, Problem string
	Subscriptions                  []portalSubscription
	Invoices                       []portalInvoice
}

type portalSubscription struct {
	ID, Name, Amount, Every, State, CancelLabel string
	CanCancel, CanRenew                         bool
}

type portalInvoice struct{ Date, Amount, Status string }

// portalLife is how long a portal link works. Stripe says only that it is
// short; an hour is assumed.
const portalLife = 60 * 60

func (s *Sim) showPortal(w http.ResponseWriter, r *http.Request) {
	status, name, data := 0, "", any(nil)
	s.liveFor(r.PathValue("id"), func() { status, name, data = s.portalView(r.PathValue("id"), "") })
	s.show(w, status, name, data)
}

// submitPortal cancels or keeps a subscription, and shows the page again or,
// at the end of a deep link, goes where the link said.
func (s *Sim) submitPortal(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	do, id := r.PostFormValue("do"), r.PostFormValue("subscription")
	status, name, data, to := 0, "", any(nil), r.URL.Path
	s.liveFor(r.PathValue("id"), func() {
		problem := s.portalAct(r.PathValue("id"), do, id)
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

// portalAct answers the words for the reader if it cannot be done.
func (s *Sim) portalAct(portal, do, id string) string {
	session, config, ok := s.openPortal(portal)
	if !ok {
		return ""
	}
	o, known := s.store.find("subscription", id)
	if !known || o["customer"] != session["customer"] || ended(o) {
		return "This subscription has ended or is not yours."
	}
	immediately := str(config, "features.subscription_cancel.mode") == "immediately"
	switch {
	case do == "renew":
		with := object{}
		s.scheduleEnd(o, with, false)
		s.change(o, "customer.subscription.updated", with)
	case do != "cancel" || !flag(config, "features.subscription_cancel.enabled"):
		return "This cannot be done here."
	case immediately:
		s.endSubscription(o, "cancellation_requested")
	default:
		with := object{}
		s.scheduleEnd(o, with, true)
		s.change(o, "customer.subscription.updated", with)
	}
	return ""
}

func (s *Sim) portalView(id, problem string) (int, string, any) {
	session, config, ok := s.openPortal(id)
	if !ok {
		return http.StatusGone, "checkout-over", overPage{Title: "This link has expired", Text: "Ask the shop for a new one."}
	}
	only := str(session, "flow.subscription_cancel.subscription")
	customer := s.store.byID[str(session, "customer")]
	p := portalPage{
		Headline: str(config, "business_profile.headline"), Email: str(customer, "email"), Back: str(session, "return_url"), Problem: problem,
	}
	for _, o := range s.store.where("subscription", "customer", str(session, "customer")) {
		if !ended(o) && str(o, "status") != "incomplete" && (only == "" || o["id"] == only) {
			p.Subscriptions = append(p.Subscriptions, s.portalSubscription(o, config))
		}
	}
	if only != "" {
		return http.StatusOK, "portal-cancel", p
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
	switch {
	case atEnd:
		p.State = "Cancelled. It stays until " + until + "."
	case str(o, "status") != "active":
		p.State = "The last payment has failed."
	}
	return p
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
