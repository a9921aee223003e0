package stripesim

import (
	"cmp"
	"crypto/rand"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// templates hold the shape of each object at API 2023-10-16: every key that
// Stripe shows, with the value it has when nobody set it.
//
//go:embed templates/*.json
var templates embed.FS

// idForms says how the ids of each kind begin, and how many letters follow.
var idForms = map[string]struct {
	prefix string
	length int
}{
	"balance_transaction":          {"txn_", 24},
	"billing_portal.configuration": {"bpc_", 24},
	"billing_portal.session":       {"bps_", 24},
	"charge":                       {"ch_", 24},
	"checkout.session":             {"cs_test_", 58},
	"customer":                     {"cus_", 14},
	"coupon":                       {"", 8},
	"discount":                     {"di_", 24},
	"dispute":                      {"dp_", 24},
	"event":                        {"evt_", 24},
	"invoice":                      {"in_", 24},
	"invoiceitem":                  {"ii_", 24},
	"item":                         {"li_", 24},
	"line_item":                    {"il_", 24},
	"payment_intent":               {"pi_", 24},
	"payment_method":               {"pm_", 24},
	"price":                        {"price_", 24},
	"product":                      {"prod_", 14},
	"promotion_code":               {"promo_", 24},
	"refund":                       {"re_", 24},
	"request":                      {"req_", 14},
	"subscription":                 {"sub_", 24},
	"subscription_item":            {"si_", 14},
	"test_helpers.test_clock":      {"clock_", 24},
	"webhook_endpoint":             {"we_", 24},
}

// indexed are, per kind, the keys by which its objects are looked up often.
// Whoever changes one of them puts the object again.
var indexed = map[string][]string{
	"charge":         {"customer", "payment_intent"},
	"dispute":        {"charge", "payment_intent"},
	"invoice":        {"customer", "subscription"},
	"invoiceitem":    {"customer", "subscription"},
	"payment_intent": {"customer"},
	"payment_method": {"customer"},
	"refund":         {"charge", "payment_intent"},
	"subscription":   {"customer"},
}

// ref names the objects of a kind whose key has a value.
type ref struct{ kind, key, value string }

// store keeps the objects: by id, and per kind and indexed key from the oldest
// to the newest.
type store struct {
	shapes map[string]object
	byID   map[string]object
	byKind map[string][]string
	byRef  map[ref][]string
	nth    map[string]int // in which place an id was first put
	puts   int
}

func newStore() (*store, error) {
	s := &store{
		shapes: map[string]object{}, byID: map[string]object{}, byKind: map[string][]string{},
		byRef: map[ref][]string{}, nth: map[string]int{},
	}
	files, err := templates.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	for _, f := range files {
		raw, err := templates.ReadFile("templates/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("read template: %w", err)
		}
		if s.shapes[strings.TrimSuffix(f.Name(), ".json")], err = decodeObject(raw); err != nil {
			return nil, fmt.Errorf("parse template %s: %w", f.Name(), err)
		}
	}
	return s, nil
}

// shape makes an object of a kind with a new id, and stores nothing.
func (s *store) shape(kind string, created int64, with object) object {
	o := cloned(s.shapes[kind])
	o["id"], o["created"] = newID(kind), created
	maps.Copy(o, with)
	return o
}

// part is shape for what lives inside another object and shows no creation.
func (s *store) part(kind string, with object) object {
	o := s.shape(kind, 0, with)
	delete(o, "created")
	return o
}

func (s *store) put(o object) {
	id, kind := str(o, "id"), str(o, "object")
	if _, known := s.byID[id]; !known {
		s.puts++
		s.nth[id] = s.puts
		s.byKind[kind] = append(s.byKind[kind], id)
	}
	s.byID[id] = o
	for _, key := range indexed[kind] {
		if value := str(o, key); value != "" {
			s.note(ref{kind, key, value}, id)
		}
	}
}

// note enters an id into an index, in the order of its first putting.
func (s *store) note(r ref, id string) {
	if i, known := s.place(s.byRef[r], id); !known {
		s.byRef[r] = slices.Insert(s.byRef[r], i, id)
	}
}

// place finds an id, or where it would stand, in a list that is in order.
func (s *store) place(ids []string, id string) (int, bool) {
	return slices.BinarySearchFunc(ids, s.nth[id], func(other string, nth int) int { return cmp.Compare(s.nth[other], nth) })
}

func (s *store) remove(o object) {
	id, kind := str(o, "id"), str(o, "object")
	without := func(ids []string) []string { return slices.DeleteFunc(ids, func(k string) bool { return k == id }) }
	for _, key := range indexed[kind] {
		if r := (ref{kind, key, str(o, key)}); s.byRef[r] != nil {
			s.byRef[r] = without(s.byRef[r])
		}
	}
	delete(s.byID, id)
	delete(s.nth, id)
	s.byKind[kind] = without(s.byKind[kind])
}

// find answers the object only if it is of that kind.
func (s *store) find(kind, id string) (object, bool) {
	o, ok := s.byID[id]
	if !ok || str(o, "object") != kind {
		return nil, false
	}
	return o, true
}

// all answers those of a kind that match, the newest first. A deleted customer
// is in no list, though it can still be fetched.
func (s *store) all(kind string, match func(object) bool) []object {
	return s.newest(s.byKind[kind], -1, match)
}

// where answers those of a kind whose indexed key has the value, the newest
// first.
func (s *store) where(kind, key, value string) []object {
	return s.newest(s.byRef[ref{kind, key, value}], -1, func(o object) bool { return o[key] == value })
}

// newest answers at most n of the ids' objects that match, from the last to the
// first; all of them if n is negative.
func (s *store) newest(ids []string, n int, match func(object) bool) []object {
	var out []object
	for _, id := range slices.Backward(ids) {
		if len(out) == n {
			break
		}
		if o := s.byID[id]; o != nil && !flag(o, "deleted") && (match == nil || match(o)) {
			out = append(out, o)
		}
	}
	return out
}

// candidates are the ids among which a list's filters choose: those of the
// shortest index that a filter names, or all of the kind.
func (s *store) candidates(kind string, params object) []string {
	ids := s.byKind[kind]
	for _, key := range indexed[kind] {
		if value := str(params, key); value != "" {
			if found := s.byRef[ref{kind, key, value}]; len(found) < len(ids) {
				ids = found
			}
		}
	}
	return ids
}

// newID makes an id as Stripe's look. Nothing may be read from its order.
func newID(kind string) string {
	form := idForms[kind]
	return form.prefix + letters(form.length)
}

// letters answers n random letters and digits.
func letters(n int) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	raw := make([]byte, n)
	rand.Read(raw) // never fails, says crypto/rand
	for i, b := range raw {
		raw[i] = alphabet[int(b)%len(alphabet)]
	}
	return string(raw)
}
