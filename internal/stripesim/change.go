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
		change.at = at
	}
	if change.at < num(o, "current_period_start") || change.at > num(o, "current_period_end") {
		return nil, invalid("", "proration_date", "Invalid proration date: it must be within the current period.")
	}
	if err := s.readItems(o, items, change); err != nil {
		return nil, err
	}
	change.restarts = s.restarts(o, p, change)
	return change, nil
}

// restarts says whether the billing cycle begins anew with a change.
func (s *Sim) restarts(o, p object, change *planChange) bool {
	if inTrial(o) {
		return change.endsTrial
	}
	return p["billing_cycle_anchor"] == "now" || s.changesInterval(o, change)
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
	if c.item != nil && !has(wish, "quantity") {
		wish["quantity"] = c.item["quantity"]
	}
	if c.item != nil && !has(wish, "price") && !has(wish, "price_data") { // its price is kept, even an archived one
		c.to = line{s.store.byID[str(c.item, "price")], num(wish, "quantity")}
		return c, nil
	}
	var err *apiError
	c.to, err = s.itemLine(o, wish, where)
	return c, err
}

// itemLine finds or makes the price that an item moves to.
func (s *Sim) itemLine(o, wish object, where string) (line, *apiError) {
	if err := s.checkItem(wish, where); err != nil {
		return line{}, err
	}
	to, err := s.sessionLine(wish, where)
	if err == nil && to.price["currency"] != o["currency"] {
		err = invalid("", under(where, "price"), "The price specified supports currencies of `%s`. This doesn't match the expected currency: `%s`.",
			str(to.price, "currency"), str(o, "currency"))
	}
	return to, err
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
