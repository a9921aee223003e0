package billing

import (
	"slices"
	"time"

	"newsroom.example/membership/models"
)

// The reasons of a grace. Only GracePastDue asks anything of the reader.
const (
	GraceRenewalDue = "renewal_due"        // Stripe is about to charge
	GraceProcessing = "renewal_processing" // the bank is about to pay
	GracePastDue    = "past_due"           // the charge failed
	GraceFirst      = "first_processing"   // the bank is about to pay for the first time
)

// DefaultPolicy is the policy as it is shipped.
func DefaultPolicy() models.Policy {
	return models.Policy{
		RenewalSlackDays:      3,  // Stripe needs an hour or so, an outage a weekend
		RenewalProcessingDays: 21, // SEPA and Bacs debits take days to settle
		LongestGraceDays:      28, // whatever the plan says
		FirstProcessing:       models.Nothing,
		CanceledAtOnce:        models.End,
		Refund:                models.Revoke,
		Dispute:               models.Suspend,
		DisputeLost:           models.Revoke,
	}
}

// What money events do to access is said by the two tables below and by spanOf,
// which joins them. All of it is pure, and of facts that the database keeps.

// moneyRow is what becomes of the time that a payment paid for.
type moneyRow struct {
	event  string
	choice string // its key under policy in the catalogue file; "" where there is none
	is     func(models.Stretch) bool
	gives  func(models.Policy) models.Choice
}

// moneyRows say which stretches count as paid for: the first row that holds decides.
var moneyRows = []moneyRow{
	{"the payment was refunded in full, by succeeded refunds", "refund", lostTo(models.LostToRefund), func(p models.Policy) models.Choice { return p.Refund }},
	{"the payment is disputed, and the bank has yet to decide", "dispute", lostTo(models.HeldInDispute), func(p models.Policy) models.Choice { return p.Dispute }},
	{"the dispute was lost", "dispute_lost", lostTo(models.LostToDispute), func(p models.Policy) models.Choice { return p.DisputeLost }},
	{"a debit is on its way", "", func(s models.Stretch) bool { return s.Processing }, always(models.Nothing)},
	{"paid by card, debit or credit, or nothing to pay; a trial that runs; a refund in part or one that failed; a dispute that was won, a warning", "",
		lostTo(""), always(models.Keep)},
}

// beyondRow is what a subscription gives beyond the time that was paid for.
type beyondRow struct {
	event  string
	choice string
	is     func(circumstances) bool
	gives  func(circumstances) *Grace // nil: nothing
	says   func(models.Policy) string // what it gives, in words
}

// beyondRows say what is given after the time that was paid for: the first row that
// holds decides. What ends by somebody's wish gives nothing after that end.
var beyondRows = []beyondRow{
	{"another price was paid for from then on", "", superseded, nothing, sayNothing},
	{"collection is paused", "", collectionPaused, nothing, sayNothing},
	{"it ends with what is paid", "", endsWithWhatIsPaid, nothing, sayNothing},
	{"past_due: the renewal's charge failed", "longest_grace_days", inStatus(models.PastDue), dunning, sayDunning},
	{"trialing, unpaid, paused, incomplete, canceled", "", notActive, nothing, sayNothing},
	{"the renewal was paid, and the money went back", "", renewalLost, nothing, sayNothing},
	{"active, the renewal's debit is on its way", "renewal_processing_days", renewalProcessing, processing, sayProcessing},
	{"active, a renewal is due", "renewal_slack_days", inStatus(models.Active), slack, saySlack},
}

// circumstances are what a row is asked about: one price of a subscription.
type circumstances struct {
	models.Subscription
	policy    models.Policy
	graceDays int // the plan's
	price     string
	kept      []models.Stretch // those that count, of all prices
	paid      time.Time        // until when the price was paid for
}

// span is how long one price of one subscription gives access.
type span struct {
	from, until time.Time
	grace       *Grace
	revoked     string // why nothing is given any more: "", "refunded", "disputed"
	revokedAt   time.Time
}

// spanOf is what a subscription gives for one of its prices, by its facts; false for
// nothing.
func spanOf(sub models.Subscription, p models.Policy, graceDays int, price string) (span, bool) {
	c := circumstances{Subscription: sub, policy: p, graceDays: graceDays, price: price, kept: counting(sub.Stretches, p)}
	mine := only(c.kept, price)
	settled := slices.DeleteFunc(slices.Clone(sub.Stretches), func(s models.Stretch) bool { return s.Processing })
	switch {
	case len(mine) > 0:
		return c.paidSpan(mine), true
	case len(only(settled, price)) > 0:
		return revokedSpan(only(settled, price)), true
	case len(settled) > 0:
		return span{}, false // an upgrade that is not paid yet opens nothing more
	}
	return c.firstSpan()
}

// counting are the stretches that count as paid for, cut where they were given back.
func counting(all []models.Stretch, p models.Policy) []models.Stretch {
	var kept []models.Stretch
	for _, s := range all {
		if !stays(s, p) {
			continue
		}
		for _, cut := range s.Cuts {
			if stays(models.Stretch{Lost: cut.Lost}, p) { // an upgrade whose money went back never ends the base
				s.Until = earlier(s.Until, cut.At)
			}
		}
		kept = append(kept, s)
	}
	return kept
}

// stays says whether what a stretch was paid with counts. Money that went back in a way
// that no row knows does not; given refuses it before it comes here.
func stays(s models.Stretch, p models.Policy) bool {
	at := slices.IndexFunc(moneyRows, func(row moneyRow) bool { return row.is(s) })
	return at >= 0 && moneyRows[at].gives(p) == models.Keep
}

func (c circumstances) paidSpan(mine []models.Stretch) span {
	sp := covering(mine)
	c.paid = sp.until
	at := slices.IndexFunc(beyondRows, func(row beyondRow) bool { return row.is(c) })
	if sp.grace = beyondRows[at].gives(c); sp.grace != nil {
		if end := endsAt(c.Subscription); end != nil {
			sp.grace.Until = earlier(sp.grace.Until, *end)
		}
	}
	if c.Status == models.Canceled && c.EndedAt != nil && c.policy.CanceledAtOnce == models.End {
		sp.until = later(earlier(sp.until, *c.EndedAt), sp.from)
	}
	return sp
}

// firstSpan is what a first debit on its way gives: nothing, or access by grace
// until the bank has had its time.
func (c circumstances) firstSpan() (span, bool) {
	waiting := only(c.Stretches, c.price)
	if c.policy.FirstProcessing != models.Access || c.Status != models.Active || len(waiting) == 0 {
		return span{}, false
	}
	sp := covering(waiting)
	until := earlier(sp.until, sp.from.Add(days(c.policy.RenewalProcessingDays)))
	if end := endsAt(c.Subscription); end != nil {
		until = earlier(until, *end)
	}
	return span{from: sp.from, until: sp.from, grace: &Grace{until, GraceFirst}}, true
}

// covering joins stretches: from the first's start to the last's end.
func covering(all []models.Stretch) span {
	sp := span{from: all[0].From, until: all[0].Until}
	for _, each := range all[1:] {
		sp.from, sp.until = earlier(sp.from, each.From), later(sp.until, each.Until)
	}
	sp.until = later(sp.until, sp.from)
	return sp
}

// revokedSpan is of stretches of which none counts.
func revokedSpan(lost []models.Stretch) span {
	sp := covering(lost)
	last := lost[len(lost)-1]
	sp.revoked, sp.revokedAt = string(last.Lost), last.LostAt
	if last.Lost == models.LostToDispute {
		sp.revoked = string(models.HeldInDispute) // to the reader it is one dispute
	}
	return sp
}

func only(all []models.Stretch, price string) []models.Stretch {
	return slices.DeleteFunc(slices.Clone(all), func(each models.Stretch) bool { return each.Price != price })
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
