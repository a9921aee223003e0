package billing

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// Difference is one thing that Stripe and our books tell differently. It holds ids,
// amounts and dates, never an address or a name.
type Difference struct {
	Kind   string     `json:"kind"`             // such as "subscription.differs"
	Object string     `json:"object"`           // the id of what differs
	Member *uuid.UUID `json:"member,omitempty"` // whose it is, as far as our books know
	Words  string     `json:"words"`            // the whole of it, in a sentence

	subject models.SyncSubject // whose sync heals it; without an id none does
	dead    bool               // that sync was given up
}

// Tally says how many differences of each kind there are, kind by kind.
func Tally(counts models.Counts) []Sentence {
	var all []Sentence
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, say("found."+kind, map[string]any{"Count": counts[kind]}))
	}
	return all
}

// subjectsOf are the subjects whose sync heals some differences.
func subjectsOf(found []Difference) []models.SyncSubject {
	var all []models.SyncSubject
	for _, each := range found {
		if each.subject.ID != "" {
			all = append(all, each.subject)
		}
	}
	return all
}

// aspect is one side of an object as Stripe tells it and as our books do.
type aspect struct{ stripe, ours string }

// contrast is the sentence about what differs between both, or "" where nothing does.
func contrast(aspects []aspect) string {
	var stripe, ours []string
	for _, each := range aspects {
		if each.stripe != each.ours {
			stripe, ours = append(stripe, each.stripe), append(ours, each.ours)
		}
	}
	if len(stripe) == 0 {
		return ""
	}
	return "Stripe says " + strings.Join(stripe, " and ") + "; our books say " + strings.Join(ours, " and ")
}

// ofMember is how a sentence names whose something is.
func ofMember(member *uuid.UUID) string {
	if member == nil {
		return ""
	}
	return fmt.Sprintf(" (member %s)", member)
}

// on is a day in words. Days are UTC's, as in Stripe's reports.
func on(at time.Time) string { return at.UTC().Format("2 January 2006") }

// moment is a day and its minute, where two may lie on one day.
func moment(at time.Time) string { return at.UTC().Format("2 January 2006 15:04 UTC") }

func amountOf(minor int64, currency string) string { return money.Of(minor, currency).String() }

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
