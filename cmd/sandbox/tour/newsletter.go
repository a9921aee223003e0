package tour

import (
	"context"
	"fmt"
)

// subscribing is a reader who pays nothing, and gets the sources for it.
type subscribing struct{ *reader }

func (t *tour) newsletter() journey {
	s := &subscribing{t.reader("ben")}
	return journey{"Ben subscribes to the newsletter", []step{
		{"The request", s.ask},
		{"The unlocked sources", s.confirm},
	}}
}

func (s *subscribing) ask(ctx context.Context) (string, error) {
	a, err := s.finds(ctx, false, 0)
	if err != nil {
		return "", err
	}
	to, err := a.link("Subscribe to our free newsletter")
	if err != nil {
		return "", err
	}
	p, err := s.open(ctx, to)
	if err != nil {
		return "", err
	}
	if p, err = s.submit(ctx, p.form("/newsletter").fill("email", s.address)); err != nil {
		return "", err
	}
	if err := p.must(s.words.Text("sent.newsletter")); err != nil {
		return "", err
	}
	if a, err = s.finds(ctx, false, 0); err == nil && a.linked > 0 {
		err = unlike("no links before the address is confirmed", a)
	}
	return fmt.Sprintf("%d sources are named and none is linked until the address is confirmed", a.sources), err
}

func (s *subscribing) confirm(ctx context.Context) (string, error) {
	m, back, err := s.prove(ctx)
	if err != nil {
		return "", err
	}
	a, err := storyOn(back)
	if err != nil {
		return "", err
	}
	if back.url.String() != s.article || a.linked != a.sources || a.full {
		return "", unlike("back at the article, sources linked, text closed", a)
	}
	return fmt.Sprintf("mail “%s”; back at the article %d of %d sources are links, and the wall still stands", m.subject, a.linked, a.sources), nil
}
