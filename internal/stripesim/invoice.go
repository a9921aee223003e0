package stripesim

import "fmt"

var invoiceFilters = fields{
	"collection_method": oneOf("charge_automatically", "send_invoice"), "created": timeRange(), "customer": id(),
	"due_date": timeRange(), "status": oneOf("draft", "open", "paid", "uncollectible", "void"), "subscription": id(),
}

func invoiceLines(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("invoice", c.id)
	if err != nil {
		return nil, err
	}
	return page(objects(array(o, "lines.data")), "line_item", c)
}

// finalize opens a draft: it gets its number and its payment intent, and
// cannot be changed any more. An invoice over nothing is paid by that.
// https://docs.stripe.com/invoicing/overview#invoice-lifecycle
func (s *Sim) finalize(o object) {
	customer := s.store.byID[str(o, "customer")]
	n := max(1, num(customer, "next_invoice_sequence"))
	customer["next_invoice_sequence"] = n + 1
	merge(o, object{
		"status": "open", "number": fmt.Sprintf("%s-%04d", str(customer, "invoice_prefix"), n), "effective_at": s.unix(),
		"status_transitions": object{"finalized_at": s.unix()}, "next_payment_attempt": nil,
	})
	s.useBalance(o)
	if num(o, "amount_due") > 0 {
		description := "Subscription update"
		if str(o, "billing_reason") == "subscription_create" {
			description = "Subscription creation"
		}
		intent := s.newPayment(num(o, "amount_due"), str(o, "currency"), object{
			"customer": o["customer"], "invoice": o["id"], "description": description,
		})
		o["payment_intent"] = intent["id"]
	}
	o["hosted_invoice_url"] = s.invoicePage(o)
	s.emit("invoice.finalized", o, nil)
}

// collect tries to pay an open invoice with a payment method. Without an error
// it is paid, or its direct debit is under way.
func (s *Sim) collect(o, method object, refused *decline) *apiError {
	o["attempted"] = true
	if num(o, "amount_due") == 0 {
		s.settled(o)
		return nil
	}
	o["attempt_count"] = num(o, "attempt_count") + 1
	if method == nil {
		return noMethod()
	}
	intent := s.store.byID[str(o, "payment_intent")]
	err := s.pay(intent, method, refused)
	o["charge"] = intent["latest_charge"]
	if err != nil {
		return err
	}
	if str(intent, "status") == "succeeded" { // and not "processing"
		s.settled(o)
	}
	return nil
}

// settled marks an invoice as paid.
func (s *Sim) settled(o object) {
	merge(o, object{
		"status": "paid", "paid": true, "amount_paid": o["amount_due"], "amount_remaining": int64(0), "auto_advance": false,
		"next_payment_attempt": nil,
		"status_transitions":   object{"paid_at": s.unix()},
	})
	s.emit("invoice.paid", o, nil)
	s.emit("invoice.payment_succeeded", o, nil)
}

// payInvoice tries an open invoice now, whatever is planned for it.
// https://docs.stripe.com/api/invoices/pay
func payInvoice(s *Sim, c *call) (object, *apiError) {
	o, err := s.mustFind("invoice", c.id)
	if err != nil {
		return nil, err
	}
	if str(o, "status") == "paid" {
		return nil, invalid("invoice_already_paid", "", "Invoice is already paid")
	}
	if str(o, "status") != "open" {
		return nil, invalid("invoice_not_editable", "", "This invoice is %s and cannot be paid.", str(o, "status"))
	}
	if str(s.store.byID[str(o, "payment_intent")], "status") == "processing" {
		return nil, invalid("", "", "This invoice has a payment that is still being processed.")
	}
	subscription := s.store.byID[str(o, "subscription")]
	method := s.methodFor(subscription)
	if wish := str(c.params, "payment_method"); wish != "" {
		if method, err = s.named("payment_method", wish, "payment_method"); err != nil {
			return nil, err
		}
	}
	if err := s.collect(o, method, s.laterDecline(o, method)); err != nil {
		s.tellUnpaid(o)
		if needsProof(s.store.byID[str(o, "payment_intent")]) {
			err.code = "invoice_payment_intent_requires_action"
		}
		return nil, err
	}
	s.carryOn(subscription)
	return o, nil
}

// carryOn is what a collected invoice means for its subscription.
func (s *Sim) carryOn(subscription object) {
	if str(subscription, "status") == "incomplete" {
		s.activate(subscription)
		return
	}
	s.recover(subscription)
}

// stopCollecting leaves a subscription's unpaid invoices as they are.
// https://docs.stripe.com/billing/subscriptions/cancel#handle-invoice-items
func (s *Sim) stopCollecting(subscription string) {
	for _, o := range s.store.where("invoice", "subscription", subscription) {
		if status := str(o, "status"); status == "draft" || status == "open" {
			s.change(o, "invoice.updated", object{"auto_advance": false, "next_payment_attempt": nil})
		}
	}
}
