package stripesim

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// object is one Stripe object as its JSON carries it: strings, bools, int64s,
// nested objects and []any. A key that begins with "_" is the simulator's own
// note and never leaves it.
type object = map[string]any

// at finds the value at a dotted path; nil where the path leads nowhere.
func at(o object, path string) any {
	head, rest, more := strings.Cut(path, ".")
	if !more {
		return o[head]
	}
	inner, _ := o[head].(object)
	return at(inner, rest)
}

func str(o object, path string) string { s, _ := at(o, path).(string); return s }
func num(o object, path string) int64  { n, _ := at(o, path).(int64); return n }
func flag(o object, path string) bool  { b, _ := at(o, path).(bool); return b }
func sub(o object, path string) object { m, _ := at(o, path).(object); return m }
func array(o object, path string) []any {
	a, _ := at(o, path).([]any)
	return a
}

// objects answers a list whose elements are all objects.
func objects(list []any) []object {
	out := make([]object, len(list))
	for i, v := range list {
		out[i], _ = v.(object)
	}
	return out
}

// has reports whether the key is there and not null.
func has(o object, key string) bool { return o[key] != nil }

// pick copies those of the named keys that o has.
func pick(o object, keys ...string) object {
	out := object{}
	for _, k := range keys {
		if v, ok := o[k]; ok {
			out[k] = cloned(v)
		}
	}
	return out
}

// without copies o but for one key.
func without(o object, key string) object {
	out := maps.Clone(o)
	delete(out, key)
	return out
}

// orNull turns an empty string into JSON's null, as Stripe shows unset text.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// merge lays patch over o, key by key and level by level; lists are replaced.
func merge(o, patch object) {
	for k, v := range patch {
		inner, isHash := v.(object)
		if old, ok := o[k].(object); ok && isHash {
			merge(old, inner)
			continue
		}
		o[k] = v
	}
}

// cloned copies objects and lists to their depth.
func cloned[T any](v T) T {
	out, _ := deepCopy(v).(T)
	return out
}

func deepCopy(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for k, inner := range v {
			out[k] = deepCopy(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = deepCopy(inner)
		}
		return out
	}
	return v
}

// difference answers Stripe's previous_attributes: the old values of what has
// changed, hashes reduced to their changed keys, lists and new hashes whole.
func difference(before, after object) object {
	out := object{}
	for k, now := range after {
		was := before[k]
		if strings.HasPrefix(k, "_") || reflect.DeepEqual(was, now) {
			continue
		}
		wasHash, ok1 := was.(object)
		nowHash, ok2 := now.(object)
		if ok1 && ok2 && wasHash["object"] == nil {
			out[k] = difference(wasHash, nowHash)
			continue
		}
		out[k] = deepCopy(was)
	}
	for k, was := range before {
		if _, kept := after[k]; !kept && !strings.HasPrefix(k, "_") {
			out[k] = deepCopy(was)
		}
	}
	return out
}

// decodeObject reads JSON. Whole numbers become int64, others float64.
func decodeObject(raw []byte) (object, error) {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var o object
	if err := dec.Decode(&o); err != nil {
		return nil, err
	}
	wholeNumbers(o)
	return o, nil
}

// wholeNumbers turns json.Number into int64, where it is whole, at any depth.
func wholeNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case object:
		for k, inner := range v {
			v[k] = wholeNumbers(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = wholeNumbers(inner)
		}
	}
	return v
}
