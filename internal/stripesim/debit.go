package stripesim

import (
	"slices"
	"strings"
)

// debit is a test bank account and how a direct debit from it fares, days later.
type debit struct {
	kind     string // Stripe's payment method type
	fails    *decline
	disputes bool // it succeeds, and the bank takes it back
}

var emptyAccount = &decline{"insufficient_funds", "", "The customer's account has insufficient funds to cover this payment."}

// debits are the test accounts that are simulated, without spaces.
// https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-your-integration,
// https://docs.stripe.com/payments/payment-methods/bacs-debit
var debits = map[string]debit{
	"AT611904300234573201":   {kind: "sepa_debit"},
	"AT321904300235473204":   {kind: "sepa_debit"},
	"AT861904300235473202":   {kind: "sepa_debit", fails: emptyAccount},
	"AT051904300235473205":   {kind: "sepa_debit", fails: emptyAccount},
	"AT981904300002222227":   {kind: "sepa_debit", fails: emptyAccount},
	"AT591904300235473203":   {kind: "sepa_debit", disputes: true},
	"DE89370400440532013000": {kind: "sepa_debit"},
	"DE08370400440532013003": {kind: "sepa_debit"},
	"DE62370400440532013001": {kind: "sepa_debit", fails: emptyAccount},
	"DE78370400440532013004": {kind: "sepa_debit", fails: emptyAccount},
	"DE35370400440532013002": {kind: "sepa_debit", disputes: true},
	"10880000012345":         {kind: "bacs_debit"},
	"10880090012345":         {kind: "bacs_debit"},
	"10880033333335":         {kind: "bacs_debit", fails: emptyAccount},
	"10880093333335":         {kind: "bacs_debit", fails: emptyAccount},
}

// debitCurrency is the only currency of each kind.
var debitCurrency = map[string]string{"sepa_debit": "eur", "bacs_debit": "gbp"}

// isDebit says whether a charge was, or a payment method allows, a direct debit.
func isDebit(o object) bool {
	_, is := debitCurrency[methodType(o)]
	return is
}

func methodType(o object) string {
	return firstOf(str(o, "payment_method_details.type"), str(o, "type"))
}

// offered are a session's payment methods: those that it names, else cards and
// what is switched on in the Dashboard and has the currency.
// https://docs.stripe.com/payments/payment-methods/dynamic-payment-methods
func (s *Sim) offered(named []any, code string) []any {
	if len(named) > 0 {
		return named
	}
	types := []any{"card"}
	for _, kind := range s.cfg.Methods {
		if debitCurrency[kind] == code {
			types = append(types, kind)
		}
	}
	return types
}

// debitFor reads the account that a person typed.
func debitFor(typed string, allowed []any) (account, problem string) {
	account = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(typed))
	d, known := debits[account]
	if !known || !slices.Contains(allowed, any(d.kind)) {
		return "", "Enter one of the test accounts: no other is simulated."
	}
	return account, ""
}

// newDebit makes the payment method for a bank account.
func (s *Sim) newDebit(account, email, name string) object {
	kind := debits[account].kind
	o := s.store.shape("payment_method", s.unix(), object{"type": kind, "_account": account})
	delete(o, "card")
	merge(o, object{"billing_details": object{"email": orNull(email), "name": orNull(name)}, kind: accountOf(account)})
	s.store.put(o)
	return o
}

// accountOf is what Stripe shows of an account.
func accountOf(account string) object {
	last := account[len(account)-4:]
	if debits[account].kind == "bacs_debit" {
		return object{"fingerprint": "sandbox" + last, "last4": last, "sort_code": account[:6]}
	}
	return object{"bank_code": account[4:9], "branch_code": nil, "country": account[:2], "fingerprint": "sandbox" + last,
		"generated_from": nil, "last4": last}
}

func debitDetails(method object) object {
	kind := str(method, "type")
	details := cloned(sub(method, kind))
	delete(details, "generated_from")
	details["mandate"] = nil
	return object{"type": kind, kind: details}
}

// startDebit begins a direct debit: the charge is pending until the banks have
// settled, which takes Config.DebitTime.
func (s *Sim) startDebit(intent, charge, method object, refused *decline) {
	if account := debits[str(method, "_account")]; account.fails != nil || refused != nil {
		charge["_fails"] = true
	}
	charge["status"] = "pending"
	merge(intent, object{"status": "processing", "latest_charge": charge["id"], "payment_method": method["id"], "last_payment_error": nil})
	s.emit("charge.pending", charge, nil)
	s.emit("payment_intent.processing", intent, nil)
	s.plan(s.unix()+int64(s.cfg.DebitTime.Seconds()), "debit.settle", str(charge, "id"))
}

// settleDebit is what "debit.settle" does.
func (s *Sim) settleDebit(id string) {
	charge, _ := s.store.find("charge", id)
	intent, method := s.store.byID[str(charge, "payment_intent")], s.store.byID[str(charge, "payment_method")]
	if str(intent, "status") != "processing" { // canceled, with its invoice
		s.change(charge, "charge.failed", object{"status": "failed"})
		return
	}
	paid := !flag(charge, "_fails")
	if paid {
		s.succeed(intent, charge)
	} else {
		_ = s.payFailed(intent, charge, method, emptyAccount) // there is no caller to be told
	}
	if invoice, ok := s.store.find("invoice", str(intent, "invoice")); ok {
		s.debitSettled(invoice, paid)
	}
	s.tellSession(intent, paid)
	if debits[str(method, "_account")].disputes && paid {
		s.plan(s.unix(), "charge.dispute", id)
	}
}

// debitSettled draws the consequences for an invoice, whose subscription may
// have ended meanwhile.
func (s *Sim) debitSettled(invoice object, paid bool) {
	subscription := s.store.byID[str(invoice, "subscription")]
	switch {
	case paid:
		s.settled(invoice)
		s.carryOn(subscription)
	case !ended(subscription):
		s.missed(invoice, subscription)
	}
}

// tellSession tells, once, how a payment that began on the hosted page has
// ended. https://docs.stripe.com/payments/checkout/fulfill-orders#delayed-notification
func (s *Sim) tellSession(intent object, paid bool) {
	session, ok := s.store.find("checkout.session", str(intent, "_session"))
	delete(intent, "_session")
	switch {
	case !ok:
	case paid:
		session["payment_status"] = "paid"
		s.emit("checkout.session.async_payment_succeeded", session, nil)
	default:
		s.emit("checkout.session.async_payment_failed", session, nil)
	}
}
