package stripesim

import (
	"net/mail"
	"strings"
)

// purchase is what a reader typed on the hosted page: a card, or a bank account
// if its field is not empty.
type purchase struct {
	email, name, card, account string
	code                       string // a promotion code, where the page asks for one
}

// submit carries out a purchase: everything that Checkout makes, in its order.
// It answers the words for the reader if the purchase cannot be, and then the
// session stays open for another try. It also stays open, without words, while
// the reader must prove who they are.
func (s *Sim) submit(session object, p purchase) string {
	if problem := s.enterCode(session, p.code); problem != "" {
		return problem
	}
	if known := s.knownEmail(session); known != "" {
		p.email = known
	}
	if _, err := mail.ParseAddress(p.email); err != nil || !looksLikeMail(p.email) {
		return "Enter a complete e-mail address."
	}
	method, refused, problem := s.methodTyped(session, p)
	if problem != "" {
		return problem
	}
	session["customer_details"] = customerDetails(p.email, p.name)
	return s.concludeTry(session, s.try(session, method, refused))
}

// methodTyped makes the payment method that was typed in, and says how it fares
// while its holder is there; nil if nothing was typed and nothing is asked for.
func (s *Sim) methodTyped(session object, p purchase) (method object, refused *decline, problem string) {
	if p.account != "" {
		account, problem := debitFor(p.account, array(session, "payment_method_types"))
		if problem != "" {
			return nil, nil, problem
		}
		return s.newDebit(account, p.email, p.name), nil, ""
	}
	if p.card == "" && session != nil && !needsCard(session) {
		return nil, nil, ""
	}
	number, c, problem := cardFor(p.card)
	if problem != "" {
		return nil, nil, problem
	}
	return s.newCard(number, c, p.email, p.name), c.now, ""
}

func (s *Sim) try(session, method object, refused *decline) *apiError {
	session["_method"] = method["id"]
	if str(session, "mode") == "subscription" {
		return s.subscribe(session, method, refused)
	}
	return s.payOnce(session, method, refused)
}

// concludeTry ends a session that was paid, or whose debit is under way.
func (s *Sim) concludeTry(session object, refused *apiError) string {
	session["_proving"] = refused != nil && refused.code == mustProve.code
	switch {
	case flag(session, "_proving"):
		return ""
	case refused != nil:
		return refused.message
	}
	session["status"], session["url"] = "complete", nil
	s.emit("checkout.session.completed", session, nil)
	return ""
}

// prove carries on with a session whose reader has proved, or not, who they are.
func (s *Sim) prove(session object, proved bool) string {
	method := s.store.byID[str(session, "_method")]
	if !proved {
		return s.concludeTry(session, s.proofFailed(s.intentOf(session), method))
	}
	return s.concludeTry(session, s.try(session, method, cardBehind(method).proved))
}

// intentOf is the payment that a session tries, in payment mode its own, else
// that of its subscription's first invoice.
func (s *Sim) intentOf(session object) object {
	subscription := s.store.byID[str(session, "_started")]
	invoice := s.store.byID[str(subscription, "latest_invoice")]
	return s.store.byID[firstOf(str(session, "payment_intent"), str(invoice, "payment_intent"))]
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
	if method != nil {
		s.give(method, customer)
	}
	return customer
}

// payOnce pays in payment mode. A guest gets a customer only if the session
// says "always". https://docs.stripe.com/payments/checkout/guest-customers
func (s *Sim) payOnce(session, method object, refused *decline) *apiError {
	var customer any
	if has(session, "customer") || str(session, "customer_creation") == "always" {
		customer = s.payer(session, method)["id"]
	}
	if num(session, "amount_total") == 0 {
		session["customer"], session["payment_status"] = customer, "no_payment_required"
		s.useVoucher(session)
		return nil
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
	intent["_session"] = session["id"]
	if err := s.pay(intent, method, refused); err != nil {
		return err
	}
	session["customer"], session["payment_status"] = customer, paymentStatus(intent)
	s.useVoucher(session)
	return nil
}

// useVoucher counts a payment session's discount; a subscription redeems its
// own when it begins.
func (s *Sim) useVoucher(session object) {
	if v := s.voucherOf(session); v != nil {
		s.countRedemption(v)
	}
}

// subscribe makes the subscription, incomplete, before it tries the payment.
// A further try pays the same first invoice.
// https://docs.stripe.com/billing/subscriptions/overview#subscription-lifecycle
func (s *Sim) subscribe(session, method object, refused *decline) *apiError {
	if refused != nil && num(session, "amount_total") == 0 { // the card is checked all the same
		return refused.error()
	}
	customer := s.payer(session, method)
	o, started := s.store.find("subscription", str(session, "_started"))
	if !started || ended(o) {
		o = s.startSubscription(session, customer)
	}
	if method != nil {
		o["default_payment_method"] = method["id"]
	}
	invoice := s.store.byID[str(o, "latest_invoice")]
	if err := s.collect(invoice, method, refused); err != nil {
		s.tellUnpaid(invoice)
		return err
	}
	s.activate(o)
	session["customer"], session["subscription"], session["invoice"] = customer["id"], o["id"], invoice["id"]
	intent := s.store.byID[str(invoice, "payment_intent")]
	session["payment_status"] = paymentStatus(intent)
	if intent != nil {
		intent["_session"] = session["id"]
	}
	return nil
}

// paymentStatus is what a session says of its payment, nil for none.
// https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-payment_status
func paymentStatus(intent object) string {
	switch {
	case intent == nil:
		return "no_payment_required"
	case str(intent, "status") == "processing":
		return "unpaid"
	}
	return "paid"
}

func (s *Sim) startSubscription(session, customer object) object {
	data := sub(session, "_subscription")
	with := pick(data, "description", "trial_settings")
	with["metadata"] = withMetadata(nil, data)
	if end := s.sessionTrial(data); end > 0 {
		with["trial_end"] = end
	}
	o := s.begin(signup{
		customer: customer, lines: s.linesOf(session), with: with, voucher: s.voucherOf(session), session: str(session, "id"),
	})
	session["_started"] = o["id"]
	return o
}

// linesOf are the prices that a session sells.
func (s *Sim) linesOf(session object) []line {
	var lines []line
	for _, item := range array(session, "_lines") {
		l := item.(object)
		lines = append(lines, line{s.store.byID[str(l, "price")], num(l, "quantity")})
	}
	return lines
}

// successURL is where a finished session sends its reader.
func successURL(session object) string {
	return strings.ReplaceAll(str(session, "success_url"), "{CHECKOUT_SESSION_ID}", str(session, "id"))
}
