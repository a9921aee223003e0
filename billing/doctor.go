package billing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Examination is what the doctor is asked to do.
type Examination struct {
	Since  time.Time              // how far back money is compared; zero: 35 days
	Repair bool                   // mark dirty what a sync may heal
	Actor  string                 // who repairs, for the audit log
	Found  func(Difference) error // hears of each difference; an error ends the examination
	Looked func(list string, objects int)
}

// Findings are how many differences there were, by kind.
type Findings struct {
	Differences models.Counts `json:"differences"`
	Marked      int64         `json:"marked"`   // customers and payments that are to be synced
	Unjudged    int64         `json:"unjudged"` // memberships whose grants could not be compared yet
	Unasked     int64         `json:"unasked"`  // objects of our books that Stripe did not list, beyond the many that it was asked for by their ids
}

// eventsBack is how far back the doctor looks for events that never came, or came from
// the other mode: what they told of is compared by itself.
const eventsBack = 24 * time.Hour

// Examine holds Stripe beside our books, difference by difference: the account, the
// objects and the money that Stripe lists, and what our books say of themselves. It
// goes page by page, so that memory stays bounded, and changes nothing unless it is to
// repair; then it marks, and SyncDue heals.
func (s *Service) Examine(ctx context.Context, x Examination) (Findings, error) {
	ctx = asWorker(ctx)
	began := s.clock()
	if x.Since.IsZero() {
		x.Since = began.Add(-moneyBack)
	}
	x.Since = x.Since.UTC().Truncate(24 * time.Hour) // whole days, for the sums
	e := &examination{Examination: x, s: s, began: began, taken: takings{}, shown: newShown(), findings: Findings{Differences: models.Counts{}}}
	for _, look := range []func(context.Context) error{
		e.account, e.events, e.quarantined, e.subscriptions, e.unlisted, e.money, e.sums, e.grants, e.strayGrants, e.subjects, e.errands, e.tills,
	} {
		if err := look(ctx); err != nil {
			return e.findings, err
		}
	}
	return e.findings, nil
}

// examination is one under way.
type examination struct {
	Examination
	s        *Service
	began    time.Time
	listens  time.Time // since when Stripe delivers to us; zero: it does not
	taken    takings   // what Stripe took for us, while the charges go by
	shown    shown     // the live subscriptions that it listed
	asked    int       // how many objects it was asked for by their ids
	findings Findings
}

func (e *examination) events(ctx context.Context) error {
	since := later(e.began.Add(-eventsBack), e.listens)
	return e.list(ctx, list{"events", (*Service).eventsPage}, &since)
}

func (e *examination) subscriptions(ctx context.Context) error {
	return e.list(ctx, list{"subscriptions", func(s *Service, ctx context.Context, at place) (sheet, error) {
		return s.subscriptionsTold(ctx, at, e.shown.addLive)
	}}, nil)
}

func (e *examination) money(ctx context.Context) error {
	charges := list{"charges", func(s *Service, ctx context.Context, at place) (sheet, error) {
		return s.chargesTold(ctx, at, func(charge *stripe.Charge) { e.taken.addCharge(charge, e.until()) })
	}}
	for _, of := range []list{charges, {"refunds", (*Service).refundsPage}, {"disputes", (*Service).disputesPage}} {
		if err := e.list(ctx, of, &e.Since); err != nil {
			return err
		}
	}
	return nil
}

// list goes through one of Stripe's lists to its end.
func (e *examination) list(ctx context.Context, of list, since *time.Time) error {
	at := place{since: since}
	for first := true; first || at.cursor != ""; first = false {
		at.asked = e.s.clock()
		page, err := e.read(ctx, of, at)
		if err != nil {
			return err
		}
		e.Looked(of.name, page.listed)
		if err := e.settle(ctx, page.compare, page.note); err != nil {
			return err
		}
		if page.done != nil {
			page.done()
		}
		at.cursor = page.next
	}
	return nil
}

// read asks for a page.
func (e *examination) read(ctx context.Context, of list, at place) (page sheet, err error) {
	err = e.patiently(ctx, func(ctx context.Context) error {
		page, err = of.page(e.s, ctx, at)
		return err
	})
	return page, tellable("list "+of.name, err)
}

// patiently asks Stripe, a few times where it fails for a moment.
func (e *examination) patiently(ctx context.Context, ask func(ctx context.Context) error) error {
	for try := 1; ; try++ {
		asking, cancel := context.WithTimeout(ctx, e.s.fetchDeadline())
		err := ask(asking)
		cancel()
		if err == nil || !outage(&farError{err}) || ctx.Err() != nil || try == sweepTries {
			return err
		}
		pause(ctx, backoff(try))
	}
}

// tellable keeps of Stripe's errors what may be shown: their messages may quote what a
// customer typed.
func tellable(doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s: %s", doing, fault(err))
}

// settle compares and tells; to repair, it marks in the same commit.
func (e *examination) settle(ctx context.Context, compare func(tx *gorm.DB) ([]Difference, error), note func(tx *gorm.DB) error) error {
	var found []Difference
	var marked int64
	var err error
	if e.Repair {
		err = e.s.db.Write(ctx, func(tx *gorm.DB) (err error) {
			if found, err = compare(tx); err != nil || len(found) == 0 {
				return err
			}
			marked, err = e.repair(tx, found, note)
			return err
		})
	} else {
		found, err = compare(e.s.db.WithContext(ctx))
	}
	if err != nil {
		return err
	}
	e.findings.Marked += marked
	return e.tell(found)
}

func (e *examination) tell(found []Difference) error {
	for _, each := range found {
		e.findings.Differences[each.Kind]++
		if err := e.Found(each); err != nil {
			return err
		}
	}
	return nil
}

// repair marks whose sync may heal the differences, the dead among them too, and says
// so in the audit log.
func (e *examination) repair(tx *gorm.DB, found []Difference, note func(tx *gorm.DB) error) (int64, error) {
	subjects := subjectsOf(found)
	marked, err := models.MarkStale(tx, subjects, e.s.real())
	if err != nil {
		return 0, err
	}
	for _, each := range found {
		if each.dead {
			if _, err := models.MarkDirty(tx, each.subject, e.s.real()); err != nil {
				return 0, err
			}
			marked = append(marked, each.subject.ID)
		}
	}
	if note != nil {
		if err := note(tx); err != nil {
			return 0, err
		}
	}
	if len(marked) == 0 {
		return 0, nil
	}
	after, err := json.Marshal(map[string]any{"subjects": marked})
	if err != nil {
		return 0, fmt.Errorf("write down what is repaired: %w", err)
	}
	return int64(len(marked)), models.Audit(tx, models.AuditEntry{
		At: e.s.clock(), Actor: e.Actor, Action: "books.repaired", Subject: found[0].Object, After: after,
		Reason: "doctor: differs from Stripe",
	})
}
