package stripesim

import (
	"slices"
	"strconv"
)

var changeFields = fields{
	"billing_cycle_anchor": oneOf("now", "unchanged"),
	"items": arrayOf(hash(itemFields.and(fields{
		"id": id(), "deleted": boolean(),
	}))),
	"off_session":        boolean(),
	"payment_behavior":   behaviors,
	"proration_behavior": oneOf("always_invoice", "create_prorations", "none"),
	"proration_date":     integer(),
	"trial_end":          instant(),
}

// planChange is a change of what a subscription bills, checked and not yet
// carried out.
type planChange struct {
	changes   []itemChange
	at        int64  // of the proration
	behavior  string // of the proration
	payment   string // payment_behavior
	restarts  bool   // the billing cycle begins anew, now
	endsTrial bool
}

// invoicesNow says whether the change is billed now and not at the renewal.
// https://docs.stripe.com/billing/subscriptions/prorations#when-prorations-are-applied
func (p planChange) invoicesNow() bool { return p.restarts || p.behavior == "always_invoice" }

// readChange checks the parameters of a change of plan; where is the prefix of
// their names. It answers nil if they ask for none.
func (s *Sim) readChange(o, p object) (*planChange, *apiError) {
	items, sent := p["items"].([]any)
	now := p["billing_cycle_anchor"] == "now" || p["trial_end"] == "now"
	if !sent && !now {
		return nil, nil
	}
	if str(p, "payment_behavior") == "pending_if_incomplete" {
		return nil, invalid("", "payment_behavior", "Pending updates are not simulated.")
	}
	change := &planChange{
		at: s.unix(), behavior: firstOf(str(p, "proration_behavior"), "create_prorations"), payment: str(p, "payment_behavior"),
		endsTrial: p["trial_end"] == "now" && inTrial(o),
	}
	if at, sent := p["proration_date"].(int64); sent {
		if at < num(o, "current_period_start") || at > num(o, "current_period_end") {
			return nil, invalid("", "proration_date", "Invalid proration date: it must be within the current period.")
		}
		change.at = at
	}
	if err := s.readItems(o, items, change); err != nil {
		return nil, err
	}
	change.restarts = change.endsTrial || !inTrial(o) && (p["billing_cycle_anchor"] == "now" || s.changesInterval(o, change))
	return change, nil
}

func (s *Sim) readItems(o object, items []any, change *planChange) *apiError {
	for i, given := range items {
		c, err := s.readItem(o, given.(object), under("items", strconv.Itoa(i)))
		if err != nil {
			return err
		}
		change.changes = append(change.changes, c)
	}
	after := s.itemsAfter(o, change)
	if len(after) == 0 {
		return invalid("", "items", "A subscription must have at least one active plan. All plans were deleted.")
	}
	return sameCycle(after)
}

// readItem reads one element of items: a present item by its id, or a new one.
func (s *Sim) readItem(o, given object, where string) (itemChange, *apiError) {
	var c itemChange
	if id := str(given, "id"); id != "" {
		i := slices.IndexFunc(objects(array(o, "items.data")), func(item object) bool { return item["id"] == id })
		if i < 0 {
			return c, unknownID("subscription_item", id, under(where, "id"))
		}
		c.item = array(o, "items.data")[i].(object)
	}
	if flag(given, "deleted") {
		return c, nil
	}
	wish := pick(given, "price", "price_data", "quantity")
	if c.item != nil && !has(wish, "price") && !has(wish, "price_data") { // its price is kept, even an archived one
		quantity, sent := wish["quantity"].(int64)
		if !sent {
			quantity = num(c.item, "quantity")
		}
		c.to = line{s.store.byID[str(c.item, "price")], quantity}
		return c, nil
	}
	if c.item != nil && !has(wish, "quantity") {
		wish["quantity"] = c.item["quantity"]
	}
	if err := s.checkItem(wish, where); err != nil {
		return c, err
	}
	to, err := s.sessionLine(wish, where)
	if err == nil && to.price["currency"] != o["currency"] {
		err = invalid("", under(where, "price"), "The price specified supports currencies of `%s`. This doesn't match the expected currency: `%s`.",
			str(to.price, "currency"), str(o, "currency"))
	}
	c.to = to
	return c, err
}

// itemsAfter is what a subscription bills once the change is made.
func (s *Sim) itemsAfter(o object, change *planChange) []line {
	var out []line
	for _, item := range objects(array(o, "items.data")) {
		to := line{s.store.byID[str(item, "price")], num(item, "quantity")}
		for _, c := range change.changes {
			if c.item != nil && c.item["id"] == item["id"] {
				to = c.to
			}
		}
		if to.price != nil {
			out = append(out, to)
		}
	}
	for _, c := range change.changes {
		if c.item == nil && c.to.price != nil {
			out = append(out, c.to)
		}
	}
	return out
}

// changesInterval says whether the new prices are billed in another rhythm, or
// something free becomes something paid: then the cycle begins anew.
// https://docs.stripe.com/billing/subscriptions/billing-cycle#changing
func (s *Sim) changesInterval(o object, change *planChange) bool {
	after := s.itemsAfter(o, change)
	before := s.itemsAfter(o, &planChange{})
	return !sameInterval(before[0].price, after[0].price) || sumOf(before) == 0 && sumOf(after) > 0
}

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
