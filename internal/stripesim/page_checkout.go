package stripesim

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
)

//go:embed pages/*.html
var pageFiles embed.FS

func parsePages() (*template.Template, error) {
	t, err := template.ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse pages: %w", err)
	}
	return t, nil
}

// pageLine is one thing on the hosted page, with its amount as people read it.
type pageLine struct {
	Name     string
	Quantity int64
	Amount   string
}

// checkoutPage is what the hosted payment page shows.
type checkoutPage struct {
	Title, Total, Every, Button string
	Lines                       []pageLine
	Email                       string
	EmailKnown                  bool
	Problem, Message, Back      string
	Code                        string // the promotion code, where AsksCode
	AsksCode, NeedsCard         bool
	Discount                    string // what is taken off, as people read it
	Trial                       string // when the trial ends, if there is one
	Account                     string // what a direct debit's field is called, if one can be chosen
}

// proofPage is where a card's holder proves who they are, or does not.
type proofPage struct{ Total string }

// overPage is shown for a session that can no longer be paid.
type overPage struct{ Title, Text, Link string }

// show writes a page. It is rendered whole first, so that a fault in a
// template is a clean 500.
func (s *Sim) show(w http.ResponseWriter, status int, name string, data any) {
	var body bytes.Buffer
	if err := s.pages.ExecuteTemplate(&body, name, data); err != nil {
		s.cfg.Log.Error("stripesim: page", "name", name, "error", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	w.Write(body.Bytes()) // a reader who left has nobody to tell
}

func (s *Sim) showCheckout(w http.ResponseWriter, r *http.Request) {
	status, name, data := http.StatusOK, "", any(nil)
	s.liveFor(r.PathValue("id"), func() { status, name, data = s.checkoutView(r.PathValue("id"), purchase{}, "") })
	s.show(w, status, name, data)
}

// submitCheckout carries out the form: back to the shop if it was paid, the
// same page with the reason if not.
func (s *Sim) submitCheckout(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p := purchase{email: r.PostFormValue("email"), name: r.PostFormValue("name"), card: r.PostFormValue("card"),
		account: r.PostFormValue("account"), code: r.PostFormValue("promotion_code")}
	status, name, data, to := 0, "", any(nil), ""
	s.liveFor(r.PathValue("id"), func() {
		session, ok := s.store.find("checkout.session", r.PathValue("id"))
		problem := ""
		switch proof := r.PostFormValue("proof"); {
		case !ok || str(session, "status") != "open":
		case flag(session, "_proving") && proof != "":
			problem = s.prove(session, proof == "given")
		default:
			problem = s.enter(session, p, r.PostFormValue("do"))
		}
		if ok && str(session, "status") == "complete" { // now, or by the first click of two
			to = successURL(session)
			return
		}
		status, name, data = s.checkoutView(r.PathValue("id"), p, problem)
	})
	if to != "" {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	s.show(w, status, name, data)
}

// enter applies the promotion code only, or buys.
func (s *Sim) enter(session object, p purchase, do string) string {
	if do == "apply" {
		return s.enterCode(session, p.code)
	}
	return s.submit(session, p)
}

func (s *Sim) checkoutView(id string, typed purchase, problem string) (int, string, any) {
	session, ok := s.store.find("checkout.session", id)
	if !ok {
		return http.StatusNotFound, "checkout-over", overPage{Title: "Nothing to pay here", Text: "This page does not belong to any payment."}
	}
	switch str(session, "status") {
	case "complete":
		return http.StatusOK, "checkout-over", overPage{Title: "Already paid", Text: "This payment has been completed.", Link: successURL(session)}
	case "expired":
		return http.StatusGone, "checkout-over", overPage{Title: "This page has expired", Text: "The payment was not made, and nothing was charged.", Link: str(session, "cancel_url")}
	}
	if flag(session, "_proving") {
		return http.StatusOK, "proof", proofPage{formatted(num(session, "amount_total"), str(session, "currency"))}
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusPaymentRequired
	}
	return status, "checkout", s.checkoutPage(session, typed, problem)
}

func (s *Sim) checkoutPage(session object, typed purchase, problem string) checkoutPage {
	code := str(session, "currency")
	p := checkoutPage{
		Title: "Payment", Button: payLabel(session), Problem: problem, Back: str(session, "cancel_url"),
		Total: formatted(num(session, "amount_total"), code), Message: str(session, "custom_text.submit.message"),
		Email: firstOf(s.knownEmail(session), typed.email), EmailKnown: s.knownEmail(session) != "",
		Account: accountField(array(session, "payment_method_types")),
	}
	p.AsksCode, p.NeedsCard, p.Code = flag(session, "allow_promotion_codes"), needsCard(session), typed.code
	if less := num(session, "total_details.amount_discount"); less > 0 {
		p.Discount = formatted(-less, code)
	}
	if end := s.sessionTrial(sub(session, "_subscription")); end > 0 {
		p.Trial = dateText(end)
	}
	for _, l := range array(session, "_lines") {
		item := l.(object)
		p.Lines = append(p.Lines, pageLine{str(item, "description"), num(item, "quantity"), formatted(num(item, "amount_total"), code)})
		if every := everyText(s.store.byID[str(item, "price")]); every != "" {
			p.Title, p.Every = "Subscription", every
		}
	}
	return p
}

// accountField names the field for a bank account, empty if only cards pay.
func accountField(types []any) string {
	switch {
	case slices.Contains(types, any("sepa_debit")):
		return "or IBAN (SEPA Direct Debit)"
	case slices.Contains(types, any("bacs_debit")):
		return "or sort code and account number (Bacs Direct Debit)"
	}
	return ""
}

// payLabel is the button's word, after submit_type.
func payLabel(session object) string {
	switch {
	case str(session, "mode") == "subscription":
		return "Subscribe"
	case str(session, "submit_type") == "donate":
		return "Donate"
	case str(session, "submit_type") == "book":
		return "Book"
	}
	return "Pay"
}

// everyText says how often a recurring price is due: "per month", "every 3
// months"; nothing for a one-off price.
func everyText(price object) string {
	interval, n := str(price, "recurring.interval"), num(price, "recurring.interval_count")
	switch {
	case interval == "":
		return ""
	case n > 1:
		return fmt.Sprintf("every %d %ss", n, interval)
	}
	return "per " + interval
}
