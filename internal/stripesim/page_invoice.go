package stripesim

import (
	"net/http"
	"strings"
)

// invoicePage is the address of an invoice's hosted page.
// https://docs.stripe.com/invoicing/hosted-invoice-page
func (s *Sim) invoicePage(o object) string {
	return firstOf(strings.TrimSuffix(s.cfg.PublicURL, "/"), s.base) + "/invoice/" + str(o, "id")
}

// invoiceView is what the hosted page of an open invoice shows.
type invoiceView struct {
	Number, Total, Problem string
	Lines                  []pageLine
	Proof                  bool // the payment waits for its reader's proof
}

func (s *Sim) showInvoice(w http.ResponseWriter, r *http.Request) {
	status, name, data := 0, "", any(nil)
	s.live(func() { status, name, data = s.viewInvoice(r.PathValue("id"), "") })
	s.show(w, status, name, data)
}

// submitInvoice pays an open invoice with another card, or carries on with a
// payment whose reader has proved, or not, who they are.
func (s *Sim) submitInvoice(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	proof, typed := r.PostFormValue("proof"), r.PostFormValue("card")
	status, name, data := 0, "", any(nil)
	s.live(func() {
		problem := ""
		if o, ok := s.store.find("invoice", r.PathValue("id")); ok && s.payable(o) {
			problem = s.payOnPage(o, typed, proof)
		}
		status, name, data = s.viewInvoice(r.PathValue("id"), problem)
	})
	s.show(w, status, name, data)
}

// payable says that an invoice waits for a payment, and none is under way.
func (s *Sim) payable(o object) bool {
	return str(o, "status") == "open" && str(s.store.byID[str(o, "payment_intent")], "status") != "processing"
}

// payOnPage answers the words for the reader if the invoice could not be paid.
func (s *Sim) payOnPage(o object, typed, proof string) string {
	intent, subscription := s.store.byID[str(o, "payment_intent")], s.store.byID[str(o, "subscription")]
	method, refused := s.store.byID[str(intent, "payment_method")], (*decline)(nil)
	switch {
	case proof == "refused" && needsProof(intent):
		refusal := s.proofFailed(intent, method)
		s.tellUnpaid(o)
		return refusal.message
	case proof == "given" && needsProof(intent):
		refused = cardBehind(method).proved
	default:
		var problem string
		if method, refused, problem = s.methodTyped(nil, purchase{card: typed}); problem != "" {
			return problem
		}
		method["customer"] = o["customer"]
		s.store.put(method)
	}
	if err := s.collect(o, method, refused); err != nil {
		s.tellUnpaid(o)
		return err.message
	}
	s.carryOn(subscription)
	return ""
}

func (s *Sim) viewInvoice(id, problem string) (int, string, any) {
	o, ok := s.store.find("invoice", id)
	if !ok || str(o, "status") == "draft" {
		return http.StatusNotFound, "checkout-over", overPage{Title: "Nothing to pay here", Text: "This page does not belong to any invoice."}
	}
	if !s.payable(o) {
		return http.StatusOK, "checkout-over", overPage{Title: "Nothing left to pay", Text: "This invoice is " + str(o, "status") + "."}
	}
	code := str(o, "currency")
	view := invoiceView{
		Number: str(o, "number"), Total: formatted(num(o, "amount_due"), code), Problem: problem,
		Proof: needsProof(s.store.byID[str(o, "payment_intent")]),
	}
	for _, l := range objects(array(o, "lines.data")) {
		view.Lines = append(view.Lines, pageLine{Name: str(l, "description"), Quantity: 1, Amount: formatted(num(l, "amount"), code)})
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusPaymentRequired
	}
	return status, "invoice", view
}
