package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/models"
)

type reconcileCmd struct {
	Events  bool   `help:"Only the events that were never delivered."`
	Objects bool   `help:"Only the subscriptions, however old."`
	Money   bool   `help:"Only the charges, refunds and disputes of the last 35 days."`
	Since   string `placeholder:"TIME" help:"Begin anew and look back to there, for --events (30 days at most) and --money: a day, a time, or -3d."`
	Wait    bool   `help:"Sync what was found, and come back when it is done."`
}

// Help is kong's long help.
func (reconcileCmd) Help() string {
	return `The running service does the same by itself: events every five minutes, objects
every hour, money every day. What differs from Stripe is marked and then synced by the
service, or by this command with --wait, beside the service or without it.

It may be stopped at any time: run it again, and it goes on where it stopped.

Examples:
  membership reconcile --wait
  membership reconcile --money --since -90d`
}

// Run goes through Stripe's lists to their ends.
func (c reconcileCmd) Run(s *streams) error {
	since, err := c.since(s.clocks.Newsroom())
	if err != nil {
		return err
	}
	bill, done, err := s.billing()
	if err != nil {
		return err
	}
	defer done()
	for _, name := range c.sweeps() {
		if err := c.sweep(s, bill, name, since); err != nil {
			return cutOff(s, err)
		}
	}
	if !c.Wait {
		fmt.Fprintln(s.stdout, "What differs is marked, and synced by the running service. Without one: membership reconcile --wait")
		return nil
	}
	return cutOff(s, syncDue(s, bill))
}

func (c reconcileCmd) since(now time.Time) (*time.Time, error) {
	if c.Since == "" {
		return nil, nil
	}
	if len(c.sweeps()) > 1 || c.Objects {
		return nil, &usageError{errors.New("--since is for --events or --money, one at a time: subscriptions are always looked at whole, because what was cancelled today may have begun years ago")}
	}
	since, err := readInstant(c.Since, now)
	if err == nil && since.After(now) {
		err = &usageError{fmt.Errorf("--since %s lies in the future", c.Since)}
	}
	return &since, err
}

// sweeps are those that were asked for; without a choice all.
func (c reconcileCmd) sweeps() []models.SweepName {
	chosen := map[models.SweepName]bool{models.SweepEvents: c.Events, models.SweepObjects: c.Objects, models.SweepMoney: c.Money}
	names := slices.DeleteFunc(slices.Clone(billing.Sweeps), func(name models.SweepName) bool { return !chosen[name] })
	if len(names) == 0 {
		return billing.Sweeps
	}
	return names
}

func (c reconcileCmd) sweep(s *streams, bill *billing.Service, name models.SweepName, since *time.Time) error {
	bar := s.progress(sweepWords[name])
	defer bar.end()
	row, err := bill.Sweep(s.ctx, name, since, func(row models.Sweep) { bar.set(row.Listed) })
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "%s: looked at %d, %s.\n", sweepWords[name], row.Listed, s.foundWords(row.Drift))
	return nil
}

// sweepWords are what each sweep goes through.
var sweepWords = map[models.SweepName]string{
	models.SweepEvents:  "events",
	models.SweepObjects: "subscriptions",
	models.SweepMoney:   "charges, refunds and disputes",
}

// foundWords are counts by kind in words.
func (s *streams) foundWords(counts models.Counts) string {
	if counts.Sum() == 0 {
		return "nothing differs"
	}
	var each []string
	for _, kind := range billing.Tally(counts) {
		each = append(each, s.tell(kind))
	}
	return "found " + strings.Join(each, ", ")
}

// syncDue works the sync lane until nothing is due.
func syncDue(s *streams, bill *billing.Service) error {
	bar := s.progress("sync")
	synced, waiting, err := bill.SyncDue(s.ctx, bar.set)
	bar.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "Synced %d.\n", synced)
	if waiting > 0 {
		fmt.Fprintf(s.stdout, "%d could not be synced yet and will be tried again by the running service.\n", waiting)
	}
	return nil
}

// cutOff says what to do after an end before the end.
func cutOff(s *streams, err error) error {
	if err != nil && s.ctx.Err() != nil {
		return errors.New("stopped; run it again, and it goes on from here")
	}
	return err
}
