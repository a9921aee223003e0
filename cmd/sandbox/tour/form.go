package tour

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// form is a form as it stands on a page, with what is filled in already. Errors are
// kept until it is sent.
type form struct {
	on     page
	node   *html.Node
	action *url.URL
	values url.Values
	err    error
}

// form is the first one on the page that leads to that path; "" is the page's own.
func (p page) form(path string) *form {
	for _, node := range all(p.root, tagged("form")) {
		if f := p.read(node); f.err == nil && (f.action.Path == path || path == "" && f.action.Path == p.url.Path) {
			return f
		}
	}
	return &form{err: unlike(fmt.Sprintf("a form to %q", path), p)}
}

// formOf is the form that matches, or the first within what matches.
func (p page) formOf(match matcher) *form {
	node := first(p.root, match)
	if node != nil && node.Data != "form" {
		node = first(node, tagged("form"))
	}
	if node == nil {
		return &form{err: unlike("a form", p)}
	}
	return p.read(node)
}

func (p page) read(node *html.Node) *form {
	f := &form{on: p, node: node, values: url.Values{}}
	if f.action, f.err = p.url.Parse(attribute(node, "action")); f.err != nil {
		return f
	}
	for _, n := range all(node, named) {
		f.take(n)
	}
	return f
}

func named(n *html.Node) bool {
	return attribute(n, "name") != "" && slices.Contains([]string{"input", "textarea"}, n.Data)
}

// take puts a field's own value into the form, as a browser does.
func (f *form) take(n *html.Node) {
	name := attribute(n, "name")
	kind := attribute(n, "type")
	choice := kind == "radio" || kind == "checkbox"
	switch {
	case choice && !has(n, "checked"):
	case n.Data == "textarea":
		f.values.Set(name, text(n))
	default:
		f.values.Set(name, attribute(n, "value"))
	}
}

// fill types into a field, or chooses the radio button of that value. There must be
// one.
func (f *form) fill(name, value string) *form {
	if f.err != nil {
		return f
	}
	fits := func(n *html.Node) bool {
		return named(n) && attribute(n, "name") == name && (attribute(n, "type") != "radio" || attribute(n, "value") == value)
	}
	if first(f.node, fits) == nil {
		f.err = unlike(fmt.Sprintf("a field %s for %q", name, value), f.on)
	}
	f.values.Set(name, value)
	return f
}

// press names the button that the form is sent with.
func (f *form) press(words string) *form {
	if f.err != nil {
		return f
	}
	button := first(f.node, func(n *html.Node) bool { return n.Data == "button" && strings.Contains(text(n), words) })
	switch {
	case button == nil:
		f.err = unlike(fmt.Sprintf("a button %q", words), f.on)
	case attribute(button, "name") != "":
		f.values.Set(attribute(button, "name"), attribute(button, "value"))
	}
	return f
}
