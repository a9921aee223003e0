package stripesim

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind is what a parameter may hold.
type kind int

const (
	textKind kind = iota
	integerKind
	booleanKind
	hashKind
	arrayKind
	metadataKind
	currencyKind
	rangeKind   // created[gte]=…, or created=… for the very second
	instantKind // Unix seconds, or "now"
	numberKind  // need not be whole
)

// field describes one parameter of an endpoint.
type field struct {
	kind     kind
	max      int      // text: the most letters
	oneOf    []string // text: the only values, if any
	needed   bool
	emptied  bool   // an empty value unsets
	children fields // hash, or the elements of an array if they are hashes
	element  *field // array
}

// fields are all the parameters that an endpoint takes; others are refused.
type fields map[string]field

func text(max int) field           { return field{kind: textKind, max: max} }
func oneOf(values ...string) field { return field{kind: textKind, max: 5000, oneOf: values} }
func integer() field               { return field{kind: integerKind} }
func boolean() field               { return field{kind: booleanKind} }
func hash(children fields) field   { return field{kind: hashKind, children: children} }
func arrayOf(element field) field  { return field{kind: arrayKind, element: &element, emptied: true} }
func metadata() field              { return field{kind: metadataKind, emptied: true} }
func currency() field              { return field{kind: currencyKind} }
func timeRange() field             { return field{kind: rangeKind} }
func instant() field               { return field{kind: instantKind} }
func number() field                { return field{kind: numberKind} }
func id() field                    { return text(255) }
func (f field) required() field    { f.needed = true; return f }
func (f field) clearable() field   { f.emptied = true; return f }
func (f fields) and(more fields) fields {
	out := fields{}
	for _, from := range []fields{f, more} {
		for k, v := range from {
			out[k] = v
		}
	}
	return out
}

// decode checks a form against the fields and gives each value its type. An
// unset (emptied) value is nil in the answer; a parameter not sent is absent.
func (f fields) decode(tree object, path string) (object, *apiError) {
	out := object{}
	for _, name := range sortedKeys(tree) {
		where := under(path, name)
		known, ok := f[name]
		if !ok {
			return nil, invalid("parameter_unknown", where, "Received unknown parameter: %s", where)
		}
		v, err := known.decode(tree[name], where)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	for _, name := range sortedKeys(f) {
		if _, sent := out[name]; f[name].needed && !sent {
			where := under(path, name)
			return nil, invalid("parameter_missing", where, "Missing required param: %s.", where)
		}
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "[" + name + "]"
}

func (f field) decode(v any, where string) (any, *apiError) {
	if v == "" {
		return f.empty(where)
	}
	tree, isTree := v.(object)
	switch f.kind {
	case hashKind, metadataKind, arrayKind:
		if !isTree {
			return nil, invalid("", where, "Invalid %s: must be a hash or an array, was a string", where)
		}
		return f.decodeTree(tree, where)
	case rangeKind:
		return decodeRange(v, where)
	}
	if isTree {
		return nil, invalid("", where, "Invalid string: %s must not be a hash or an array", where)
	}
	return f.decodeText(v.(string), where)
}

// empty is the answer to "x=", which unsets a value where that is allowed.
func (f field) empty(where string) (any, *apiError) {
	if f.emptied || f.kind == metadataKind {
		return nil, nil
	}
	return nil, invalid("parameter_invalid_empty", where,
		"You passed an empty string for '%s'. We assume empty values are an attempt to unset a parameter; "+
			"however '%s' cannot be unset. You should remove '%s' from your request or supply a non-empty value.",
		where, where, where)
}

func (f field) decodeTree(tree object, where string) (any, *apiError) {
	switch f.kind {
	case hashKind:
		return noneIfNil(f.children.decode(tree, where))
	case metadataKind:
		return noneIfNil(decodeMetadata(tree, where))
	}
	list, ok := inOrder(tree)
	if !ok {
		return nil, invalid("", where, "Invalid array: %s", where)
	}
	for i, v := range list {
		var err *apiError
		if list[i], err = f.element.decode(v, under(where, strconv.Itoa(i))); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func noneIfNil(o object, err *apiError) (any, *apiError) {
	if err != nil {
		return nil, err
	}
	return o, nil
}

func (f field) decodeText(s, where string) (any, *apiError) {
	switch f.kind {
	case integerKind:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, invalid("parameter_invalid_integer", where, "Invalid integer: %s", s)
		}
		return n, nil
	case instantKind:
		if s == "now" {
			return s, nil
		}
		return integer().decodeText(s, where)
	case numberKind:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, invalid("", where, "Invalid decimal: %s", s)
		}
		return f, nil
	case booleanKind:
		if s != "true" && s != "false" {
			return nil, invalid("", where, "Invalid boolean: %s", s)
		}
		return s == "true", nil
	case currencyKind:
		if s = strings.ToLower(s); !knownCurrency(s) {
			return nil, invalid("", where, "Invalid currency: %s", s)
		}
		return s, nil
	}
	return f.plainText(s, where)
}

func (f field) plainText(s, where string) (any, *apiError) {
	if f.oneOf != nil && !slices.Contains(f.oneOf, s) {
		return nil, invalid("", where, "Invalid %s: must be one of %s", where, strings.Join(f.oneOf, ", "))
	}
	if utf8.RuneCountInString(s) > f.max {
		return nil, invalid("", where, "Invalid string: %s must be at most %d characters", where, f.max)
	}
	return s, nil
}

// decodeMetadata holds the limits of https://docs.stripe.com/metadata#data
func decodeMetadata(tree object, where string) (object, *apiError) {
	if len(tree) > 50 {
		return nil, invalid("", where, "Metadata can have at most 50 keys.")
	}
	for _, k := range sortedKeys(tree) {
		v, isText := tree[k].(string)
		switch {
		case !isText:
			return nil, invalid("", under(where, k), "Metadata values must be strings; %s is not.", k)
		case utf8.RuneCountInString(k) > 40:
			return nil, invalid("", where, "Metadata keys can be at most 40 characters long: %s", k)
		case utf8.RuneCountInString(v) > 500:
			return nil, invalid("", under(where, k), "Metadata values can have up to 500 characters; %s has more.", k)
		}
	}
	return tree, nil
}

func decodeRange(v any, where string) (any, *apiError) {
	bounds := fields{"gt": integer(), "gte": integer(), "lt": integer(), "lte": integer()}
	if tree, ok := v.(object); ok {
		return noneIfNil(bounds.decode(tree, where))
	}
	n, err := integer().decode(v, where)
	if err != nil {
		return nil, err
	}
	return object{"gte": n, "lte": n}, nil
}
