package tour

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// page is what a browser has before it, after all redirects.
type page struct {
	url    *url.URL
	status int
	hops   []string // the addresses that it was sent to on the way here
	root   *html.Node
	body   []byte
}

// must is an error unless the page says all of these.
func (p page) must(words ...string) error {
	said := text(p.root)
	for _, w := range words {
		if !strings.Contains(said, w) {
			return unlike(fmt.Sprintf("%q", w), p)
		}
	}
	return nil
}

// String is the page in short: where it is and how it begins.
func (p page) String() string {
	said := p.root
	if main := first(p.root, tagged("main")); main != nil {
		said = main
	}
	short := []rune(text(said))
	return fmt.Sprintf("%s (%d): %q", p.url.Host+p.url.Path, p.status, string(short[:min(len(short), 240)]))
}

// link is where the first link leads whose text holds the words.
func (p page) link(words string) (string, error) {
	a := first(p.root, func(n *html.Node) bool { return n.Data == "a" && strings.Contains(text(n), words) })
	if a == nil {
		return "", unlike(fmt.Sprintf("a link %q", words), p)
	}
	to, err := p.url.Parse(attribute(a, "href"))
	if err != nil {
		return "", fmt.Errorf("the link %q: %w", words, err)
	}
	return to.String(), nil
}

// rows reads the table in a section: each row's cells by the words above them.
func (p page) rows(section string) []row {
	within := first(p.root, identified(section))
	if within == nil {
		return nil
	}
	var heads []string
	for _, th := range all(within, tagged("th")) {
		heads = append(heads, text(th))
	}
	var rows []row
	for _, tr := range all(within, tagged("tr")) {
		r := row{node: tr, cells: map[string]string{}}
		for i, td := range all(tr, tagged("td")) {
			r.cells[heads[i]] = text(td)
		}
		if len(r.cells) > 0 {
			rows = append(rows, r)
		}
	}
	return rows
}

type row struct {
	node  *html.Node
	cells map[string]string
}

// matcher says whether a node is the one that is looked for.
type matcher func(*html.Node) bool

func tagged(name string) matcher { return func(n *html.Node) bool { return n.Data == name } }

func identified(id string) matcher {
	return func(n *html.Node) bool { return attribute(n, "id") == id }
}

func classed(class string) matcher {
	return func(n *html.Node) bool {
		for _, c := range strings.Fields(attribute(n, "class")) {
			if c == class {
				return true
			}
		}
		return false
	}
}

// all are the elements below root that match, in the page's order.
func all(root *html.Node, match matcher) (found []*html.Node) {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			found = append(found, n)
		}
	}
	return found
}

// first is the first element below root that matches, nil for none.
func first(root *html.Node, match matcher) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			return n
		}
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// text is what a person reads there, with single spaces; nothing if there is no
// such place.
func text(root *html.Node) string {
	if root == nil {
		return ""
	}
	var words []string
	for n := range root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "script" {
			words = append(words, n.Data)
		}
	}
	return strings.Join(strings.Fields(strings.Join(words, "")), " ")
}

// within is the element of that name which says the words.
func within(name, words string) matcher {
	return func(n *html.Node) bool { return n.Data == name && strings.Contains(text(n), words) }
}
