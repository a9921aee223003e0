package billing

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"newsroom.example/membership/limits"
)

// Somebody who tries stolen cards shows by what becomes of the payments: most are
// declined, or the pages are left. https://stripe.com/docs/disputes/prevention/card-testing

const (
	alarmSpan  = time.Hour
	alarmEvery = time.Minute
)

// share is how many of all did not go well within the last hour.
type share struct {
	kind  string // of the doctor's difference
	few   int64  // fewer are no news
	part  int64  // nor is a part below so many of a hundred
	count struct{ Bad, All int64 }
}

func (s share) alarming() bool { return s.count.Bad >= s.few && s.count.Bad*100 >= s.part*s.count.All }

func (s share) words() string {
	if s.kind == "till.declined" {
		return fmt.Sprintf("%d of %d payments of the last hour were declined: somebody may be trying stolen cards. See https://dashboard.stripe.com/radar, and lower CHECKOUT_OF_STRANGERS while it lasts.", s.count.Bad, s.count.All)
	}
	return fmt.Sprintf("%d of %d payment pages that ran out within the last hour were left unpaid: somebody may be opening them for nothing. Lower CHECKOUT_OF_STRANGERS while it lasts.", s.count.Bad, s.count.All)
}

// shares counts the last hour: charges by what Stripe told of them, pages by when they
// ran out. People leave most pages too, so that only nearly all is a sign.
func (s *Service) shares(ctx context.Context) ([]share, error) {
	declined, left := share{kind: "till.declined", few: 20, part: 50}, share{kind: "till.left", few: 100, part: 95}
	span := map[string]any{"livemode": s.cfg.Livemode, "now": s.clock(), "since": s.clock().Add(-alarmSpan)}
	db := s.db.WithContext(ctx)
	err := db.Raw(`SELECT count(*) FILTER (WHERE type = 'charge.failed') AS bad, count(*) AS "all" FROM stripe_events
		WHERE received_at > @since AND type IN ('charge.failed', 'charge.succeeded') AND livemode = @livemode AND NOT quarantined`, span).Scan(&declined.count).Error
	if err != nil {
		return nil, fmt.Errorf("count the payments that were declined: %w", err)
	}
	err = db.Raw(`SELECT count(*) FILTER (WHERE status <> 'completed') AS bad, count(*) AS "all" FROM checkout_intents
		WHERE expires_at > @since AND expires_at <= @now AND livemode = @livemode AND session_id IS NOT NULL`, span).Scan(&left.count).Error
	if err != nil {
		return nil, fmt.Errorf("count the payment pages that were left: %w", err)
	}
	return []share{declined, left}, nil
}

// alarms are those of the last hour's shares that somebody should look at.
func (s *Service) alarms(ctx context.Context) ([]share, error) {
	all, err := s.shares(ctx)
	var alarming []share
	for _, each := range all {
		if each.alarming() {
			alarming = append(alarming, each)
		}
	}
	return alarming, err
}

// watchTills raises alarms until ctx ends.
func (s *Service) watchTills(ctx context.Context) {
	for s.till != nil && ctx.Err() == nil {
		if err := s.raiseAlarms(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "the tills could not be looked at", "error", err)
		}
		pause(ctx, alarmEvery)
	}
}

// raiseAlarms logs each alarm once an hour, whichever process sees it first.
func (s *Service) raiseAlarms(ctx context.Context) error {
	alarms, err := s.alarms(ctx)
	if err != nil {
		return err
	}
	for _, each := range alarms {
		var first bool
		err := s.db.Write(ctx, func(tx *gorm.DB) (err error) {
			first, err = s.till.Limits.Spend(ctx, tx, limits.Budget{What: "alarms", Who: each.kind, PerHour: 1}, true)
			return err
		})
		if err != nil {
			return err
		}
		if first {
			s.log.ErrorContext(ctx, "the tills look as if somebody tried stolen cards", "kind", each.kind, "words", each.words())
		}
	}
	return nil
}

// tills are the alarms, for the doctor.
func (e *examination) tills(ctx context.Context) error {
	alarms, err := e.s.alarms(ctx)
	if err != nil {
		return err
	}
	var found []Difference
	for _, each := range alarms {
		found = append(found, Difference{Kind: each.kind, Words: each.words()})
	}
	return e.tell(found)
}
