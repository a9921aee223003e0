package cli

import (
	"encoding/json"
	"fmt"

	"newsroom.example/membership/billing"
)

type doctorCmd struct {
	Repair bool   `help:"Ask Stripe anew for whatever differs, look again, and say what healed."`
	Since  string `placeholder:"TIME" help:"How far back money is compared (default: 35 days): a day, or -90d."`
	JSON   bool   `name:"json" help:"For programs: one object per line, the last one the summary."`
}

// Help is kong's long help.
func (doctorCmd) Help() string {
	return `Holds Stripe beside our books and tells every difference in a sentence: subscriptions,
payments, refunds, disputes, the sums of each day, grants against the policy, syncs that
failed, the webhook endpoint, the clock. Changes nothing without --repair.

Something that happens at Stripe while it looks may show as a difference; look again.

Exit code 0: equal. 1: there are differences (after --repair: that did not heal).

Examples:
  membership doctor
  membership doctor --repair --as night-shift`
}

// Run looks, and with --repair heals and looks again.
func (c doctorCmd) Run(s *streams) error {
	x := billing.Examination{Repair: c.Repair, Actor: s.actor}
	if c.Since != "" {
		var err error
		if x.Since, err = readInstant(c.Since, s.clocks.Newsroom()); err != nil {
			return err
		}
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	findings, err := c.look(s, bill, x)
	if err == nil && c.Repair && findings.Differences.Sum() > 0 {
		findings, err = c.heal(s, bill, x, findings)
	}
	if err != nil {
		return cutOff(s, err)
	}
	if n := findings.Differences.Sum(); n > 0 {
		return fmt.Errorf("%d differences between Stripe and our books", n)
	}
	c.say(s, "Stripe and our books are equal.")
	return nil
}

// say is for people alone.
func (c doctorCmd) say(s *streams, format string, values ...any) {
	if !c.JSON {
		fmt.Fprintf(s.stdout, format+"\n", values...)
	}
}

// look examines once and tells.
func (c doctorCmd) look(s *streams, bill *billing.Service, x billing.Examination) (billing.Findings, error) {
	bar, list := s.progress("looking"), ""
	x.Looked = func(of string, objects int) {
		if of != list {
			bar.end()
			bar, list = s.progress(of), of
		}
		bar.add(objects)
	}
	lines := json.NewEncoder(s.stdout)
	x.Found = func(d billing.Difference) error {
		if c.JSON {
			return lines.Encode(d)
		}
		_, err := fmt.Fprintln(s.stdout, d.Words)
		return err
	}
	findings, err := bill.Examine(s.ctx, x)
	bar.end()
	if err == nil && c.JSON {
		err = lines.Encode(findings)
	}
	if err == nil && findings.Differences.Sum() > 0 {
		c.say(s, "\nThe doctor %s.", foundWords(findings.Differences))
	}
	return findings, err
}

// heal syncs what was marked and looks again.
func (c doctorCmd) heal(s *streams, bill *billing.Service, x billing.Examination, before billing.Findings) (billing.Findings, error) {
	c.say(s, "Repairing: %d customers and payments are asked for anew at Stripe.", before.Marked)
	bar := s.progress("sync")
	_, waiting, err := bill.SyncDue(s.ctx, bar.set)
	bar.end()
	if err != nil {
		return before, err
	}
	if waiting > 0 {
		c.say(s, "%d could not be synced yet and will be tried again by the running service.", waiting)
	}
	c.say(s, "Looking again.\n")
	x.Repair = false
	after, err := c.look(s, bill, x)
	if err == nil {
		healed := max(before.Differences.Sum()-after.Differences.Sum(), 0)
		c.say(s, "Healed: %d of %d.", healed, before.Differences.Sum())
	}
	return after, err
}
