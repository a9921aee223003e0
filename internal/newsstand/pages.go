package newsstand

import (
	"bytes"
	"net/http"
	"slices"
	"time"

	"newsroom.example/membership/paywall"
)

// alsoReading is how many other articles a page points to.
const alsoReading = 3

// page is what every template gets.
type page struct {
	Title  string
	Path   string // of this page, for the way back
	Today  time.Time
	Reader reader
	// On the front page all articles, elsewhere some others.
	Articles []article

	// On an article's page only.
	Article article
	Full    bool // the reader may read all of it
	Links   bool // the reader may follow the sources
}

// reader is who the page is for, as far as we know.
type reader struct {
	Known  bool
	Member bool // has access to articles, paid for or in grace
	Tier   string
	Notice string
}

func (s *site) page(r *http.Request, title string) page {
	return page{Title: title, Path: r.URL.EscapedPath(), Today: s.config.Clock(), Reader: readerOf(r)}
}

func readerOf(r *http.Request) reader {
	m, known := paywall.FromContext(r.Context())
	return reader{Known: known, Member: m.Has(fullArticles), Tier: m.Tier, Notice: notice(m)}
}

// notice is what a reader should do something about, in words; empty for nothing.
// Grace alone is no reason to speak: each renewal rests on it for an hour.
func notice(m paywall.Member) string {
	switch m.Notice {
	case paywall.NoticePaymentFailed:
		if until := m.Grace.Until; !until.IsZero() {
			return "Your last payment did not go through. You can read on until " + until.Format("2 January") + "."
		}
		return "Your last payment did not go through."
	case paywall.NoticeCardExpiring:
		return "The card that pays for your membership is about to expire."
	case paywall.NoticeGiftEnding:
		return "The membership that you were given is about to end."
	}
	return ""
}

func (s *site) front(w http.ResponseWriter, r *http.Request) {
	p := s.page(r, "The Harbour Lantern")
	p.Articles = s.articles
	s.render(w, http.StatusOK, "front.html", p)
}

func (s *site) article(w http.ResponseWriter, r *http.Request) {
	slug := r.PathValue("slug")
	i := slices.IndexFunc(s.articles, func(a article) bool { return a.Slug == slug })
	if i < 0 {
		s.notFound(w, r)
		return
	}
	access := paywall.AccessFor(r.Context(), fullArticles)
	if access == paywall.Unavailable {
		s.unavailable(w, r)
		return
	}
	p := s.page(r, s.articles[i].Headline)
	p.Article, p.Articles = s.articles[i], s.others(i)
	p.Full = access.Allowed()
	p.Links = paywall.AccessFor(r.Context(), sourceLinks).Allowed()
	s.render(w, http.StatusOK, "article.html", p)
}

// others are the articles that come after the i-th, round the end.
func (s *site) others(i int) []article {
	round := slices.Concat(s.articles[i+1:], s.articles[:i])
	return round[:min(alsoReading, len(round))]
}

// unavailable is for a reader with a token that cannot be checked just now:
// they may well be a member, so that a wall would be an affront.
func (s *site) unavailable(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "5")
	s.render(w, http.StatusServiceUnavailable, "unavailable.html", s.page(r, "One moment, please"))
}

func (s *site) notFound(w http.ResponseWriter, r *http.Request) {
	p := s.page(r, "Not in our pages")
	p.Articles = s.articles[:alsoReading]
	s.render(w, http.StatusNotFound, "notfound.html", p)
}

// render writes a page whole or not at all.
func (s *site) render(w http.ResponseWriter, status int, name string, p page) {
	var body bytes.Buffer
	if err := s.pages.ExecuteTemplate(&body, name, p); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}
