package tour

import (
	"context"
	"fmt"
)

// story is an article as a reader finds it.
type story struct {
	page
	full       bool
	paragraphs int
	sources    int
	linked     int    // sources that are links
	notice     string // about the membership, "" for none
}

// read opens the reader's article; the first time, the one on top of the front
// page.
func (r *reader) read(ctx context.Context) (story, error) {
	if r.article == "" {
		front, err := r.open(ctx, r.News+"/")
		if err != nil {
			return story{}, err
		}
		lead := first(front.root, classed("lead"))
		if lead == nil {
			return story{}, unlike("an article on the front page", front)
		}
		if r.article, err = front.link(text(first(lead, tagged("h2")))); err != nil {
			return story{}, err
		}
	}
	p, err := r.open(ctx, r.article)
	if err != nil {
		return story{}, err
	}
	return storyOn(p)
}

func storyOn(p page) (story, error) {
	body, sources := first(p.root, classed("text")), first(p.root, classed("sources"))
	if body == nil || sources == nil {
		return story{}, unlike("an article", p)
	}
	s := story{
		page: p, full: attribute(body, "data-access") == "full", paragraphs: len(all(body, tagged("p"))),
		sources: len(all(sources, tagged("li"))),
	}
	for _, li := range all(sources, tagged("li")) {
		s.linked += len(all(li, tagged("a")))
	}
	if notice := first(p.root, classed("notice")); notice != nil {
		s.notice = text(first(notice, tagged("p")))
	}
	return s, nil
}

// String is the article in a few words.
func (s story) String() string {
	access := "the wall"
	if s.full {
		access = "open"
	}
	return fmt.Sprintf("%s%s: %s, %d paragraphs, %d of %d sources linked, by way of %d redirects",
		s.url.Host, s.url.Path, access, s.paragraphs, s.linked, s.sources, len(s.hops))
}

// finds is an error unless the article is open, or closed, after so many redirects.
func (r *reader) finds(ctx context.Context, open bool, redirects int) (story, error) {
	s, err := r.read(ctx)
	if err == nil && (s.full != open || len(s.hops) != redirects) {
		state := map[bool]string{true: "open", false: "closed"}[open]
		err = unlike(fmt.Sprintf("the article %s after %d redirects", state, redirects), s)
	}
	return s, err
}

// renewed is how many redirects a token costs that has run out: to the service and
// back.
const renewed = 2
