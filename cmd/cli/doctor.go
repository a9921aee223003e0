package cli

import (
	"encoding/json"
	"fmt"
	"strings"

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
failed, errands that wait for you, the webhook endpoint, the clock; and an hour in which
somebody seems to try stolen cards. Changes nothing without --repair, which asks Stripe
anew; what that cannot heal says what to do.

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
		return fmt.Errorf("%d findings: Stripe and our books are not equal, or something waits for you", n)
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
	bar, seen := s.progress("looking"), looked{}
	x.Looked = func(of string, objects int) {
		if seen.add(of, objects) {
			bar.end()
			bar = s.progress(of)
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
	if err == nil {
		c.sum(s, findings, seen)
	}
	return findings, err
}

// sum says what was looked at, what was found, and what could not be judged.
func (c doctorCmd) sum(s *streams, findings billing.Findings, seen looked) {
	if findings.Differences.Sum() > 0 {
		c.say(s, "")
	}
	c.say(s, "The doctor looked at %s, and %s.", seen, s.foundWords(findings.Differences))
	if findings.Unjudged > 0 {
		c.say(s, "The grants of %d memberships could not be judged: our books learn what was paid for at their next sync, within hours. Look again then.", findings.Unjudged)
	}
	if findings.Unasked > 0 {
		c.say(s, "%d more that Stripe did not list were not asked for one by one. See to those above first, then look again.", findings.Unasked)
	}
}

// looked are the lists that the doctor went through, in order, and how much was on each.
type looked []struct {
	list    string
	objects int
}

// add says whether the list is a new one.
func (l *looked) add(list string, objects int) bool {
	if last := len(*l) - 1; last >= 0 && (*l)[last].list == list {
		(*l)[last].objects += objects
		return false
	}
	*l = append(*l, struct {
		list    string
		objects int
	}{list, objects})
	return true
}

func (l looked) String() string {
	var each []string
	for _, one := range l {
		each = append(each, fmt.Sprintf("%s (%d)", one.list, one.objects))
	}
	return strings.Join(each, ", ")
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
