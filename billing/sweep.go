package billing

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	cursor string
	asked  time.Time
}

// sheet is one page of a list, held against our books by compare, which only reads.
type sheet struct {
	listed  int
	next    string     // where the next page begins; "": this was the last
	newest  *time.Time // of the objects on it
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
	models.SweepObjects: {every: time.Hour, lists: []list{{"subscriptions", (*Service).subscriptionsPage}, {"unseen", (*Service).unseenPage}}, since: everything},
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

func everything(models.Sweep, time.Time) *time.Time { return nil }

func moneySince(_ models.Sweep, clock time.Time) *time.Time {
	since := clock.Add(-moneyBack)
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

// turn turns one page of a claimed sweep and returns the sweep as it stands then.
func (s *Service) turn(ctx context.Context, row models.Sweep) (models.Sweep, error) {
	s.begin(&row)
	page, err := s.read(ctx, row)
	if err == nil {
		row, err = s.settlePage(ctx, row, page)
	}
	if err != nil && !errors.Is(err, errLeaseLost) {
		err = errors.Join(err, s.postponeSweep(context.WithoutCancel(ctx), row, err))
	}
	if err == nil && row.StartedAt == nil {
		s.remark(ctx, row)
	}
	return row, err
}

// begin starts a pass where none is under way.
func (s *Service) begin(row *models.Sweep) {
	if row.StartedAt != nil {
		return
	}
	started := s.real()
	row.StartedAt, row.Step, row.Cursor, row.Reached = &started, 0, "", nil
	row.Since = sweeps[row.Name].since(*row, s.clock())
	row.Listed, row.Drift = 0, models.Counts{}
}

// read asks for the page where a sweep stands. An object to go on from that Stripe
// does not know any more makes the list begin anew.
func (s *Service) read(ctx context.Context, row models.Sweep) (sheet, error) {
	ctx, cancel := context.WithTimeout(asWorker(ctx), s.fetchDeadline())
	defer cancel()
	of := sweeps[row.Name].lists[row.Step]
	at := place{since: row.Since, cursor: row.Cursor, asked: s.clock()}
	page, err := of.page(s, ctx, at)
	if row.Cursor != "" && missing(err) {
		at.cursor = ""
		page, err = of.page(s, ctx, at)
	}
	if err != nil {
		return page, fmt.Errorf("list %s: %w", of.name, err)
	}
	return page, nil
}

// settlePage compares a page with our books, marks what differs and moves the sweep
// on, all in one commit.
func (s *Service) settlePage(ctx context.Context, row models.Sweep, page sheet) (models.Sweep, error) {
	var after models.Sweep
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		after = row
		if err := fenceSweep(tx, row); err != nil {
			return err
		}
		found, err := page.compare(tx)
		if err != nil {
			return err
		}
		counted, err := s.markDrift(tx, found)
		if err != nil {
			return err
		}
		if page.note != nil {
			if err := page.note(tx); err != nil {
				return err
			}
		}
		s.advance(&after, page, counted)
		return saveSweep(tx, after)
	})
	if err != nil {
		return row, err
	}
	s.Wake()
	return after, nil
}

// markDrift marks the subjects of what differs and counts it by kind. What waits for
// its sync already is no drift: its event came.
func (s *Service) markDrift(tx *gorm.DB, found []Difference) (models.Counts, error) {
	marked, err := models.MarkStale(tx, subjectsOf(found), s.real())
	if err != nil {
		return nil, err
	}
	fresh := map[string]bool{}
	for _, id := range marked {
		fresh[id] = true
	}
	counts := models.Counts{}
	for _, each := range found {
		if fresh[each.subject.ID] || each.subject.ID == "" {
			counts[each.Kind]++
		}
	}
	return counts, nil
}

// advance moves a sweep past a page: to the next one, the next list, or the end.
func (s *Service) advance(row *models.Sweep, page sheet, found models.Counts) {
	row.Listed += int64(page.listed)
	row.Drift, row.DriftTotal = sum(row.Drift, found), sum(row.DriftTotal, found)
	if page.newest != nil && (row.Reached == nil || page.newest.After(*row.Reached)) {
		row.Reached = page.newest
	}
	row.LeaseToken, row.LeaseUntil, row.Attempts, row.LastError = nil, nil, 0, ""
	row.Cursor, row.NextAt = page.next, s.real().Add(sweepPace)
	if page.next != "" {
		return
	}
	of := sweeps[row.Name]
	if row.Step++; row.Step < len(of.lists) {
		return
	}
	finished := s.real()
	row.Step, row.NextAt = 0, later(row.StartedAt.Add(of.every), row.NextAt)
	row.StartedAt, row.FinishedAt = nil, &finished
	row.Passes++
	if row.Reached != nil {
		row.Watermark = row.Reached
	}
}

func sum(a, b models.Counts) models.Counts {
	all := models.Counts{}
	for _, counts := range []models.Counts{a, b} {
		for kind, n := range counts {
			all[kind] += n
		}
	}
	return all
}

// remark tells what a finished pass found.
func (s *Service) remark(ctx context.Context, row models.Sweep) {
	if row.Drift.Sum() == 0 {
		s.log.DebugContext(ctx, "sweep finished", "sweep", row.Name, "listed", row.Listed)
		return
	}
	s.log.WarnContext(ctx, "drift found", "sweep", row.Name, "listed", row.Listed, "drift", maps.Clone(row.Drift))
}
