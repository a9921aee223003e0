package stripesim

import (
	"net/mail"
	"strings"
)

// purchase is what a reader typed on the hosted page.
type purchase struct {
	email, name, card string
}

// submit carries out a purchase: everything that Checkout makes, in its order.
// It answers the words for the reader if the purchase cannot be, and then the
// session stays open for another try.
func (s *Sim) submit(session object, p purchase) string {
	number, c, problem := cardFor(p.card)
	if problem != "" {
		return problem
	}
	if known := s.knownEmail(session); known != "" {
		p.email = known
	}
	if _, err := mail.ParseAddress(p.email); err != nil || !looksLikeMail(p.email) {
		return "Enter a complete e-mail address."
	}
	method := s.newCard(number, c, p.email, p.name)
	session["customer_details"] = customerDetails(p.email, p.name)
	var refused *apiError
	if str(session, "mode") == "subscription" {
		refused = s.subscribe(session, method, c.now)
	} else {
		refused = s.payOnce(session, method, c.now)
	}
	if refused != nil {
		return refused.message
	}
	session["status"], session["url"] = "complete", nil
	s.emit("checkout.session.completed", session, nil)
	return ""
}

// knownEmail is the address that the reader cannot change on the page.
func (s *Sim) knownEmail(session object) string {
	customer := s.store.byID[str(session, "customer")]
	return firstOf(str(customer, "email"), str(session, "customer_email"))
}

// payer answers the session's customer, and makes one if the session needs one.
// A customer made at a declined try serves the next one.
func (s *Sim) payer(session, method object) object {
	id := firstOf(str(session, "customer"), str(session, "_customer"))
	customer, ok := s.store.byID[id]
	if !ok {
		customer = s.newCustomer(object{
			"email": at(session, "customer_details.email"), "name": at(session, "customer_details.name"),
			"metadata": object{},
		})
		session["_customer"] = customer["id"]
	}
	method["customer"] = customer["id"]
	s.emit("payment_method.attached", method, nil)
	return customer
}

// payOnce pays in payment mode. A guest gets a customer only if the session
// says "always". https://docs.stripe.com/payments/checkout/guest-customers
func (s *Sim) payOnce(session, method object, refused *decline) *apiError {
	var customer any
	if has(session, "customer") || str(session, "customer_creation") == "always" {
		customer = s.payer(session, method)["id"]
	}
	intent, started := s.store.find("payment_intent", str(session, "payment_intent"))
	if !started {
		with := pick(sub(session, "_payment"), "description", "receipt_email", "setup_future_usage", "statement_descriptor", "statement_descriptor_suffix")
		with["metadata"] = withMetadata(nil, sub(session, "_payment"))
		intent = s.newPayment(num(session, "amount_total"), str(session, "currency"), with)
		session["payment_intent"] = intent["id"]
	}
	intent["customer"] = customer
	s.store.put(intent)
	if err := s.pay(intent, method, refused); err != nil {
		return err
	}
	session["customer"], session["payment_status"] = customer, "paid"
	return nil
}

// subscribe makes the subscription, incomplete, before it tries the payment.
// A further try pays the same first invoice.
// https://docs.stripe.com/billing/subscriptions/overview#subscription-lifecycle
func (s *Sim) subscribe(session, method object, refused *decline) *apiError {
	customer := s.payer(session, method)
	o, started := s.store.find("subscription", str(session, "_started"))
	if !started || ended(o) {
		o = s.startSubscription(session, customer)
	}
	o["default_payment_method"] = method["id"]
	invoice := s.store.byID[str(o, "latest_invoice")]
	if err := s.collect(invoice, method, refused); err != nil {
		s.emit("invoice.payment_failed", invoice, nil)
		return err
	}
	s.activate(o)
	session["customer"], session["subscription"], session["invoice"] = customer["id"], o["id"], invoice["id"]
	session["payment_status"] = "paid"
	if num(invoice, "amount_due") == 0 {
		session["payment_status"] = "no_payment_required"
	}
	return nil
}

func (s *Sim) startSubscription(session, customer object) object {
	var lines []line
	for _, item := range array(session, "_lines") {
		l := item.(object)
		lines = append(lines, line{s.store.byID[str(l, "price")], num(l, "quantity")})
	}
	data := sub(session, "_subscription")
	with := pick(data, "description")
	with["metadata"] = withMetadata(nil, data)
	o := s.begin(customer, lines, with)
	session["_started"] = o["id"]
	return o
}

// successURL is where a finished session sends its reader.
func successURL(session object) string {
	return strings.ReplaceAll(str(session, "success_url"), "{CHECKOUT_SESSION_ID}", str(session, "id"))
}
