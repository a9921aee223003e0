package billing

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

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
	at := place{since: row.Since, cursor: row.Cursor, asked: s.clock(), first: row.Passes == 0}
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
	if row.Reached != nil && leavesNoHole(*row, of.since(*row, s.clock())) {
		row.Watermark = row.Reached
	}
}

// leavesNoHole says that a pass began no later than the next one would by itself. One
// that was told to begin later leaves the watermark where it is: what lies between was
// looked at by nobody.
func leavesNoHole(row models.Sweep, next *time.Time) bool {
	return row.Since == nil || next == nil || !row.Since.After(*next)
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
