package billing

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Entitlements is what a member may read at one instant, and why.
type Entitlements struct {
	Features    []Held    // sorted by name
	Tier        string    // the name of the highest-ranking plan that is held, of equals the first by name; "" for none
	Grace       *Grace    // set only while something is held by grace alone
	NextChange  time.Time // the earliest instant at which this answer differs; zero: never
	Version     int64     // rises with every change of the member's grants
	MemberSince time.Time // the first day of the first paid grant; zero: never paid
}

// Held is one feature that is held.
type Held struct {
	Feature string
	Until   time.Time // grace included; zero: without end
	InGrace bool      // held by grace alone
	Sources []models.GrantSource
}

// Grace is access beyond what was paid for, and why it is given.
type Grace struct {
	Until  time.Time
	Reason string
}

// Names lists the features, sorted.
func (e Entitlements) Names() []string {
	names := make([]string, 0, len(e.Features))
	for _, held := range e.Features {
		names = append(names, held.Feature)
	}
	return names
}

// Entitlements answers what the member may read now. Grants and version are read
// in one snapshot, so that a token never carries the version of another answer.
func (s *Service) Entitlements(ctx context.Context, memberID uuid.UUID) (Entitlements, error) {
	var member models.Member
	var grants []models.Grant
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Where("id = ?", memberID).Take(&member).Error; err != nil {
			return err
		}
		return tx.Where("member_id = ?", memberID).Where(s.countingGrants()).Find(&grants).Error
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return Entitlements{}, fmt.Errorf("load the grants of member %s: %w", memberID, err)
	}
	e := Derive(grants, s.clock())
	e.Version = member.EntitlementVersion
	return e, nil
}

// countingGrants leaves out what was bought with the money of Stripe's other mode:
// trying the till before opening must not leave free memberships behind.
func (s *Service) countingGrants() *gorm.DB {
	return s.db.Where("livemode = ?", s.cfg.Livemode).
		Or("source NOT IN ?", []models.GrantSource{models.FromSubscription, models.FromPayment})
}

// Derive is who may read what: the union of all grants that are live at one
// instant. It is pure; nothing in the database changes when a grant runs out.
func Derive(grants []models.Grant, at time.Time) Entitlements {
	e := held(grants, at)
	for _, instant := range instants(grants, at) {
		if !unchanged(e, held(grants, instant)) {
			e.NextChange = instant
			break
		}
	}
	return e
}

func held(grants []models.Grant, at time.Time) Entitlements {
	var e Entitlements
	rank := -1
	byFeature := map[string]*Held{}
	for _, g := range grants {
		e.MemberSince = earlierStart(e.MemberSince, g)
		live, grace := liveAt(g, at)
		if !live {
			continue
		}
		if g.Rank > rank || g.Rank == rank && g.Tier < e.Tier {
			rank, e.Tier = g.Rank, g.Tier
		}
		for _, feature := range g.Features {
			addHeld(byFeature, feature, g, grace)
		}
	}
	for _, h := range byFeature {
		e.Features = append(e.Features, *h)
		e.Grace = laterGrace(e.Grace, h, grants, at)
	}
	slices.SortFunc(e.Features, func(a, b Held) int { return strings.Compare(a.Feature, b.Feature) })
	return e
}

// liveAt says whether a grant gives anything at that instant, and whether by grace
// alone.
func liveAt(g models.Grant, at time.Time) (live, grace bool) {
	switch {
	case at.Before(g.ValidFrom):
		return false, false
	case g.RevokedAt != nil && !at.Before(*g.RevokedAt):
		return false, false
	case g.ValidUntil == nil || at.Before(*g.ValidUntil):
		return true, false
	case g.GraceUntil != nil && at.Before(*g.GraceUntil):
		return true, true
	}
	return false, false
}

// end is when a grant stops giving anything; zero: never.
func end(g models.Grant) time.Time {
	last := time.Time{}
	if g.ValidUntil != nil {
		last = *g.ValidUntil
	}
	if g.GraceUntil != nil && g.ValidUntil != nil {
		last = *g.GraceUntil
	}
	if g.RevokedAt != nil && (last.IsZero() || g.RevokedAt.Before(last)) {
		last = *g.RevokedAt
	}
	return last
}

func addHeld(by map[string]*Held, feature string, g models.Grant, grace bool) {
	h, seen := by[feature]
	if !seen {
		h = &Held{Feature: feature, Until: end(g), InGrace: grace}
		by[feature] = h
	}
	if until := end(g); !h.Until.IsZero() && (until.IsZero() || until.After(h.Until)) {
		h.Until = until
	}
	h.InGrace = h.InGrace && grace
	if !slices.Contains(h.Sources, g.Source) {
		h.Sources = append(h.Sources, g.Source)
		slices.Sort(h.Sources)
	}
}

// laterGrace is the grace that lasts longest among those that a feature rests on, of
// equals the first by its reason's name: the one that asks something of the reader.
func laterGrace(known *Grace, h *Held, grants []models.Grant, at time.Time) *Grace {
	if !h.InGrace {
		return known
	}
	for _, g := range grants {
		live, _ := liveAt(g, at)
		if !live || !slices.Contains(g.Features, h.Feature) {
			continue
		}
		next := &Grace{Until: end(g), Reason: g.GraceReason}
		if known == nil || next.Until.After(known.Until) || next.Until.Equal(known.Until) && next.Reason < known.Reason {
			known = next
		}
	}
	return known
}

func earlierStart(known time.Time, g models.Grant) time.Time {
	if g.Source != models.FromSubscription || (!known.IsZero() && !g.ValidFrom.Before(known)) {
		return known
	}
	return g.ValidFrom
}

// instants are the moments after at when some grant begins, ends or falls into
// grace, in order.
func instants(grants []models.Grant, at time.Time) []time.Time {
	var all []time.Time
	add := func(t *time.Time) {
		if t != nil && t.After(at) {
			all = append(all, *t)
		}
	}
	for _, g := range grants {
		add(&g.ValidFrom)
		add(g.ValidUntil)
		add(g.GraceUntil)
		add(g.RevokedAt)
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// unchanged compares all that an instant decides.
func unchanged(a, b Entitlements) bool {
	if !sameAnswer(a, b) || a.Grace != nil && (a.Grace.Reason != b.Grace.Reason || !a.Grace.Until.Equal(b.Grace.Until)) {
		return false
	}
	return slices.EqualFunc(a.Features, b.Features, func(x, y Held) bool {
		return x.Until.Equal(y.Until) && slices.Equal(x.Sources, y.Sources)
	})
}

// sameAnswer compares what may be read, and whether by grace, but not until when.
func sameAnswer(a, b Entitlements) bool {
	return a.Tier == b.Tier && (a.Grace == nil) == (b.Grace == nil) && slices.EqualFunc(a.Features, b.Features, func(x, y Held) bool {
		return x.Feature == y.Feature && x.InGrace == y.InGrace
	})
}
