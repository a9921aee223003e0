package tour

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// control opens the control page.
func (t *tour) control(ctx context.Context) (page, error) {
	return t.browser().open(ctx, t.Control+"/")
}

// pass lets time pass, by the words on the buttons.
func (t *tour) pass(ctx context.Context, spans ...string) error {
	for _, span := range spans {
		p, err := t.control(ctx)
		if err != nil {
			return err
		}
		if err := t.press(ctx, p.form("/clock").press(span)); err != nil {
			return fmt.Errorf("advance the clock by %s: %w", span, err)
		}
	}
	return nil
}

// press sends a form of the control page.
func (t *tour) press(ctx context.Context, f *form) error {
	p, err := t.browser().submit(ctx, f)
	if err == nil && p.status >= http.StatusBadRequest {
		err = unlike("the button to work", p)
	}
	return err
}

// now is the sandbox's time.
func (t *tour) now(ctx context.Context) (time.Time, error) {
	p, err := t.control(ctx)
	if err != nil {
		return time.Time{}, err
	}
	shown := first(p.root, tagged("time"))
	if shown == nil {
		return time.Time{}, unlike("the time on the control page", p)
	}
	return time.Parse(time.RFC3339, attribute(shown, "datetime"))
}

// row is the newest row of a table of the control page in which a cell holds the
// words; "" matches all.
func (t *tour) row(ctx context.Context, section, column, words string) (page, row, error) {
	p, err := t.control(ctx)
	if err != nil {
		return page{}, row{}, err
	}
	for _, r := range p.rows(section) {
		if strings.Contains(r.cells[column], words) {
			return p, r, nil
		}
	}
	return p, row{}, unlike(fmt.Sprintf("%q among the %s of the control page", words, section), fmt.Sprintf("%d others", len(p.rows(section))))
}

// pressIn presses the button in the newest row of that reader.
func (t *tour) pressIn(ctx context.Context, section, who, button string) error {
	p, r, err := t.row(ctx, section, "Who", who)
	if err != nil {
		return err
	}
	node := first(r.node, func(n *html.Node) bool { return n.Data == "form" && strings.Contains(text(n), button) })
	if node == nil {
		return unlike("a button "+button, text(r.node))
	}
	return t.press(ctx, p.read(node).press(button))
}

// mail is what was sent to a reader.
type mail struct{ subject, text, link, code string }

var mailCode = regexp.MustCompile(`\b[A-Z0-9]{4} [A-Z0-9]{4}\b`)

// mailTo waits for the next mail to an address.
func (t *tour) mailTo(ctx context.Context, address string) (m mail, err error) {
	err = eventually(ctx, func(ctx context.Context) error {
		p, err := t.control(ctx)
		if err != nil {
			return err
		}
		mine := all(p.root, func(n *html.Node) bool {
			return classed("mail")(n) && text(first(n, classed("to"))) == address
		})
		if len(mine) <= t.mails[address] {
			return unlike("a mail to "+address, fmt.Sprintf("the %d from before", len(mine)))
		}
		t.mails[address] = len(mine)
		m = mailOn(mine[0])
		return nil
	})
	return m, err
}

func mailOn(n *html.Node) mail {
	m := mail{subject: text(first(n, classed("subject"))), text: text(n)}
	if a := first(n, tagged("a")); a != nil {
		m.link = attribute(a, "href")
	}
	m.code = mailCode.FindString(m.text)
	return m
}
