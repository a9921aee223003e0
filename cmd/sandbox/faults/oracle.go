package faults

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// allowances are what a row does on purpose, so that the oracle does not hold it
// against the service.
type allowances struct {
	dead         int  // subjects that are given up
	owed         bool // subjects that cannot be synced yet
	undelivered  bool // events that never arrive
	sameMails    bool // the same mail more than once
	twoLive      bool // two memberships of one reader at a time
	strangeMoney bool // rows in the ledger that Stripe does not know
}

// finding is what the oracle holds against the service.
type finding string

// oracle looks at the world once things are quiet: at Stripe by its API, at the
// database by plain SQL, at the service as its readers do. It knows nothing of
// billing.
type oracle struct {
	*world
	truth    truth
	owners   map[string]uuid.UUID // reader by customer at Stripe
	findings []finding
}

func (o *oracle) find(format string, args ...any) {
	o.findings = append(o.findings, finding(fmt.Sprintf(format, args...)))
}

// judge runs every check and answers what it found.
func (w *world) judge(ctx context.Context) ([]finding, error) {
	o := &oracle{world: w}
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

// readTruth asks the simulator for everything, as anybody with the key can.
func (o *oracle) readTruth(ctx context.Context) (err error) {
	t := &o.truth
	if t.subscriptions, err = listAll[subscription](ctx, o.api, "/v1/subscriptions", url.Values{"status": {"all"}}); err != nil {
		return err
	}
	if t.invoices, err = listAll[invoice](ctx, o.api, "/v1/invoices", nil); err != nil {
		return err
	}
	charges, err := listAll[charge](ctx, o.api, "/v1/charges", chargesOf(""))
	if err != nil {
		return err
	}
	t.charges = map[string]charge{}
	for _, c := range charges { // newest first
		if _, later := t.charges[c.PaymentIntent]; !later {
			t.charges[c.PaymentIntent] = c
		}
	}
	intents, err := listAll[paymentIntent](ctx, o.api, "/v1/payment_intents", nil)
	if err != nil {
		return err
	}
	t.intents = map[string]paymentIntent{}
	for _, p := range intents {
		t.intents[p.ID] = p
	}
	return o.readDisputes(ctx)
}

func (o *oracle) readDisputes(ctx context.Context) error {
	all, err := listAll[dispute](ctx, o.api, "/v1/disputes", nil)
	if err != nil {
		return err
	}
	o.truth.disputes = map[string]dispute{}
	for _, d := range all { // newest first
		if _, later := o.truth.disputes[d.Charge]; !later {
			o.truth.disputes[d.Charge] = d
		}
	}
	return nil
}

// readOwners binds customers to readers: as the harness made them, by what the
// customer carries, or by the intent that its subscription was bought with.
func (o *oracle) readOwners(ctx context.Context) error {
	o.owners = maps.Clone(o.world.owners)
	if o.owners == nil {
		o.owners = map[string]uuid.UUID{}
	}
	customers, err := listAll[customer](ctx, o.api, "/v1/customers", nil)
	if err != nil {
		return err
	}
	for _, c := range customers {
		if id, err := uuid.Parse(c.Metadata["member_id"]); err == nil {
			o.owners[c.ID] = id
		}
	}
	for _, s := range o.truth.subscriptions {
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
		} else if len(o.truth.spans(s, o.shop.prices)) > 0 {
			o.find("subscription %s was paid for and belongs to nobody", s.ID)
		}
	}
	return nil
}

type customer struct {
	ID       string
	Metadata map[string]string
}

func (c customer) id() string { return c.ID }

// durable: what was answered with 2xx is in the database, and, unless the row lost
// some on purpose, everything that Stripe told was answered so.
func (o *oracle) durable(ctx context.Context) error {
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

// settled: no lease is left, nothing is owed, nothing was given up.
func (o *oracle) settled(ctx context.Context) error {
	var subjects, leased, owed, dead int
	err := o.db.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE lease_token IS NOT NULL),
		count(*) FILTER (WHERE dirty > synced AND dead_at IS NULL), count(*) FILTER (WHERE dead_at IS NOT NULL) FROM sync_subjects`).
		Scan(&subjects, &leased, &owed, &dead)
	if err != nil {
		return fmt.Errorf("look at the subjects: %w", err)
	}
	if leased > 0 {
		o.find("%d leases are left", leased)
	}
	if owed > 0 && !o.allowed.owed {
		o.find("%d subjects are still owed a sync", owed)
	}
	if dead != o.allowed.dead {
		o.find("%d subjects were given up, want %d", dead, o.allowed.dead)
	}
	o.checked.add("subjects", subjects)
	return nil
}

// entitled: every reader may read what Stripe's present state says, as the service
// itself tells it to the reader's browser, and for as long.
func (o *oracle) entitled(ctx context.Context) error {
	want := map[uuid.UUID][]span{}
	for _, s := range o.truth.subscriptions {
		if member, known := o.owners[s.Customer]; known {
			want[member] = append(want[member], o.truth.spans(s, o.shop.prices)...)
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

func (o *oracle) reads(ctx context.Context, member uuid.UUID, spans []span) (wrong string, err error) {
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
	want := held(spans, o.clock.Now())
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
func (o *oracle) oneMembership(context.Context) error {
	live := map[uuid.UUID][]string{}
	for _, s := range o.truth.subscriptions {
		member, known := o.owners[s.Customer]
		ours := known && o.shop.prices[s.Items.Data[0].Price.ID].id != ""
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

// oneNotice: no mail was sent twice, and no job waits that has been done.
func (o *oracle) oneNotice(context.Context) error {
	times := map[string]int{}
	mails := o.mails.Mails()
	for _, m := range mails {
		times[m.To+"\x00"+m.Subject+"\x00"+m.Text]++
	}
	for mail, n := range times {
		if n > 1 && !o.allowed.sameMails {
			to, _, _ := strings.Cut(mail, "\x00")
			o.find("%s was sent the same mail %d times", to, n)
		}
	}
	o.checked.add("mails", len(mails))
	return nil
}
