// Package tour walks through a running sandbox as its readers would: an HTTP client
// opens the pages, fills in the forms that it finds there, follows the links of the
// mails, and lets time pass on the control page. It knows three addresses and the
// words that the pages should say, and touches nothing of what is behind them, so
// that whatever it reports was seen from outside.
package tour

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"newsroom.example/membership/locale"
)

// Places says where a running sandbox is. It must be a fresh one, that nobody else
// uses meanwhile: its clock is moved by months.
type Places struct {
	// Members, News and Control are the origins of the service, of the newspaper
	// and of the control page.
	Members, News, Control string
	// Transport reaches them.
	Transport http.RoundTripper
	// Staff is the service's command line, as the newsroom's staff has it.
	Staff func(ctx context.Context, args ...string) (printed string, err error)
}

// journey is what one reader goes through, step by step. To add one, write a
// function that returns it, in a file of its own, and name it in journeys.
type journey struct {
	title string
	steps []step
}

// step does something and answers what was seen. An error says what was wanted and
// what was seen instead; the journey ends there.
type step struct {
	name string
	do   func(context.Context) (seen string, err error)
}

func (t *tour) journeys() []journey {
	return []journey{
		t.joining(), t.reading(), t.newsletter(), t.giving(), t.signingIn(), t.declined(),
		t.unheard(), t.failing(), t.cancelling(), t.refunding(), t.disputing(), t.healing(), t.cookies(),
	}
}

// language is that of every browser of the tour.
const language = "en-GB"

// tour is one walk. Its journeys come one after the other and share the clock.
type tour struct {
	Places
	witness *witness
	out     io.Writer
	mails   map[string]int // read so far, by address
	words   locale.Locale  // what the service's pages say, in a reader's language

	steps  int      // taken so far
	failed []string // their names

	ada *reader // became a member in the first journey
}

// Run walks through all journeys and prints each step with what was seen. It
// returns nil only if each was as it should be.
func Run(ctx context.Context, places Places, out io.Writer) error {
	messages, err := locale.New()
	if err != nil {
		return err
	}
	t := &tour{
		Places: places, witness: &witness{next: places.Transport}, out: out,
		mails: map[string]int{}, words: messages.For(language),
	}
	begun := time.Now()
	for _, j := range t.journeys() {
		t.walk(ctx, j)
		if ctx.Err() != nil {
			return fmt.Errorf("the tour was broken off: %w", ctx.Err())
		}
	}
	if len(t.failed) > 0 {
		return fmt.Errorf("the tour did not see what it should: %s", strings.Join(t.failed, ", "))
	}
	fmt.Fprintf(out, "\nAll %d steps were as they should be, in %.1f s.\n", t.steps, time.Since(begun).Seconds())
	return nil
}

// walk goes through a journey, up to the first step that fails.
func (t *tour) walk(ctx context.Context, j journey) {
	fmt.Fprintf(t.out, "\n%s\n", j.title)
	for _, s := range j.steps {
		t.steps++
		seen, err := s.do(ctx)
		if err != nil {
			seen = "NOT AS IT SHOULD BE: " + err.Error()
			t.failed = append(t.failed, s.name)
		}
		t.print(s.name, seen)
		if err != nil {
			return
		}
	}
}

// print sets what was seen beside the step, line under line.
func (t *tour) print(name, seen string) {
	for i, line := range strings.Split(seen, "\n") {
		if i == 0 {
			fmt.Fprintf(t.out, "%4d  %-27s %s\n", t.steps, name, line)
			continue
		}
		fmt.Fprintf(t.out, "%34s%s\n", "", line)
	}
}

// unlike is the error of a step: what should have been there, and what was.
func unlike(wanted string, saw any) error { return fmt.Errorf("wanted %s; saw %v", wanted, saw) }

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

const (
	patience = 30 * time.Second // for what mails, webhooks and jobs bring about
	glance   = 25 * time.Millisecond
)

// eventually looks until check is content, and returns what it said last if it
// never is.
func eventually(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // what is cut off says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (for %s)", last, patience)
		case <-tick.C:
		}
	}
}
