package stripesim

import (
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
	"event":                        {"evt_", 24},
	"invoice":                      {"in_", 24},
	"item":                         {"li_", 24},
	"line_item":                    {"il_", 24},
	"payment_intent":               {"pi_", 24},
	"payment_method":               {"pm_", 24},
	"price":                        {"price_", 24},
	"product":                      {"prod_", 14},
	"refund":                       {"re_", 24},
	"request":                      {"req_", 14},
	"subscription":                 {"sub_", 24},
	"subscription_item":            {"si_", 14},
	"webhook_endpoint":             {"we_", 24},
}

// store keeps the objects: by id, and per kind from the oldest to the newest.
type store struct {
	shapes map[string]object
	byID   map[string]object
	byKind map[string][]string
}

func newStore() (*store, error) {
	s := &store{shapes: map[string]object{}, byID: map[string]object{}, byKind: map[string][]string{}}
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
		s.byKind[kind] = append(s.byKind[kind], id)
	}
	s.byID[id] = o
}

func (s *store) remove(o object) {
	id, kind := str(o, "id"), str(o, "object")
	delete(s.byID, id)
	s.byKind[kind] = slices.DeleteFunc(s.byKind[kind], func(k string) bool { return k == id })
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
	var out []object
	for _, id := range slices.Backward(s.byKind[kind]) {
		if o := s.byID[id]; !flag(o, "deleted") && (match == nil || match(o)) {
			out = append(out, o)
		}
	}
	return out
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
