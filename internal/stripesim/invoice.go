package stripesim

import (
	"fmt"
	"strconv"
)

var invoiceFilters = fields{
	"collection_method": oneOf("charge_automatically", "send_invoice"), "created": timeRange(), "customer": id(),
	"due_date": timeRange(), "status": oneOf("draft", "open", "paid", "uncollectible", "void"), "subscription": id(),
}

// newInvoice drafts the invoice for a subscription's present period. At a
// renewal, period_start and period_end of the invoice itself are those of the
// period before; its lines carry the period that is being paid.
// https://docs.stripe.com/api/invoices/object#invoice_object-period_end
func (s *Sim) newInvoice(subscription object, reason string, from, to int64) object {
	customer := s.store.byID[str(subscription, "customer")]
	o := s.store.shape("invoice", s.unix(), pick(subscription, "currency", "customer"))
	merge(o, object{
		"billing_reason": reason, "period_start": from, "period_end": to, "subscription": subscription["id"],
		"subscription_details": object{"metadata": cloned(sub(subscription, "metadata"))},
		"customer_email":       customer["email"], "customer_name": customer["name"],
	})
	id := str(o, "id")
	total, lines := int64(0), []any{}
	for _, item := range array(subscription, "items.data") {
		l := s.invoiceLine(subscription, item.(object), id)
		lines = append(lines, l)
		total += num(l, "amount")
	}
	merge(o, object{"lines": object{"data": lines, "url": "/v1/invoices/" + id + "/lines"}})
	for _, key := range []string{"amount_due", "amount_remaining", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"} {
		o[key] = total
	}
	s.store.put(o)
	return o
}

func (s *Sim) invoiceLine(subscription, item object, invoice string) object {
	price := s.store.byID[str(item, "price")]
	unit, quantity := num(price, "unit_amount"), num(item, "quantity")
	product := s.store.byID[str(price, "product")]
	return s.store.part("line_item", object{
		"amount": unit * quantity, "amount_excluding_tax": unit * quantity, "currency": price["currency"], "invoice": invoice,
		"description": fmt.Sprintf("%d × %s (at %s / %s)", quantity, str(product, "name"),
			formatted(unit, str(price, "currency")), str(price, "recurring.interval")),
		"period": object{"start": subscription["current_period_start"], "end": subscription["current_period_end"]},
		"price":  price["id"], "quantity": quantity, "subscription": subscription["id"], "subscription_item": item["id"],
		"metadata": cloned(sub(subscription, "metadata")), "unit_amount_excluding_tax": strconv.FormatInt(unit, 10),
	})
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
	s.emit("invoice.finalized", o, nil)
}

// collect tries to pay an open invoice with a payment method.
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
	s.settled(o)
	return nil
}

// settled marks an invoice as paid.
func (s *Sim) settled(o object) {
	merge(o, object{
		"status": "paid", "paid": true, "amount_paid": o["amount_due"], "amount_remaining": int64(0), "auto_advance": false,
		"next_payment_attempt": nil, "ending_balance": int64(0),
		"status_transitions": object{"paid_at": s.unix()},
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
	subscription := s.store.byID[str(o, "subscription")]
	method := s.methodFor(subscription)
	if wish := str(c.params, "payment_method"); wish != "" {
		if method, err = s.named("payment_method", wish, "payment_method"); err != nil {
			return nil, err
		}
	}
	if err := s.collect(o, method, s.laterDecline(o, method)); err != nil {
		s.emit("invoice.payment_failed", o, nil)
		return nil, err
	}
	s.recover(subscription)
	return o, nil
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
