package stripesim

import (
	"slices"
	"strings"
)

// list answers the call that lists the objects of a kind, the newest first.
// Each parameter besides paging is a filter: see matches. Only as many objects
// are looked at as the page needs.
func list(kind string) handler {
	return func(s *Sim, c *call) (object, *apiError) {
		limit, err := pageLimit(c.params)
		if err != nil {
			return nil, err
		}
		ids, n := s.store.candidates(kind, c.params), limit+1
		switch after, before := str(c.params, "starting_after"), str(c.params, "ending_before"); {
		case before != "":
			n = -1
		case after != "":
			if i, known := s.store.place(ids, after); known {
				ids, n = ids[:i+1], n+1
			}
		}
		found := s.store.newest(ids, n, func(o object) bool { return s.matches(kind, o, c.params) })
		return page(found, kind, c)
	}
}

// retrieve answers the call that fetches one object of a kind by its id.
func retrieve(kind string) handler {
	return func(s *Sim, c *call) (object, *apiError) {
		return s.mustFind(kind, c.id)
	}
}

// mustFind answers the object that the address names, or Stripe's 404.
func (s *Sim) mustFind(kind, id string) (object, *apiError) {
	if o, ok := s.store.find(kind, id); ok {
		return o, nil
	}
	return nil, missing(kind, id)
}

// named answers the live object that a parameter names, or Stripe's 400.
func (s *Sim) named(kind, id, param string) (object, *apiError) {
	if o, ok := s.store.find(kind, id); ok && !flag(o, "deleted") {
		return o, nil
	}
	return nil, unknownID(kind, id, param)
}

// filters are the list parameters that are not simply equal to a key.
var filters = map[string]func(s *Sim, o object, want any) bool{
	"price.lookup_keys":     func(_ *Sim, o object, want any) bool { return slices.Contains(want.([]any), o["lookup_key"]) },
	"product.ids":           func(_ *Sim, o object, want any) bool { return slices.Contains(want.([]any), o["id"]) },
	"invoiceitem.pending":   func(_ *Sim, o object, want any) bool { return has(o, "invoice") != want.(bool) },
	"promotion_code.code":   func(_ *Sim, o object, want any) bool { return strings.EqualFold(str(o, "code"), want.(string)) },
	"promotion_code.coupon": func(_ *Sim, o object, want any) bool { return at(o, "coupon.id") == want },
	"event.types":           func(_ *Sim, o object, want any) bool { return wanted(want.([]any), str(o, "type")) },
	"event.type":            func(_ *Sim, o object, want any) bool { return wanted([]any{want}, str(o, "type")) },
	"subscription.price":    func(_ *Sim, o object, want any) bool { return slices.Contains(pricesOf(o), want.(string)) },
	"subscription.status":   func(_ *Sim, o object, want any) bool { return statusWanted(str(o, "status"), want.(string)) },
}

// matches applies every parameter of a list call to one object.
func (s *Sim) matches(kind string, o, params object) bool {
	switch {
	case has(o, "test_clock") && !asksForClock(kind, params),
		kind == "subscription" && params["status"] == nil && str(o, "status") == "canceled",
		kind == "event" && num(o, "created") < s.unix()-eventLife:
		return false
	}
	for name, want := range params {
		if _, isPaging := paging[name]; isPaging || want == nil {
			continue
		}
		if f, special := filters[kind+"."+name]; special {
			if !f(s, o, want) {
				return false
			}
		} else if !equalOrWithin(o[name], want) {
			return false
		}
	}
	return true
}

// asksForClock says whether a list shows the objects of test clocks too.
// https://docs.stripe.com/api/subscriptions/list#list_subscriptions-test_clock
func asksForClock(kind string, params object) bool {
	switch kind {
	case "customer":
		return has(params, "test_clock")
	case "subscription":
		return has(params, "test_clock") || has(params, "customer")
	}
	return true
}

// equalOrWithin compares a value with what is wanted: itself, a range of
// times, or a hash of wanted values.
func equalOrWithin(have, want any) bool {
	bounds, isHash := want.(object)
	if !isHash {
		return have == want
	}
	if inner, ok := have.(object); ok {
		for k, v := range bounds {
			if inner[k] != v {
				return false
			}
		}
		return true
	}
	n, isTime := have.(int64)
	return isTime && within(n, bounds)
}

func within(n int64, bounds object) bool {
	for bound, v := range bounds {
		limit, _ := v.(int64)
		ok := map[string]bool{"gt": n > limit, "gte": n >= limit, "lt": n < limit, "lte": n <= limit}[bound]
		if !ok {
			return false
		}
	}
	return true
}

// wanted says whether an event type is among those named; "*" is all, and
// "charge.*" everything about charges.
func wanted(names []any, typ string) bool {
	for _, n := range names {
		name, _ := n.(string)
		prefix, star := strings.CutSuffix(name, "*")
		if name == typ || star && strings.HasPrefix(typ, prefix) {
			return true
		}
	}
	return false
}

// page cuts found, which is newest first, as limit and the cursors ask.
// https://docs.stripe.com/api/pagination
func page(found []object, kind string, c *call) (object, *apiError) {
	limit, err := pageLimit(c.params)
	if err != nil {
		return nil, err
	}
	more := false
	after, before := str(c.params, "starting_after"), str(c.params, "ending_before")
	switch {
	case after != "" && before != "":
		return nil, invalid("", "starting_after", "You may only specify one of these parameters: starting_after, ending_before.")
	case before != "":
		i := position(found, before)
		if i < 0 {
			return nil, unknownID(kind, before, "ending_before")
		}
		more, found = i > limit, found[max(0, i-limit):i]
	default:
		i := position(found, after)
		if after != "" && i < 0 {
			return nil, unknownID(kind, after, "starting_after")
		}
		found = found[i+1:]
		more, found = len(found) > limit, found[:min(limit, len(found))]
	}
	return listOf(c.path, found, more), nil
}

func position(found []object, id string) int {
	return slices.IndexFunc(found, func(o object) bool { return o["id"] == id })
}

func pageLimit(params object) (int, *apiError) {
	n, sent := params["limit"].(int64)
	switch {
	case !sent:
		return 10, nil
	case n < 1:
		return 0, invalid("parameter_invalid_integer", "limit", "This value must be greater than or equal to 1.")
	case n > 100:
		return 0, invalid("parameter_invalid_integer", "limit", "This value must be less than or equal to 100.")
	}
	return int(n), nil
}

func listOf(url string, elements []object, more bool) object {
	data := make([]any, len(elements))
	for i, o := range elements {
		data[i] = o
	}
	return object{"object": "list", "data": data, "has_more": more, "url": url}
}
