package billing

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

const (
	// eventHorizon is how long Stripe lists events: 30 days, less an hour to be safe.
	// https://stripe.com/docs/api/events
	eventHorizon = 30*24*time.Hour - time.Hour
	// eventOverlap is how far a pass looks behind the newest event of the one before:
	// Stripe's list may lag, and several events share a second.
	eventOverlap = 5 * time.Minute
	// eventTravel is how long a delivery may take before its event counts as missed.
	eventTravel = time.Minute
)

// eventsSince is where a pass begins: behind the newest event of the last one. The
// objects of what is older than Stripe lists are compared by the other sweeps.
func eventsSince(row models.Sweep, clock time.Time) *time.Time {
	since := clock.Add(-eventHorizon)
	if row.Watermark != nil {
		since = later(since, row.Watermark.Add(-eventOverlap))
	}
	return &since
}

// eventsPage lists the events since the last pass, the newest first, and puts those
// that were never delivered into the inbox, as a delivery would.
func (s *Service) eventsPage(ctx context.Context, at place) (sheet, error) {
	params := &stripe.EventListParams{ListParams: pageFrom(ctx, at.cursor)}
	if at.since != nil {
		params.CreatedRange = &stripe.RangeQueryParams{GreaterThanOrEqual: at.since.Unix()}
	}
	found := s.stripe.Events.List(params)
	if err := found.Err(); err != nil {
		return sheet{}, err
	}
	data := found.EventList().Data
	page := sheetOf(found.Meta(), data, func(e *stripe.Event) string { return e.ID })
	if len(data) > 0 {
		newest := earlier(unix(data[0].Created), at.asked) // of a test clock that runs ahead an event may be of next year
		page.newest = &newest
	}
	told := slices.DeleteFunc(slices.Clone(data), func(e *stripe.Event) bool {
		return !slices.Contains(EventTypes, string(e.Type)) // our endpoint is not sent those
	})
	if at.first {
		page.compare = func(*gorm.DB) ([]Difference, error) { return nil, nil }
		page.note = func(tx *gorm.DB) error { return s.keepKnown(tx, told, at.asked) }
		return page, nil
	}
	page.compare = func(tx *gorm.DB) ([]Difference, error) { return missedEvents(tx, told, at.asked) }
	page.note = func(tx *gorm.DB) error { return s.keepEvents(tx, told, at.asked) }
	return page, nil
}

// keepKnown keeps the events about customers and payments that are in our books. The
// first pass keeps no others: when most of them were made nobody listened yet, in an
// account that we may share with a shop, and what they tell of is compared by the
// other sweeps.
func (s *Service) keepKnown(tx *gorm.DB, data []*stripe.Event, asked time.Time) error {
	subjects := []string{""}
	for _, event := range data {
		subjects = append(subjects, deref(s.arrival(event, asked).SubjectID))
	}
	var ours []string
	err := tx.Raw(`SELECT id FROM customers WHERE id IN @ids AND member_id IS NOT NULL
		UNION ALL SELECT payment_intent_id FROM payments WHERE payment_intent_id IN @ids`, map[string]any{"ids": subjects}).Scan(&ours).Error
	if err != nil {
		return fmt.Errorf("look for the subjects of a page: %w", err)
	}
	return s.keepEvents(tx, slices.DeleteFunc(slices.Clone(data), func(e *stripe.Event) bool {
		return !slices.Contains(ours, deref(s.arrival(e, asked).SubjectID))
	}), asked)
}

// unknownEvents are those that are not in the inbox.
func unknownEvents(tx *gorm.DB, data []*stripe.Event) ([]*stripe.Event, error) {
	ids := []string{""}
	for _, event := range data {
		ids = append(ids, event.ID)
	}
	var kept []string
	if err := tx.Model(&models.StripeEvent{}).Where("id IN ?", ids).Pluck("id", &kept).Error; err != nil {
		return nil, fmt.Errorf("look for the events of a page: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(data), func(e *stripe.Event) bool { return slices.Contains(kept, e.ID) }), nil
}

// missedEvents are those that should have been delivered by now and were not.
func missedEvents(tx *gorm.DB, data []*stripe.Event, asked time.Time) ([]Difference, error) {
	unknown, err := unknownEvents(tx, data)
	if err != nil {
		return nil, err
	}
	var found []Difference
	for _, event := range unknown {
		if unix(event.Created).After(asked.Add(-eventTravel)) {
			continue
		}
		found = append(found, Difference{
			Kind: "event.missed", Object: event.ID,
			Words: fmt.Sprintf("Event %s (%s): Stripe made it on %s; it never reached us.", event.ID, event.Type, moment(unix(event.Created))),
		})
	}
	return found, nil
}

// keepEvents puts the events into the inbox that are not there.
func (s *Service) keepEvents(tx *gorm.DB, data []*stripe.Event, asked time.Time) error {
	unknown, err := unknownEvents(tx, data)
	if err != nil {
		return err
	}
	arrivals := make([]models.Arrival, 0, len(unknown))
	for _, event := range unknown {
		arrivals = append(arrivals, s.arrival(event, asked))
	}
	_, err = models.KeepEvents(tx, arrivals, s.real())
	return err
}

// arrival is a listed event as the webhook would have kept it. What it names is read
// as there; its hash is of the object alone, because a list has no body.
func (s *Service) arrival(event *stripe.Event, asked time.Time) models.Arrival {
	arrival := models.Arrival{StripeEvent: models.StripeEvent{
		ID: event.ID, Account: event.Account, Livemode: event.Livemode, Type: string(event.Type), APIVersion: event.APIVersion,
		Quarantined: event.Livemode != s.cfg.Livemode, CreatedAt: unix(event.Created), ReceivedAt: asked,
	}}
	var object models.EventObject
	var raw json.RawMessage
	if event.Data != nil {
		raw = event.Data.Raw
		_ = json.Unmarshal(raw, &object) // of a shape that we do not know: it names nothing
	}
	hash := sha256.Sum256(raw)
	arrival.BodyHash, arrival.ObjectType, arrival.ObjectID = hash[:], object.Object, object.ID
	if kind, id := object.Subject(); id != "" && !arrival.Quarantined {
		arrival.SubjectKind, arrival.SubjectID = kind, &id
	}
	return arrival
}
