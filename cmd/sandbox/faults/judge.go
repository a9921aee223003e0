package faults

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/oracle"
)

// allowances are what a row does on purpose, so that the oracle does not hold it
// against the service.
type allowances struct {
	dead         int  // subjects that are given up
	owed         bool // subjects that cannot be synced yet
	undelivered  bool // events that never arrive
	moreMails    bool // mails that nothing calls for
	twoLive      bool // two memberships of one reader at a time
	strangeMoney bool // rows in the ledger that Stripe does not know
}

// finding is what the oracle holds against the service.
type finding string

// judge looks at the world once things are quiet: at Stripe by its API, at the
// database by plain SQL, at the service as its readers do. It knows nothing of
// billing.
type judge struct {
	*world
	truth    oracle.Truth
	owners   map[string]uuid.UUID // reader by customer at Stripe
	findings []finding
}

func (o *judge) find(format string, args ...any) {
	o.findings = append(o.findings, finding(fmt.Sprintf(format, args...)))
}

// judge runs every check and answers what it found.
func (w *world) judge(ctx context.Context) ([]finding, error) {
	o := &judge{world: w}
	for _, step := range []func(context.Context) error{
		o.readTruth, o.readOwners,
		o.durable, o.settled, o.ledger, o.entitled, o.oneMembership, o.oneNotice,
	} {
		if err := step(ctx); err != nil {
			return o.findings, err
		}
	}
	return o.findings, nil
}

func (o *judge) readTruth(ctx context.Context) (err error) {
	o.truth, err = oracle.Read(ctx, o.api)
	return err
}

// readOwners binds customers to readers: as the harness made them, by what the
// customer carries, or by the intent that its subscription was bought with.
func (o *judge) readOwners(ctx context.Context) error {
	o.owners = maps.Clone(o.world.owners)
	if o.owners == nil {
		o.owners = map[string]uuid.UUID{}
	}
	for _, c := range o.truth.Customers {
		if id, err := uuid.Parse(c.Metadata["member_id"]); err == nil {
			o.owners[c.ID] = id
		}
	}
	for _, s := range o.truth.Subscriptions {
		intent, err := uuid.Parse(s.Metadata["intent_id"])
		if _, known := o.owners[s.Customer]; known || err != nil {
			continue
		}
		var member *uuid.UUID
		if err := o.db.QueryRow(ctx, "SELECT member_id FROM checkout_intents WHERE id = $1", intent).Scan(&member); err != nil {
			return fmt.Errorf("look for the intent of %s: %w", s.ID, err)
		}
		if member != nil {
			o.owners[s.Customer] = *member
		} else if len(o.truth.Spans(s, o.shop.prices)) > 0 {
			o.find("subscription %s was paid for and belongs to nobody", s.ID)
		}
	}
	return nil
}

// durable: what was answered with 2xx is in the database, and, unless the row lost
// some on purpose, everything that Stripe told was answered so.
func (o *judge) durable(ctx context.Context) error {
	acked := o.door.acknowledged()
	rows, err := o.db.Query(ctx, "SELECT acked FROM unnest($1::text[]) acked WHERE NOT EXISTS (SELECT FROM stripe_events e WHERE e.id = acked)", acked)
	if err != nil {
		return fmt.Errorf("look for acknowledged events: %w", err)
	}
	lost, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for acknowledged events: %w", err)
	}
	for _, event := range lost {
		o.find("event %s was acknowledged and is not in the database", event)
	}
	o.checked.add("acknowledged events", len(acked))
	if o.allowed.undelivered {
		return nil
	}
	for _, e := range o.sim.Events() {
		if e.Pending > 0 {
			o.find("event %s (%s) was never taken", e.ID, e.Type)
		}
	}
	return nil
}

// settled: no lease is left (but those of second looks, which go on), nothing is owed to readers or to Stripe, nothing was given
// up.
func (o *judge) settled(ctx context.Context) error {
	var subjects, leased, owed, dead, errands int
	err := o.db.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE lease_until <= $1),
		count(*) FILTER (WHERE dirty > synced AND dead_at IS NULL), count(*) FILTER (WHERE dead_at IS NOT NULL),
		(SELECT count(*) FROM errands WHERE status IN ('owed', 'refused') OR lease_token IS NOT NULL) FROM sync_subjects`, time.Now()).
		Scan(&subjects, &leased, &owed, &dead, &errands)
	if err != nil {
		return fmt.Errorf("look at the subjects: %w", err)
	}
	if leased > 0 {
		o.find("%d leases are left", leased)
	}
	if owed > 0 && !o.allowed.owed {
		o.find("%d subjects are still owed a sync", owed)
	}
	if errands > 0 {
		o.find("%d errands at Stripe are not done", errands)
	}
	if dead != o.allowed.dead {
		o.find("%d subjects were given up, want %d", dead, o.allowed.dead)
	}
	o.checked.add("subjects", subjects)
	return nil
}

// entitled: every reader may read what Stripe's present state says, as the service
// itself tells it to the reader's browser, and for as long.
func (o *judge) entitled(ctx context.Context) error {
	want := map[uuid.UUID][]oracle.Span{}
	for _, s := range o.truth.Subscriptions {
		if member, known := o.owners[s.Customer]; known {
			want[member] = append(want[member], o.truth.Spans(s, o.shop.prices)...)
		}
	}
	for _, member := range o.owners { // also those whose customer bought nothing
		want[member] = append(want[member], nil...)
	}
	readers := make([]uuid.UUID, 0, len(want))
	for member := range want {
		readers = append(readers, member)
	}
	said := make(chan finding, len(readers))
	err := each(readers, 4, func(member uuid.UUID) error {
		found, err := o.reads(ctx, member, want[member])
		if err == nil && found != "" {
			said <- finding(found)
		}
		return err
	})
	close(said)
	for f := range said {
		o.findings = append(o.findings, f)
	}
	o.checked.add("readers", len(readers))
	return err
}

func (o *judge) reads(ctx context.Context, member uuid.UUID, spans []oracle.Span) (wrong string, err error) {
	p := &person{world: o.world, member: member}
	if err := p.signIn(ctx); err != nil {
		return "", fmt.Errorf("let reader %s in: %w", member, err)
	}
	told, err := p.me(ctx)
	if err != nil {
		return "", err
	}
	have := map[string]time.Time{}
	for _, e := range told.Entitlements {
		if e.Until != nil {
			have[e.Feature] = *e.Until
		}
	}
	want := oracle.Held(spans, o.clock.Now())
	if said, should := readable(have), readable(want); said != should {
		return fmt.Sprintf("reader %s may read [%s], by Stripe's state [%s]", member, said, should), nil
	}
	return "", nil
}

// readable is a text for each set of features, the same for the same set.
func readable(open map[string]time.Time) string {
	var words []string
	for feature, until := range open {
		words = append(words, feature+" until "+until.UTC().Format(time.RFC3339))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// oneMembership: no reader pays for two at a time.
func (o *judge) oneMembership(context.Context) error {
	live := map[uuid.UUID][]string{}
	for _, s := range o.truth.Subscriptions {
		member, known := o.owners[s.Customer]
		ours := known && o.shop.prices[s.Items.Data[0].Price.ID].ID != ""
		if ours && slices.Contains([]string{"trialing", "active", "past_due"}, s.Status) {
			live[member] = append(live[member], s.ID)
		}
	}
	for member, all := range live {
		if len(all) > 1 && !o.allowed.twoLive {
			o.find("reader %s has %d memberships at a time: %v", member, len(all), all)
		}
	}
	o.checked.add("live memberships", len(live))
	return nil
}
