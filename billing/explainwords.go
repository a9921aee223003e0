package billing

import (
	"slices"
	"strings"
	"time"

	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// Sentence is something that billing tells the people who work here: the id of a
// message in the catalogue, and the facts that fill its gaps.
type Sentence struct {
	ID   string         `json:"id"`
	Data map[string]any `json:"facts,omitempty"`
}

func say(id string, facts map[string]any) Sentence { return Sentence{id, facts} }

// why is the story of a grant at an instant: where it comes from, how it stands, and
// what comes next.
func (st story) why(g models.Grant, at time.Time) []Sentence {
	all := []Sentence{st.whence(g)}
	if added, was := st.added[g.ID]; was {
		all = append(all, say("why.added", map[string]any{"Date": added}))
	}
	all = append(all, st.standing(g, at))
	if next := st.ahead(g, at); next != nil {
		all = append(all, *next)
	}
	return all
}

func (st story) whence(g models.Grant) Sentence {
	facts := map[string]any{"Plan": g.Tier, "Ref": g.SourceRef, "Date": g.ValidFrom, "Source": string(g.Source)}
	price, sold := st.prices[g.Part]
	note := st.noted(g.ID, auditGrantAdded)
	switch {
	case g.Source == models.FromSubscription && sold && price.Interval == models.Yearly:
		facts["Price"] = money.Of(price.Amount, price.Currency)
		return say("why.from.subscription_yearly", facts)
	case g.Source == models.FromSubscription && sold:
		facts["Price"] = money.Of(price.Amount, price.Currency)
		return say("why.from.subscription_monthly", facts)
	case g.Source == models.FromNewsletter:
		return say("why.from.newsletter", facts)
	case note != nil:
		facts["Actor"], facts["Reason"], facts["Date"] = note.Actor, note.Reason, note.At
		return say("why.from.complimentary", facts)
	}
	return say("why.from.other", facts)
}

// standing is whether a grant gives anything at an instant, and if not, since when
// and why.
func (st story) standing(g models.Grant, at time.Time) Sentence {
	live, grace := liveAt(g, at)
	facts := map[string]any{"Plan": g.Tier}
	switch {
	case at.Before(g.ValidFrom) && (g.RevokedAt == nil || g.RevokedAt.After(g.ValidFrom)):
		facts["Date"] = g.ValidFrom
		return say("why.to_come", facts)
	case live && g.ValidUntil == nil:
		return say("why.without_end", facts)
	case grace:
		return graceWords(g, facts)
	case live && g.Source == models.FromSubscription:
		facts["Date"] = *g.ValidUntil
		return say("why.paid", facts)
	case live:
		facts["Date"] = *g.ValidUntil
		return say("why.until", facts)
	case g.RevokedAt != nil && g.RevokedAt.Equal(end(g)):
		return st.revokedWords(g, facts)
	}
	return st.endedWords(g, facts)
}

func graceWords(g models.Grant, facts map[string]any) Sentence {
	facts["Paid"], facts["Date"], facts["Reason"] = *g.ValidUntil, *g.GraceUntil, g.GraceReason
	switch g.GraceReason {
	case GracePastDue:
		return say("why.grace.past_due", facts)
	case GraceProcessing:
		return say("why.grace.processing", facts)
	case GraceFirst:
		return say("why.grace.first", facts)
	case GraceRenewalDue:
		return say("why.grace.renewal_due", facts)
	}
	return say("why.grace.other", facts)
}

func (st story) revokedWords(g models.Grant, facts map[string]any) Sentence {
	facts["Date"], facts["Reason"] = *g.RevokedAt, g.RevokedReason
	if note := st.noted(g.ID, auditGrantEnded); note != nil && g.RevokedReason == revokedByStaff {
		facts["Actor"], facts["Reason"] = note.Actor, note.Reason
		return say("why.revoked.by_staff", facts)
	}
	lost := st.lostOf(g)
	if lost == nil {
		return say("why.revoked.other", facts)
	}
	facts["Amount"] = lost.amount()
	switch lost.Status {
	case "":
		return say("why.revoked.refunded", facts)
	case models.DisputeLost:
		return say("why.revoked.dispute_lost", facts)
	}
	return say("why.revoked.disputed", facts)
}

// endedWords are those of a grant that has run out, and of its subscription where
// that explains it.
func (st story) endedWords(g models.Grant, facts map[string]any) Sentence {
	facts["Date"] = end(g)
	sub, known := st.subscriptions[g.SourceRef]
	if end(g).After(st.now) {
		return endingWords(sub, facts)
	}
	lost := st.lostAfter(g)
	switch {
	case !known:
		return say("why.ended.ran_out", facts)
	case lost != nil:
		facts["Amount"], facts["Lost"] = lost.amount(), lost.At
		return lost.words(facts)
	case sub.Status == models.Canceled && sub.EndedAt != nil:
		facts["Cancelled"] = *sub.EndedAt
		return say("why.ended.cancelled", facts)
	case sub.Status == models.PastDue || sub.Status == models.Unpaid:
		return say("why.ended.unpaid", facts)
	case sub.PauseCollection != nil || sub.Status == models.Paused:
		return say("why.ended.paused", facts)
	}
	return say("why.ended.ran_out", facts)
}

// endingWords are those of a grant that is to run out.
func endingWords(sub models.Subscription, facts map[string]any) Sentence {
	if charge := nextCharge(sub); !charge.IsZero() {
		facts["Charge"] = charge
		return say("why.ending.unless_renewed", facts)
	}
	return say("why.ending.runs_out", facts)
}

// words are those of a month whose money went back.
func (l lostPayment) words(facts map[string]any) Sentence {
	switch l.Status {
	case "":
		return say("why.ended.refunded", facts)
	case models.DisputeLost:
		return say("why.ended.dispute_lost", facts)
	}
	return say("why.ended.disputed", facts)
}

// ahead is what Stripe will do about a live grant's subscription; nil where nothing
// is known, as of an instant gone by.
func (st story) ahead(g models.Grant, at time.Time) *Sentence {
	sub, known := st.subscriptions[g.SourceRef]
	if live, _ := liveAt(g, at); !live || !known || sub.Status.Ended() {
		return nil
	}
	next := say("why.next.nothing", map[string]any{"Ref": sub.ID})
	switch until, charge := endOf(sub), nextCharge(sub); {
	case sub.PauseCollection != nil:
		next.ID = "why.next.paused"
	case !until.IsZero():
		next.ID, next.Data["Date"] = "why.next.ends", until
	case !charge.IsZero():
		next.ID, next.Data["Date"] = "why.next.renews", charge
	}
	return &next
}

// whyNot says why a feature is not held at an instant: what had it and ended last,
// what will have it, or which plans do.
func (st story) whyNot(feature string, grants []models.Grant, at time.Time) Sentence {
	var last *models.Grant
	for i, g := range grants {
		if slices.Contains(g.Features, feature) && (last == nil || end(g).After(end(*last))) {
			last = &grants[i]
		}
	}
	switch {
	case last != nil:
		return st.standing(*last, at)
	case len(st.plans[feature]) == 0:
		return say("why.never.sold", nil)
	}
	if waiting := st.unpaid(); waiting != nil {
		return *waiting
	}
	return say("why.never.had", map[string]any{"Plans": strings.Join(st.plans[feature], ", ")})
}

// unpaid tells of a membership that was begun and whose first payment has not come;
// nil for none.
func (st story) unpaid() *Sentence {
	for _, sub := range st.subscriptions {
		next := say("why.never.unpaid", map[string]any{"Ref": sub.ID})
		waiting := slices.ContainsFunc(sub.Stretches, func(s models.Stretch) bool { return s.Processing })
		switch {
		case sub.Kind != models.SubscriptionMembership || sub.PaidThrough != nil:
			continue
		case waiting:
			next.ID = "why.never.processing"
			return &next
		case sub.Status == models.Incomplete:
			return &next
		}
	}
	return nil
}
