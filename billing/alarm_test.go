package billing_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/limits"
	"newsroom.example/membership/models"
)

// alarmed has two processes look for what is alarming, twice, and answers the lines of
// errors that they logged.
func (n *newsroom) alarmed() func() []string {
	var log bytes.Buffer
	to := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	var both []*billing.Service
	for range 2 {
		s := n.served(billing.Stripe(simtest.Key, n.stripe.URL), billing.Config{}, to)
		s.CountBy(billing.Till{Limits: limits.New([]byte("pepper"), n.clock.now)})
		both = append(both, s)
	}
	return func() []string {
		for _, s := range slices.Concat(both, both) {
			if err := s.RaiseAlarms(n.t.Context()); err != nil {
				n.t.Fatal(err)
			}
		}
		lines := slices.Collect(strings.Lines(log.String()))
		log.Reset()
		return lines
	}
}

func TestManyDeclinedPaymentsAreAnAlarm(t *testing.T) {
	t.Parallel()
	n := open(t)
	errors := n.alarmed()
	try := func(times int, card string) {
		for range times {
			n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), card)
		}
		n.settle()
	}
	declined := func() []string {
		return slices.DeleteFunc(n.examine(false), func(w string) bool { return !strings.Contains(w, "declined") })
	}
	try(19, simtest.Declined)
	try(21, simtest.Pays)
	n.want("19 of 40", len(errors())+len(declined()), 0)
	try(1, simtest.Declined)
	n.want("20 of 41 are no half", len(errors())+len(declined()), 0)
	try(1, simtest.Declined)
	lines := errors()
	if len(lines) != 1 || !strings.Contains(lines[0], "21 of 42 payments of the last hour were declined") {
		t.Errorf("the log says %q", lines)
	}
	if words := declined(); len(words) != 1 || !strings.HasPrefix(words[0], "21 of 42 payments of the last hour were declined") {
		t.Errorf("the doctor says %q", words)
	}
	n.want("a second line within the hour", len(errors()), 0)
	n.pass(time.Hour)
	n.want("an hour later", len(errors())+len(declined()), 0)
}

func TestPagesThatNobodyPaysAreAnAlarm(t *testing.T) {
	t.Parallel()
	n := open(t)
	errors := n.alarmed()
	pages := make([]string, 105)
	for i := range pages {
		pages[i] = n.give(gift(nil, "5", models.Once))
	}
	for _, page := range pages[:5] {
		n.stripe.Pay(t, page, simtest.Pays)
	}
	n.settle()
	n.want("while they are open", len(errors()), 0)
	n.pass(time.Hour)
	if lines := errors(); len(lines) != 1 || !strings.Contains(lines[0], "100 of 105 payment pages that ran out within the last hour were left unpaid") {
		t.Errorf("the log says %q", lines)
	}
	if words := n.examine(false); !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "100 of 105 payment pages") }) {
		t.Errorf("the doctor says %q", words)
	}
	n.pass(time.Hour)
	n.want("an hour later", len(errors()), 0)
}
