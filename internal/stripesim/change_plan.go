package stripesim

import "slices"

// replaceItems lays the change over the subscription's items.
func (s *Sim) replaceItems(o object, change *planChange) {
	data := objects(cloned(array(o, "items.data")))
	for _, c := range change.changes {
		i := slices.IndexFunc(data, func(item object) bool { return c.item != nil && item["id"] == c.item["id"] })
		switch {
		case i < 0 && c.to.price != nil:
			data = append(data, s.store.shape("subscription_item", s.unix(), object{
				"subscription": o["id"], "price": c.to.price["id"], "quantity": c.to.quantity,
			}))
		case i >= 0 && c.to.price == nil:
			data = slices.Delete(data, i, i+1)
		case i >= 0:
			data[i]["price"], data[i]["quantity"] = c.to.price["id"], c.to.quantity
		}
	}
	o["items"] = listOf(str(o, "items.url"), data, false)
}

// billChange stores the prorations of a change that was carried out, and
// makes its invoice if it is billed now.
func (s *Sim) billChange(o object, items []object, change *planChange) object {
	for _, item := range items {
		s.keepItem(item)
	}
	if !change.invoicesNow() {
		return nil
	}
	pending := s.pendingItems(o)
	lines := itemLines(pending)
	if change.restarts {
		lines = append(lines, s.cycleLines(o)...)
	}
	if len(lines) == 0 {
		return nil
	}
	return s.draft(o, "subscription_update", s.unix(), s.unix(), lines, pending)
}

// changePlan carries a change out. The subscription's own event is left to the
// caller; the invoice, if there is one, is open and not yet tried.
func (s *Sim) changePlan(o object, change *planChange) object {
	items := s.changeItems(o, change)
	s.replaceItems(o, change)
	if change.endsTrial {
		merge(o, object{"status": "active", "trial_end": s.unix()})
	}
	if change.restarts {
		s.restartCycle(o)
		s.planRenewal(o)
	}
	invoice := s.billChange(o, items, change)
	if invoice != nil {
		o["latest_invoice"] = invoice["id"]
		s.emit("invoice.created", invoice, nil)
		s.finalize(invoice)
	}
	return invoice
}

// changeItems are the prorations of a change. A trial costs nothing, so nothing
// of it comes back; a cycle that begins anew is billed whole.
func (s *Sim) changeItems(o object, change *planChange) []object {
	if change.behavior == "none" || inTrial(o) {
		return nil
	}
	changes := change.changes
	if change.restarts {
		changes = allItems(o)
	}
	return s.prorations(o, changes, change.at, !change.restarts)
}

// allItems is a change that takes every item away.
func allItems(o object) []itemChange {
	var out []itemChange
	for _, item := range objects(array(o, "items.data")) {
		out = append(out, itemChange{item: item})
	}
	return out
}

// refusedChange says, before anything is done, that error_if_incomplete will
// refuse the change because its payment would fail.
func (s *Sim) refusedChange(o object, change *planChange) *apiError {
	if change == nil || change.payment != "error_if_incomplete" || !change.invoicesNow() {
		return nil
	}
	method := s.methodFor(o)
	if method == nil {
		return noMethod()
	}
	if why := cardBehind(method).later; why != nil {
		return why.error()
	}
	return nil
}

// collectChange tries the invoice of a change. With default_incomplete it is
// the shop's to pay, and the subscription is past due until then.
func (s *Sim) collectChange(o, invoice object, payment string) {
	if invoice == nil {
		return
	}
	if payment == "default_incomplete" && num(invoice, "amount_due") > 0 {
		s.change(o, "customer.subscription.updated", object{"status": "past_due"})
		return
	}
	s.charge(invoice, o)
}
