package billing

import (
	"slices"
	"time"

	"newsroom.example/membership/models"
)

// What the rows of the policy's tables ask and give.

func lostTo(reason models.Loss) func(models.Stretch) bool {
	return func(s models.Stretch) bool { return s.Lost == reason }
}

func always(choice models.Choice) func(models.Policy) models.Choice {
	return func(models.Policy) models.Choice { return choice }
}

// superseded says that another price was paid for from the moment on that this one
// was paid until: an upgrade or a downgrade that went through. The other one is
// renewed then.
func superseded(c circumstances) bool {
	return slices.ContainsFunc(c.kept, func(each models.Stretch) bool {
		return each.Price != c.price && !each.From.Before(c.paid)
	})
}

// collectionPaused: the status stays active, and resuming clears the field.
// https://stripe.com/docs/billing/subscriptions/pause-payment
func collectionPaused(c circumstances) bool { return c.PauseCollection != nil }

// endsWithWhatIsPaid says that nothing is renewed. A subscription that is to end
// later is renewed once more at least.
func endsWithWhatIsPaid(c circumstances) bool {
	end := endsAt(c.Subscription)
	return end != nil && !end.After(c.paid)
}

// endsAt is when a subscription is to end by somebody's wish; nil: it goes on.
func endsAt(sub models.Subscription) *time.Time {
	if sub.CancelAt == nil && sub.CancelAtPeriodEnd {
		return &sub.CurrentPeriodEnd
	}
	return sub.CancelAt
}

func inStatus(status models.SubscriptionStatus) func(circumstances) bool {
	return func(c circumstances) bool { return c.Status == status }
}

func notActive(c circumstances) bool { return c.Status != models.Active }

// renewalLost says that the stretch after what is paid was settled and does not
// count: no renewal is due, so there is nothing to bridge.
func renewalLost(c circumstances) bool {
	return slices.ContainsFunc(c.Stretches, func(each models.Stretch) bool {
		return !each.Processing && !stays(each, c.policy) && each.Until.After(c.paid)
	})
}

func renewalProcessing(c circumstances) bool {
	return slices.ContainsFunc(c.Stretches, func(each models.Stretch) bool {
		return each.Processing && each.Until.After(c.paid)
	})
}

func nothing(circumstances) *Grace { return nil }

// dunning is the plan's grace from the first failure on.
func dunning(c circumstances) *Grace {
	failed := c.paid
	if c.FailedAt != nil {
		failed = later(c.paid, *c.FailedAt)
	}
	longest := c.paid.Add(days(c.policy.LongestGraceDays))
	return &Grace{earlier(failed.Add(days(c.graceDays)), longest), GracePastDue}
}

func processing(c circumstances) *Grace {
	return &Grace{c.paid.Add(days(c.policy.RenewalProcessingDays)), GraceProcessing}
}

func slack(c circumstances) *Grace {
	return &Grace{c.paid.Add(days(c.policy.RenewalSlackDays)), GraceRenewalDue}
}
