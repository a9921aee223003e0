package stripesim

import (
	"slices"
	"strings"
)

// finalizeInvoice opens a draft before its hour is over. With auto_advance, as
// drafts have by themselves, it is charged at once.
// https://docs.stripe.com/api/invoices/finalize
func finalizeInvoice(s *Sim, c *call) (object, *apiError) {
	o, err := s.invoiceIn(c.id, "draft")
	if err != nil {
		return nil, err
	}
	if advance, sent := c.params["auto_advance"].(bool); sent {
		o["auto_advance"] = advance
	}
	s.finalize(o)
	switch subscription := s.store.byID[str(o, "subscription")]; {
	case num(o, "amount_due") == 0:
		s.settled(o)
		s.recover(subscription)
	case flag(o, "auto_advance"):
		s.charge(o, subscription)
	}
	return o, nil
}

// voidInvoice: https://docs.stripe.com/api/invoices/void
func voidInvoice(s *Sim, c *call) (object, *apiError) {
	o, err := s.invoiceIn(c.id, "open", "uncollectible")
	if err != nil {
		return nil, err
	}
	s.forgo(o, "void")
	if first := s.store.byID[str(o, "subscription")]; str(first, "status") == "incomplete" {
		s.change(first, "customer.subscription.updated", object{"status": "incomplete_expired"})
	}
	return o, nil
}

// giveUpInvoice: the debt is written off, and a subscription that was past due
// is active again. https://docs.stripe.com/api/invoices/mark_uncollectible
func giveUpInvoice(s *Sim, c *call) (object, *apiError) {
	o, err := s.invoiceIn(c.id, "open")
	if err != nil {
		return nil, err
	}
	s.forgo(o, "mark_uncollectible")
	s.recover(s.store.byID[str(o, "subscription")])
	return o, nil
}

// invoiceIn answers the invoice if it is in one of the statuses.
func (s *Sim) invoiceIn(id string, statuses ...string) (object, *apiError) {
	o, err := s.mustFind("invoice", id)
	if err == nil && !slices.Contains(statuses, str(o, "status")) {
		err = invalid("invoice_not_editable", "", "You can only do this to an invoice that is %s. This invoice is %s.", strings.Join(statuses, " or "), str(o, "status"))
	}
	return o, err
}
