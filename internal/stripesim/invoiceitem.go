package stripesim

import (
	"slices"
	"strconv"
)

var invoiceItemFields = fields{
	"amount": integer(), "currency": currency(), "customer": id().required(), "description": text(5000).clearable(),
	"discountable": boolean(), "metadata": metadata(), "subscription": id(),
}

var invoiceItemUpdateFields = fields{
	"amount": integer(), "description": text(5000).clearable(), "discountable": boolean(), "metadata": metadata(),
}

var invoiceItemFilters = fields{"created": timeRange(), "customer": id(), "invoice": id(), "pending": boolean()}

// createInvoiceItem adds an amount to a subscription's next invoice. Items that
// belong to no subscription wait for the customer's next one, whichever it is.
// https://docs.stripe.com/api/invoiceitems/create
func createInvoiceItem(s *Sim, c *call) (object, *apiError) {
	p := c.params
	customer, err := s.named("customer", str(p, "customer"), "customer")
	if err != nil {
		return nil, err
	}
	if id := str(p, "subscription"); id != "" {
		if o, err := s.named("subscription", id, "subscription"); err != nil || o["customer"] != customer["id"] {
			return nil, unknownID("subscription", id, "subscription")
		}
	}
	if !has(p, "amount") || !has(p, "currency") {
		return nil, invalid("parameter_missing", "amount", "Items made from a price are not simulated: pass `amount` and `currency`.")
	}
	with := pick(p, "amount", "currency", "customer", "description", "discountable", "subscription")
	with["metadata"], with["unit_amount"], with["unit_amount_decimal"] = withMetadata(nil, p), p["amount"], strconv.FormatInt(num(p, "amount"), 10)
	with["test_clock"], with["period"] = customer["test_clock"], object{"start": s.unix(), "end": s.unix()}
	o := s.store.part("invoiceitem", with)
	s.keepItem(o)
	return o, nil
}

// keepItem stores an invoice item that waits for an invoice.
func (s *Sim) keepItem(o object) {
	o["date"] = s.unix()
	s.store.put(o)
	s.emit("invoiceitem.created", o, nil)
}

func updateInvoiceItem(s *Sim, c *call) (object, *apiError) {
	o, err := s.waitingItem(c.id)
	if err != nil {
		return nil, err
	}
	with := pick(c.params, "amount", "description", "discountable")
	with["metadata"] = withMetadata(o, c.params)
	s.change(o, "", with)
	return o, nil
}

func deleteInvoiceItem(s *Sim, c *call) (object, *apiError) {
	o, err := s.waitingItem(c.id)
	if err != nil {
		return nil, err
	}
	s.store.remove(o)
	s.emit("invoiceitem.deleted", o, nil)
	return deleted(o), nil
}

func (s *Sim) waitingItem(id string) (object, *apiError) {
	o, err := s.mustFind("invoiceitem", id)
	if err == nil && has(o, "invoice") {
		err = invalid("invoice_not_editable", "", "The invoice item is attached to the invoice %s and can no longer be changed.", str(o, "invoice"))
	}
	return o, err
}

// pendingItems are the invoice items that a subscription's next invoice takes,
// the newest first.
func (s *Sim) pendingItems(subscription object) []object {
	found := s.store.where("invoiceitem", "customer", str(subscription, "customer"))
	return slices.DeleteFunc(found, func(o object) bool {
		return has(o, "invoice") || has(o, "subscription") && o["subscription"] != subscription["id"] || o["currency"] != subscription["currency"]
	})
}

// itemLines turns invoice items into the lines of an invoice.
func itemLines(items []object) []object {
	out := make([]object, 0, len(items))
	for _, item := range items {
		l := pick(item, "amount", "currency", "description", "discountable", "metadata", "period", "price", "proration", "quantity", "subscription")
		merge(l, object{
			"object": "line_item", "id": newID("line_item"), "type": "invoiceitem", "invoice_item": item["id"], "invoice": nil,
			"amount_excluding_tax": item["amount"], "unit_amount_excluding_tax": item["unit_amount_decimal"], "livemode": false,
			"discount_amounts": []any{}, "discounts": []any{}, "tax_amounts": []any{}, "tax_rates": []any{},
			"proration_details": object{"credited_items": item["_credited"]},
		})
		if has(item, "subscription_item") {
			l["subscription_item"] = item["subscription_item"]
		}
		out = append(out, l)
	}
	return out
}
