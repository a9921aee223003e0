package stripesim

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// nested turns line_items[0][price]=x into {"line_items": {"0": {"price": "x"}}}.
// Whether a level is a list or a hash is for the endpoint's fields to say.
func nested(form url.Values) (object, *apiError) {
	tree := object{}
	for _, key := range slices.Sorted(keysOf(form)) {
		path, ok := keyPath(key)
		if !ok {
			return nil, invalid("", key, "Invalid request: the parameter name %q is not well formed.", key)
		}
		for _, value := range form[key] {
			if !plant(tree, path, value) {
				return nil, invalid("", key, "Invalid request: the parameter %q is given twice, in different shapes.", key)
			}
		}
	}
	return tree, nil
}

func keysOf(form url.Values) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range form {
			if !yield(k) {
				return
			}
		}
	}
}

// keyPath splits a[b][] into a, b and "".
func keyPath(key string) ([]string, bool) {
	head, rest, more := strings.Cut(key, "[")
	path := []string{head}
	if !more {
		return path, head != ""
	}
	rest, closed := strings.CutSuffix(rest, "]")
	return append(path, strings.Split(rest, "][")...), closed && head != "" && len(path) < 12
}

// plant puts the value at the path; false if something else grows there.
func plant(tree object, path []string, value string) bool {
	key := path[0]
	if key == "" { // a[]=x appends
		key = strconv.Itoa(len(tree))
	}
	if len(path) == 1 {
		if _, taken := tree[key].(object); taken {
			return false
		}
		tree[key] = value
		return true
	}
	if tree[key] == nil {
		tree[key] = object{}
	}
	inner, ok := tree[key].(object)
	return ok && plant(inner, path[1:], value)
}

// inOrder answers the elements of a list that came as numbered keys.
func inOrder(tree object) ([]any, bool) {
	var places []int
	for k := range tree {
		n, err := strconv.Atoi(k)
		if err != nil || n < 0 {
			return nil, false
		}
		places = append(places, n)
	}
	slices.Sort(places)
	out := make([]any, len(places))
	for i, n := range places {
		out[i] = tree[strconv.Itoa(n)]
	}
	return out, true
}
