package models_test

import (
	"testing"

	"newsroom.example/membership/models"
)

// What each of Stripe's statuses answers.
func TestSubscriptionStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[models.SubscriptionStatus]struct{ live, ended bool }{
		models.Incomplete:        {false, false},
		models.IncompleteExpired: {false, true},
		models.Trialing:          {true, false},
		models.Active:            {true, false},
		models.PastDue:           {true, false},
		models.Unpaid:            {true, false},
		models.Paused:            {true, false},
		models.Canceled:          {false, true},
		"invented":               {false, false},
	} {
		if status.Live() != want.live || status.Ended() != want.ended {
			t.Errorf("%s: live %t, ended %t", status, status.Live(), status.Ended())
		}
	}
}

func TestDisputeStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[models.DisputeStatus]struct{ known, suspends, takes bool }{
		models.DisputeWarningNeedsResponse: {true, false, false},
		models.DisputeWarningUnderReview:   {true, false, false},
		models.DisputeWarningClosed:        {true, false, false},
		models.DisputeNeedsResponse:        {true, true, true},
		models.DisputeUnderReview:          {true, true, true},
		models.DisputeWon:                  {true, false, false},
		models.DisputeLost:                 {true, false, true},
		"prevented":                        {false, false, false},
		"":                                 {false, false, false},
	} {
		if status.Known() != want.known || status.Suspends() != want.suspends || status.TakesMoney() != want.takes {
			t.Errorf("%q: known %t, suspends %t, takes money %t", status, status.Known(), status.Suspends(), status.TakesMoney())
		}
	}
}

func TestRefundStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[models.RefundStatus]bool{
		models.RefundPending: true, models.RefundRequiresAction: true, models.RefundSucceeded: true,
		models.RefundFailed: true, models.RefundCanceled: true, "": false, "invented": false,
	} {
		if status.Known() != want {
			t.Errorf("%q: known %t", status, status.Known())
		}
	}
	for status, want := range map[models.RefundStatus]bool{models.RefundFailed: true, models.RefundCanceled: true, models.RefundPending: false, models.RefundSucceeded: false} {
		if status.Failed() != want {
			t.Errorf("%q: failed %t", status, status.Failed())
		}
	}
}
