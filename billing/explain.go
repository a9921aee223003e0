package billing

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"newsroom.example/membership/models"
)

// Explanation is what a member may read at one instant, and why.
type Explanation struct {
	Member MemberLine `json:"member"`
	At     time.Time  `json:"at"`
	Now    time.Time  `json:"now"`
	// Known is the answer for At as we know it now; Then as it was known at At, only
	// where that was another one: a refund that we learned of later, a dispute that
	// was won since.
	Known Access  `json:"known_now"`
	Then  *Access `json:"known_then,omitempty"`
	// Open is what waits for staff now, whatever At is.
	Open []Sentence `json:"open,omitempty"`
}

// Access is what may be read at an instant and what not.
type Access struct {
	Tier       string      `json:"tier"`
	Reads      []Right     `json:"reads"`
	Lacks      []Lack      `json:"lacks"`
	Grants     []GrantLine `json:"grants"`
	NextChange *time.Time  `json:"next_change,omitempty"` // nil: none in sight
}

// Right is a feature that is held.
type Right struct {
	Feature string               `json:"feature"`
	Words   string               `json:"words"`
	Until   *time.Time           `json:"until,omitempty"` // nil: without end
	InGrace bool                 `json:"in_grace"`
	Sources []models.GrantSource `json:"sources"`
}

// Lack is a feature that is not held.
type Lack struct {
	Feature string   `json:"feature"`
	Words   string   `json:"words"`
	Why     Sentence `json:"why"`
}

// GrantLine is a grant with its story.
type GrantLine struct {
	ID       uuid.UUID          `json:"id"`
	Source   models.GrantSource `json:"source"`
	Ref      string             `json:"source_ref"`
	Plan     string             `json:"plan"`
	Features []string           `json:"features"`
	From     time.Time          `json:"from"`
	Until    *time.Time         `json:"until,omitempty"` // nil: without end
	Live     bool               `json:"live"`            // whether it gives anything at the instant
	Why      []Sentence         `json:"why"`
}

// Explain says what a member may read at an instant, what not, and why; the zero
// time is now. Of an instant to come it says what will be if nothing happens.
func (s *Service) Explain(ctx context.Context, memberID uuid.UUID, at time.Time) (Explanation, error) {
	e := Explanation{Now: s.clock(), At: at}
	if at.IsZero() {
		e.At = e.Now
	}
	member, err := s.member(ctx, memberID)
	if err != nil {
		return e, err
	}
	e.Member = lineOf(member)
	grants, err := s.GrantsAsOf(ctx, memberID, e.Now)
	if err != nil {
		return e, err
	}
	if e.Open, err = s.openFor(ctx, member); err != nil {
		return e, err
	}
	story, err := s.storyOf(ctx, memberID)
	if err != nil {
		return e, err
	}
	e.Known = story.access(grants, e.At)
	if e.At.Before(e.Now) {
		e.Then, err = s.toldThen(ctx, memberID, story, grants, e.At)
	}
	return e, err
}

// openFor is what of a member waits for staff.
func (s *Service) openFor(ctx context.Context, m models.Member) ([]Sentence, error) {
	var all []Sentence
	if m.Disowned() {
		all = append(all, say("stray.open", map[string]any{"Date": *m.DisownedAt, "Member": m.ID.String()}))
	}
	waiting, err := s.errandsForStaff(ctx, m.ID)
	for _, each := range waiting {
		all = append(all, openWords(each))
	}
	return all, err
}

// toldThen is the answer that was given at an instant; nil where it is still the
// answer.
func (s *Service) toldThen(ctx context.Context, memberID uuid.UUID, story story, grants []models.Grant, at time.Time) (*Access, error) {
	known, err := s.GrantsAsOf(ctx, memberID, at)
	if err != nil || sameAnswer(Derive(grants, at), Derive(known, at)) {
		return nil, err
	}
	then := story.then().access(known, at)
	return &then, nil
}

// access is what some grants give at an instant, told.
func (st story) access(grants []models.Grant, at time.Time) Access {
	held := Derive(grants, at)
	a := Access{Tier: held.Tier, Reads: []Right{}, Lacks: []Lack{}, Grants: []GrantLine{}, NextChange: orNil(held.NextChange)}
	for _, h := range held.Features {
		a.Reads = append(a.Reads, Right{h.Feature, st.features[h.Feature], orNil(h.Until), h.InGrace, h.Sources})
	}
	names := held.Names()
	for _, feature := range st.inOrder {
		if !slices.Contains(names, feature) {
			a.Lacks = append(a.Lacks, Lack{feature, st.features[feature], st.whyNot(feature, grants, at)})
		}
	}
	for _, g := range grants {
		live, _ := liveAt(g, at)
		a.Grants = append(a.Grants, GrantLine{
			ID: g.ID, Source: g.Source, Ref: g.SourceRef, Plan: g.Tier, Features: g.Features,
			From: g.ValidFrom, Until: orNil(end(g)), Live: live, Why: st.why(g, at),
		})
	}
	return a
}

// orNil is nil for the zero time.
func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
