package billing

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"newsroom.example/membership/models"
)

// PolicyEffect is what another policy would do to one membership, seen from now.
type PolicyEffect string

// The effects of a policy.
const (
	GainsAccess   PolicyEffect = "gains"
	LosesAccess   PolicyEffect = "loses"
	LongerAccess  PolicyEffect = "longer"
	ShorterAccess PolicyEffect = "shorter"
)

// PolicyChange is what another policy would change for one member.
type PolicyChange struct {
	MemberID       uuid.UUID    `json:"member"`
	SubscriptionID string       `json:"subscription"`
	PlanID         string       `json:"plan"`
	Effect         PolicyEffect `json:"effect"`
	Reason         string       `json:"reason"` // a grace's, a revocation's, or the subscription's status
	From           *time.Time   `json:"from"`   // until when it gives access now; nil: none
	To             *time.Time   `json:"to"`     // until when it would
	// Covered says that other grants give the member the same for as long, before and
	// after: nobody would notice.
	Covered bool `json:"covered,omitempty"`
}

// PolicyTotals sums up a preview.
type PolicyTotals struct {
	Memberships int              `json:"memberships"` // that were looked at
	Unknown     int              `json:"unknown"`     // of these, whose facts are not known yet: nothing can be said of them
	Members     int              `json:"members"`     // to whom something would change
	Changes     []PolicyTotalRow `json:"changes"`
}

// PolicyTotalRow counts changes of one sort.
type PolicyTotalRow struct {
	Effect  PolicyEffect `json:"effect"`
	PlanID  string       `json:"plan"`
	Reason  string       `json:"reason"`
	Count   int          `json:"count"`
	Covered int          `json:"covered"`
}

// PreviewPolicy tells who would gain or lose what if that catalogue's policy and its
// plans' grace days were in force: each change as it is found, the sums at the end. It
// reads one snapshot of our books in bounded memory and writes nothing.
func (s *Service) PreviewPolicy(ctx context.Context, c Catalog, each func(PolicyChange) error) (PolicyTotals, error) {
	p := preview{now: s.clock(), each: each, counts: map[PolicyTotalRow]*PolicyTotalRow{}}
	err := s.eachMember(ctx, func(r rules, b memberBooks) error {
		p.rules = r.as(c)
		return p.visit(b)
	})
	p.totals.Changes = p.sums()
	return p.totals, err
}

// as are the rules under another catalogue's policy.
func (r rules) as(c Catalog) rules {
	r.policy.Policy = c.Policy
	for id, plan := range r.plans {
		if wanted, said := c.Plans[id]; said {
			plan.GraceDays = wanted.GraceDays
			r.plans[id] = plan
		}
	}
	return r
}

type preview struct {
	now    time.Time
	rules  rules
	each   func(PolicyChange) error
	totals PolicyTotals
	counts map[PolicyTotalRow]*PolicyTotalRow
}

func (p *preview) visit(b memberBooks) error {
	changes, after, err := p.changes(b)
	if err != nil || len(changes) == 0 {
		return err
	}
	p.totals.Members++
	covered := sameAccess(Derive(b.grants, p.now), Derive(after, p.now))
	for _, change := range changes {
		change.Covered = covered
		p.count(change)
		if err := p.each(change); err != nil {
			return err
		}
	}
	return nil
}

// changes are what differs for a member, and the grants as they would be.
func (p *preview) changes(b memberBooks) ([]PolicyChange, []models.Grant, error) {
	var changes []PolicyChange
	after := slices.Clone(b.grants)
	for _, sub := range b.subs {
		p.totals.Memberships++
		if !sub.FactsKnown() {
			p.totals.Unknown++
			continue
		}
		would, err := p.rules.given(sub, b.member)
		if err != nil {
			return nil, nil, err
		}
		for _, was := range b.grants {
			if waits := was.Source == models.FromSubscription && was.SourceRef == sub.ID && was.GraceReason == GraceFirst; waits {
				would = p.orNothing(would, was)
			}
		}
		for _, then := range would {
			change, differs := p.change(b, sub, then)
			after = replaced(after, then)
			if differs {
				changes = append(changes, change)
			}
		}
	}
	return changes, after, nil
}

// orNothing ends the access by a first debit on its way, where nothing gives it any
// more.
func (p *preview) orNothing(would []given, was models.Grant) []given {
	if slices.ContainsFunc(would, func(g given) bool { return g.key.Part == was.Part }) {
		return would
	}
	terms := was.Terms
	terms.GraceUntil = &p.now
	return append(would, given{was, terms})
}

func (p *preview) change(b memberBooks, sub models.Subscription, then given) (PolicyChange, bool) {
	change := PolicyChange{
		MemberID: b.member, SubscriptionID: sub.ID, PlanID: then.key.PlanID,
		To: reach(then.terms, p.now), Reason: string(sub.Status),
	}
	var was models.Terms
	if g := b.grant(sub.ID, then.key.Part); g != nil {
		was, change.From = g.Terms, reach(g.Terms, p.now)
	}
	for _, reason := range []string{then.terms.GraceReason, was.GraceReason, then.terms.RevokedReason, was.RevokedReason} {
		if reason != "" {
			change.Reason = reason // of several the last: a revocation decides over a grace
		}
	}
	switch {
	case change.From == nil && change.To == nil, change.From != nil && change.To != nil && change.From.Equal(*change.To):
		return change, false
	case change.From == nil:
		change.Effect = GainsAccess
	case change.To == nil:
		change.Effect = LosesAccess
	case change.To.After(*change.From):
		change.Effect = LongerAccess
	default:
		change.Effect = ShorterAccess
	}
	return change, true
}

// replaced are the grants with one at other terms; its features stay as sold, and are
// not asked for where it is new.
func replaced(grants []models.Grant, then given) []models.Grant {
	for i, g := range grants {
		if g.Source == then.key.Source && g.SourceRef == then.key.SourceRef && g.Part == then.key.Part {
			then.terms.Tier, then.terms.Rank, then.terms.Features = g.Tier, g.Rank, g.Features
			grants[i].Terms = then.terms
			return grants
		}
	}
	then.key.Terms = then.terms
	then.key.Features = models.Strings{"plan " + then.key.PlanID}
	return append(grants, then.key)
}

// sameAccess says that two answers give the same for as long.
func sameAccess(a, b Entitlements) bool {
	return slices.EqualFunc(a.Features, b.Features, func(x, y Held) bool {
		return x.Feature == y.Feature && x.Until.Equal(y.Until)
	})
}

func (p *preview) count(change PolicyChange) {
	key := PolicyTotalRow{Effect: change.Effect, PlanID: change.PlanID, Reason: change.Reason}
	row := p.counts[key]
	if row == nil {
		row = &PolicyTotalRow{Effect: change.Effect, PlanID: change.PlanID, Reason: change.Reason}
		p.counts[key] = row
	}
	row.Count++
	if change.Covered {
		row.Covered++
	}
}

// sums are the counts, the most frequent first.
func (p *preview) sums() []PolicyTotalRow {
	all := []PolicyTotalRow{}
	for _, row := range p.counts {
		all = append(all, *row)
	}
	slices.SortFunc(all, func(a, b PolicyTotalRow) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Effect, b.Effect), cmp.Compare(a.PlanID, b.PlanID), cmp.Compare(a.Reason, b.Reason))
	})
	return all
}
