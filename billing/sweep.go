package billing

import (
	"context"
	"time"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Sweeps go through Stripe's own lists, because events alone can never be complete:
// some are never made, some never arrive. A sweep marks the subjects dirty whose books
// differ from what Stripe lists; it writes no state itself.
//
// A pass is taken page by page: claim the sweep, ask Stripe for one page with no
// transaction open, then in one short transaction, fenced by the lease, compare, mark
// and move the cursor. Between two pages nobody holds it, so that replicas share a
// pass, and one that is killed costs a lease.

// sweep is what is known of each of them beforehand.
type sweep struct {
	every time.Duration // from one pass's start to the next one's
	lists []list        // one after the other
	since func(row models.Sweep, clock time.Time) *time.Time
}

// list is one list that a pass goes through.
type list struct {
	name string
	page func(s *Service, ctx context.Context, at place) (sheet, error)
}

// place is where in a list a page begins, and when it is asked for.
type place struct {
	since  *time.Time
	before *time.Time // nil: to the present
	cursor string
	asked  time.Time
	first  bool // no pass has gone through the list before
}

// sheet is one page of a list, held against our books by compare, which only reads.
type sheet struct {
	listed  int
	next    string     // where the next page begins; "": this was the last
	newest  *time.Time // of the objects on it by whose age a next pass begins
	compare func(tx *gorm.DB) ([]Difference, error)
	note    func(tx *gorm.DB) error // what else a sweep keeps of it; nil for nothing
	done    func()                  // told when the doctor has compared it; nil for nobody
}

// pageFrom asks for one page of a list, from behind an object on.
func pageFrom(ctx context.Context, cursor string) stripe.ListParams {
	params := page(ctx)
	params.Single = true
	if cursor != "" {
		params.StartingAfter = stripe.String(cursor)
	}
	return params
}

// sheetOf is a page with nothing compared yet.
func sheetOf[T any](meta *stripe.ListMeta, data []T, id func(T) string) sheet {
	page := sheet{listed: len(data)}
	if meta.HasMore && len(data) > 0 {
		page.next = id(data[len(data)-1])
	}
	return page
}

var sweeps = map[models.SweepName]sweep{
	models.SweepEvents:  {every: 5 * time.Minute, lists: []list{{"events", (*Service).eventsPage}}, since: eventsSince},
	models.SweepObjects: {every: time.Hour, lists: []list{{"subscriptions", (*Service).subscriptionsPage}, {"unseen", (*Service).unseenPage}}, since: unseenSince},
	models.SweepMoney: {every: 24 * time.Hour, since: moneySince, lists: []list{
		{"charges", (*Service).chargesPage}, {"refunds", (*Service).refundsPage}, {"disputes", (*Service).disputesPage}}},
}

// Sweeps are all of them, in the order in which they are best run.
var Sweeps = []models.SweepName{models.SweepEvents, models.SweepObjects, models.SweepMoney}

const (
	// moneyBack is how far back payments are compared: refunds and most disputes come
	// within a month or so of their payment, and have lists of their own.
	moneyBack = 35 * 24 * time.Hour
	// sweepPace is the least time from one page of a pass to its next, over all
	// replicas: a million subscriptions are gone through in 33 minutes of each hour, at
	// a fifth of what Stripe allows one endpoint.
	sweepPace = 200 * time.Millisecond
	// sweepPoll is how often a replica looks whether a sweep is due.
	sweepPoll = 5 * time.Second
)

// moneySince is further back where nobody has looked for longer: what no sweep of the
// money lists, no other one finds.
func moneySince(row models.Sweep, clock time.Time) *time.Time {
	since := clock.Add(-moneyBack)
	if row.Watermark != nil {
		since = earlier(since, *row.Watermark)
	}
	return &since
}

// sweepOn turns pages of whichever sweep is due until ctx ends.
func (s *Service) sweepOn(ctx context.Context) {
	ctx = asWorker(ctx)
	for err := s.plantSweeps(ctx); err != nil && ctx.Err() == nil; err = s.plantSweeps(ctx) {
		s.log.WarnContext(ctx, "the sweeps cannot begin", "error", err)
		pause(ctx, sweepPoll)
	}
	for ctx.Err() == nil {
		turned, err := s.turnDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "a sweep failed", "error", fault(err))
		}
		wait := sweepPoll
		if turned && err == nil {
			wait = sweepPace
		}
		pause(ctx, wait)
	}
}

// pause waits, or returns when ctx ends.
func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// turnDue turns the next page of the sweep that has been due longest; false where
// none is.
func (s *Service) turnDue(ctx context.Context) (bool, error) {
	row, err := s.claimSweep(ctx, `next_at <= @now`, "")
	if err != nil || row == nil {
		return false, err
	}
	_, err = s.turn(ctx, *row)
	return true, err
}
