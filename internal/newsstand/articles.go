package newsstand

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed articles/*.txt
var articleFiles embed.FS

// openingBlocks is how much of an article everybody may read.
const openingBlocks = 3

// article is one story as it was written, with what it rests on.
type article struct {
	Slug      string
	Headline  string
	Section   string
	Byline    string
	Summary   string
	Published time.Time
	Blocks    []block
	Sources   []source
}

// block is a paragraph, or the heading of those that follow.
type block struct {
	Text    string
	Heading bool
}

type source struct{ Title, URL string }

// Opening is what everybody may read.
func (a article) Opening() []block { return a.Blocks[:openingBlocks] }

// Ahead are the headings of what only members may read.
func (a article) Ahead() (headings []string) {
	for _, b := range a.Blocks[openingBlocks:] {
		if b.Heading {
			headings = append(headings, b.Text)
		}
	}
	return headings
}

// Minutes is how long a reader takes at 220 words a minute, at least one.
func (a article) Minutes() int {
	words := 0
	for _, b := range a.Blocks {
		words += len(strings.Fields(b.Text))
	}
	return max(1, (words+110)/220)
}

// readArticles returns all articles, the newest first. Each file says how many
// days before today it appeared, so that the paper is never an old one.
func readArticles(today time.Time) ([]article, error) {
	names, err := fs.Glob(articleFiles, "articles/*.txt")
	if err != nil {
		return nil, fmt.Errorf("list articles: %w", err)
	}
	articles := make([]article, 0, len(names))
	for _, name := range names {
		text, err := articleFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read article: %w", err)
		}
		a, err := parseArticle(string(text), today)
		if err != nil {
			return nil, fmt.Errorf("article %s: %w", name, err)
		}
		a.Slug = strings.TrimSuffix(path.Base(name), ".txt")
		articles = append(articles, a)
	}
	slices.SortFunc(articles, func(a, b article) int { return b.Published.Compare(a.Published) })
	return articles, nil
}

// parseArticle reads "Field: value" lines, then paragraphs and "## headings"
// with a blank line between them, then "Source: title | address" lines.
func parseArticle(text string, today time.Time) (article, error) {
	var a article
	head, body, _ := strings.Cut(text, "\n\n")
	for line := range strings.SplitSeq(head, "\n") {
		if err := a.setField(line, today); err != nil {
			return article{}, err
		}
	}
	for part := range strings.SplitSeq(strings.TrimSpace(body), "\n\n") {
		if strings.HasPrefix(part, "Source: ") {
			a.Sources = parseSources(part)
			continue
		}
		heading, isHeading := strings.CutPrefix(part, "## ")
		a.Blocks = append(a.Blocks, block{Text: heading, Heading: isHeading})
	}
	if len(a.Blocks) <= openingBlocks || len(a.Sources) == 0 {
		return article{}, fmt.Errorf("%d blocks, %d sources: too few", len(a.Blocks), len(a.Sources))
	}
	return a, nil
}

func (a *article) setField(line string, today time.Time) error {
	name, value, _ := strings.Cut(line, ": ")
	switch name {
	case "Headline":
		a.Headline = value
	case "Section":
		a.Section = value
	case "Byline":
		a.Byline = value
	case "Summary":
		a.Summary = value
	case "Days":
		days, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("days: %w", err)
		}
		a.Published = today.AddDate(0, 0, -days)
	default:
		return fmt.Errorf("unknown field %q", name)
	}
	return nil
}

func parseSources(lines string) (sources []source) {
	for line := range strings.SplitSeq(lines, "\n") {
		title, address, _ := strings.Cut(strings.TrimPrefix(line, "Source: "), " | ")
		sources = append(sources, source{Title: title, URL: address})
	}
	return sources
}
