package simtest

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// known are the differences in shape between the simulator's answers and those
// of stripe-mock that are meant, each with its reason: "kind path how: why".
//
//go:embed differences.txt
var known string

// allowed reads the list of known differences.
func allowed() (map[string]bool, error) {
	out := map[string]bool{}
	for line := range strings.Lines(known) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		what, why, ok := strings.Cut(line, ": ")
		if !ok || why == "" || len(strings.Fields(what)) != 3 || out[what] {
			return nil, fmt.Errorf("differences.txt: %q wants \"kind path how: why\", once", line)
		}
		out[what] = true
	}
	return out, nil
}

// comparison collects how the shape of one answer differs from another's: keys
// that only one has, and types where neither is null. What is in an object is
// named by the object's kind, so that one line holds wherever it appears.
type comparison struct {
	differences map[string]bool // "kind path how"
	kinds       map[string]bool // that were met on both sides
}

func compared(ours, theirs any) comparison {
	c := comparison{differences: map[string]bool{}, kinds: map[string]bool{}}
	c.walk(ours, theirs, "answer", "")
	return c
}

func (c comparison) note(kind, path, how string) { c.differences[kind+" "+path+" "+how] = true }

func (c comparison) walk(ours, theirs any, kind, path string) {
	switch o := ours.(type) {
	case map[string]any:
		if t, ok := theirs.(map[string]any); ok {
			c.objects(o, t, kind, path)
			return
		}
	case []any:
		if t, ok := theirs.([]any); ok {
			c.lists(o, t, kind, path)
			return
		}
	}
	if a, b := typeName(ours), typeName(theirs); a != b && a != "null" && b != "null" {
		c.note(kind, path, a+"-for-"+b)
	}
}

func (c comparison) objects(ours, theirs map[string]any, kind, path string) {
	mine, _ := ours["object"].(string)
	its, _ := theirs["object"].(string)
	if mine != its {
		c.note(kind, path, "another-kind")
		return
	}
	if ours["deleted"] == true { // stripe-mock shows some of them undeleted; their schema is checked
		return
	}
	if mine != "" && mine != "list" {
		kind, path = mine, ""
		c.kinds[kind] = true
	}
	keys := maps.Clone(theirs)
	maps.Copy(keys, ours)
	for key := range keys {
		c.key(ours, theirs, kind, strings.TrimPrefix(path+"."+key, "."), key)
	}
}

// key compares one key. Metadata is the caller's own, and what an event tells
// of is validated by its kind: see judge.events.
func (c comparison) key(ours, theirs map[string]any, kind, path, key string) {
	a, here := ours[key]
	b, there := theirs[key]
	switch {
	case key == "metadata", kind == "event" && key == "data":
	case !there:
		c.note(kind, path, "extra")
	case !here:
		c.note(kind, path, "lacking")
	default:
		c.walk(a, b, kind, path)
	}
}

// lists compares each of our elements with the first of theirs.
func (c comparison) lists(ours, theirs []any, kind, path string) {
	if len(theirs) == 0 {
		return
	}
	for _, o := range ours {
		c.walk(o, theirs[0], kind, path+"[]")
	}
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "object"
	case []any:
		return "list"
	}
	return fmt.Sprintf("%T", v)
}

// unknown are the differences that are not on the list, in order.
func (c comparison) unknown(allowed map[string]bool) []string {
	var out []string
	for _, d := range slices.Sorted(maps.Keys(c.differences)) {
		if !allowed[d] {
			out = append(out, d)
		}
	}
	return out
}
