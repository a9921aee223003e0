package stripesim

import "time"

// nthPeriod answers the n-th boundary of a billing cycle that is anchored at
// anchor. A month without the anchor's day ends the period on its last day,
// and the next month returns to the anchor's day: 31 January, 28 February,
// 31 March. https://docs.stripe.com/billing/subscriptions/billing-cycle
func nthPeriod(anchor time.Time, interval string, n int) time.Time {
	switch interval {
	case "day":
		return anchor.AddDate(0, 0, n)
	case "week":
		return anchor.AddDate(0, 0, 7*n)
	case "year":
		return addMonths(anchor, 12*n)
	}
	return addMonths(anchor, n)
}

func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// periodEnd answers the first boundary of the cycle after start, in Unix
// seconds. recurring is the price's own: interval and interval_count.
func periodEnd(anchor, start int64, recurring object) int64 {
	from := time.Unix(anchor, 0).UTC()
	count := max(1, int(num(recurring, "interval_count")))
	for n := count; ; n += count {
		if end := nthPeriod(from, str(recurring, "interval"), n).Unix(); end > start {
			return end
		}
	}
}
