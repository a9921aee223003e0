package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"newsroom.example/membership/billing"
)

type eventsListCmd struct {
	Pending bool   `xor:"which" help:"Customers that wait for their turn."`
	Failing bool   `xor:"which" help:"Customers whose sync fails, and is tried again."`
	Dead    bool   `xor:"which" help:"Customers whose sync was given up after a day of failures."`
	Since   string `xor:"which" placeholder:"TIME" help:"Events from then on: 24h, 2026-05-03, or an instant."`
	Subject string `placeholder:"ID" help:"Events of one customer (cus_) or guest's payment (pi_)."`
	Limit   int    `default:"50" help:"How many, at most."`
	JSON    bool   `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (eventsListCmd) Help() string {
	return `Without a choice, the events of the last day. Nothing personal is kept of an event, and nothing
is shown.

Example: membership events list --dead`
}

// Run lists events, or subjects in a state.
func (c eventsListCmd) Run(s *streams) error {
	if c.Limit < 1 {
		return &usageError{fmt.Errorf("--limit is below 1")}
	}
	since, err := readSince(c.Since, s.clocks.Newsroom())
	if err != nil {
		return err
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	if state := c.state(); state != "" {
		return c.subjects(s, bill, state)
	}
	events, more, err := bill.Events(s.ctx, since, c.Subject, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(map[string]any{"events": events, "more": more})
	}
	s.printEvents(events)
	s.printMore(len(events), more, "Nothing came in.")
	return nil
}

// readSince is when a list begins: a day ago, unless somebody says. "24h" is short
// for "-24h".
func readSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now.Add(-24 * time.Hour), nil
	}
	if _, short := readAgo("-" + text); short && !strings.Contains(text, "-") {
		text = "-" + text
	}
	since, err := readInstant(text, now)
	if err != nil {
		return since, &usageError{err}
	}
	return since, nil
}

func (c eventsListCmd) state() billing.SyncState {
	switch {
	case c.Pending:
		return billing.SyncPending
	case c.Failing:
		return billing.SyncFailing
	case c.Dead:
		return billing.SyncDead
	}
	return ""
}

func (c eventsListCmd) subjects(s *streams, bill *billing.Service, state billing.SyncState) error {
	subjects, more, err := bill.Subjects(s.ctx, state, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(map[string]any{"subjects": subjects, "more": more})
	}
	s.table(func(w io.Writer) {
		for _, subject := range subjects {
			fmt.Fprintf(w, "%s\t%s\t%s\n", subject.ID, courseOfSync(subject), subject.LastError)
		}
	})
	s.printMore(len(subjects), more, "Nothing is "+string(state)+".")
	if state == billing.SyncDead && len(subjects) > 0 {
		fmt.Fprintln(s.stdout, "Once the cause is mended: membership events replay --dead --reason TEXT")
	}
	return nil
}

func (s *streams) printEvents(events []billing.EventLine) {
	s.table(func(w io.Writer) {
		for _, e := range events {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", shown(e.ReceivedAt), e.ID, e.Type, e.ObjectID, e.SubjectID, e.State)
		}
	})
}

func (s *streams) printMore(count int, more bool, none string) {
	switch {
	case count == 0:
		fmt.Fprintln(s.stdout, none)
	case more:
		fmt.Fprintf(s.stdout, "There are more than these %d: say --limit.\n", count)
	}
}

// courseOfSync says where a subject stands, in words.
func courseOfSync(s billing.SubjectLine) string {
	switch s.State {
	case billing.SyncDead:
		return "given up on " + shownOr(s.DeadAt, "")
	case billing.SyncFailing:
		return fmt.Sprintf("fails since %s, tried %d times, again at %s", shownOr(s.FailingSince, ""), s.Attempts, shown(s.NextAt))
	case billing.SyncPending:
		return "waits for its turn"
	}
	return "synced " + shownOr(s.SyncedAt, "never")
}

type eventsShowCmd struct {
	ID   string `arg:"" help:"An event (evt_), a customer (cus_) or a guest's payment (pi_)."`
	JSON bool   `name:"json" help:"For programs."`
}

// Help is kong's long help.
func (eventsShowCmd) Help() string {
	return `Where its sync stands, why it failed, and the newest events about it.

Example: membership events show cus_NffrFeUfNV2Hib`
}

// recentEvents is how many events of a subject are shown.
const recentEvents = 20

// Run shows an event's subject, or a subject, with its events.
func (c eventsShowCmd) Run(s *streams) error {
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	id := c.ID
	if strings.HasPrefix(id, "evt_") {
		event, err := bill.Event(s.ctx, id)
		if err != nil {
			return err
		}
		if event.SubjectID == "" || c.JSON {
			return c.only(s, event)
		}
		s.printEvents([]billing.EventLine{event})
		id = event.SubjectID
	}
	subject, err := bill.Subject(s.ctx, id)
	if err != nil {
		return err
	}
	events, _, err := bill.Events(s.ctx, time.Time{}, id, recentEvents)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(map[string]any{"subject": subject, "events": events})
	}
	fmt.Fprintf(s.stdout, "%s: %s. %s\n\nIts newest events:\n", subject.ID, courseOfSync(subject), subject.LastError)
	s.printEvents(events)
	return nil
}

func (c eventsShowCmd) only(s *streams, event billing.EventLine) error {
	if c.JSON {
		return s.json(event)
	}
	s.printEvents([]billing.EventLine{event})
	return nil
}

type eventsReplayCmd struct {
	Event   string `xor:"which" required:"" placeholder:"EVENT" help:"What this event is about."`
	Subject string `xor:"which" required:"" placeholder:"ID" help:"This customer (cus_) or guest's payment (pi_)."`
	Since   string `xor:"which" required:"" placeholder:"TIME" help:"Everything that came in from then on: 24h, 2026-05-03, or an instant."`
	Dead    bool   `xor:"which" required:"" help:"Everything that was given up."`
	Reason  string `placeholder:"TEXT" help:"Why. It stays in the audit log."`
	DryRun  bool   `help:"Say how many, and change nothing."`
}

// Help is kong's long help.
func (eventsReplayCmd) Help() string {
	return `Marks customers to be synced with Stripe's present state; the running service does the work,
within seconds. Syncing somebody twice changes nothing.

Example: membership events replay --dead --reason 'The key had no permission for disputes'`
}

// Run marks, and says how many.
func (c eventsReplayCmd) Run(s *streams) error {
	replay := billing.Replay{Event: c.Event, Subject: c.Subject, Dead: c.Dead, By: billing.Why{Actor: s.actor, Reason: c.Reason}}
	if c.Since != "" {
		since, err := readSince(c.Since, s.clocks.Newsroom())
		if err != nil {
			return err
		}
		replay.Since = since
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	if c.DryRun {
		count, err := bill.PlanReplay(s.ctx, replay)
		if err == nil {
			fmt.Fprintf(s.stdout, "%d would be synced once more; nothing was changed (--dry-run).\n", count)
		}
		return err
	}
	count, err := bill.Replay(s.ctx, replay)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "%d marked. The running service syncs them now; membership events list --pending shows what is left.\n", count)
	return nil
}
