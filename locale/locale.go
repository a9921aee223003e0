// Package locale says things in the reader's language: sentences out of a message
// catalogue, amounts and dates. It knows no pages and no mails; it only makes sure
// that no other room writes an English sentence by itself.
package locale

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"newsroom.example/membership/money"
)

//go:embed messages/*.yaml
var messages embed.FS

// Catalogue holds every sentence in every language that we speak. It is made once
// and safe for concurrent use.
type Catalogue struct {
	bundle  *i18n.Bundle
	matcher language.Matcher
	ids     map[string]bool
}

// New reads the messages that are part of the program. It fails only on a message
// file that is broken.
func New() (*Catalogue, error) {
	c := &Catalogue{bundle: i18n.NewBundle(language.English), ids: map[string]bool{}}
	c.bundle.RegisterUnmarshalFunc("yaml", yaml.Unmarshal)
	files, err := messages.ReadDir("messages")
	if err != nil {
		return nil, fmt.Errorf("list the message files: %w", err)
	}
	for _, f := range files {
		if err := c.load("messages/" + f.Name()); err != nil {
			return nil, err
		}
	}
	c.matcher = language.NewMatcher(c.bundle.LanguageTags())
	return c, nil
}

func (c *Catalogue) load(path string) error {
	file, err := c.bundle.LoadMessageFileFS(messages, path)
	if err != nil {
		return fmt.Errorf("read the messages of %s: %w", path, err)
	}
	for _, m := range file.Messages {
		c.ids[m.ID] = true
	}
	return nil
}

// IDs lists the ids of all messages, sorted.
func (c *Catalogue) IDs() []string { return slices.Sorted(maps.Keys(c.ids)) }

// Has says whether there is a message of that id.
func (c *Catalogue) Has(id string) bool { return c.ids[id] }

// For returns the best language that we have for an Accept-Language header or a
// language tag such as a member's. Anything unreadable is English.
func (c *Catalogue) For(preferred string) Locale {
	wanted, _, _ := language.ParseAcceptLanguage(preferred)
	_, index, _ := c.matcher.Match(wanted...)
	tag := c.bundle.LanguageTags()[index]
	return Locale{tag: tag, words: i18n.NewLocalizer(c.bundle, tag.String()), numbers: message.NewPrinter(tag)}
}

// Locale speaks one language. It comes from Catalogue.For.
type Locale struct {
	tag     language.Tag
	words   *i18n.Localizer
	numbers *message.Printer
}

// Tag is the language as a BCP 47 tag, for the lang attribute and for Stripe.
func (l Locale) Tag() string { return l.tag.String() }

// Data fills the gaps of a message. An amount (money.Money) and an instant
// (time.Time) are written as the language writes them; an int under "Count"
// chooses the plural.
type Data map[string]any

// Text is the message of that id, its gaps filled with data. An id that nobody
// wrote a message for is shown as it is: ugly, but not a hole in the page.
func (l Locale) Text(id string, data ...Data) string {
	filled := l.fill(data)
	text, err := l.words.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: filled, PluralCount: filled["Count"]})
	if err != nil || text == "" {
		return id
	}
	return text
}

func (l Locale) fill(data []Data) map[string]any {
	filled := map[string]any{}
	for _, d := range data {
		for key, value := range d {
			filled[key] = l.written(value)
		}
	}
	return filled
}

func (l Locale) written(value any) any {
	switch v := value.(type) {
	case money.Money:
		return l.Price(v)
	case time.Time:
		return l.Date(v)
	}
	return value
}

// Date is the day of t in the zone that t carries, its month in words, as in
// "22 November 2026".
func (l Locale) Date(t time.Time) string {
	month := l.Text(fmt.Sprintf("date.month.%d", int(t.Month())))
	return l.Text("date.long", Data{"Day": t.Day(), "Month": month, "Year": t.Format("2006")})
}
