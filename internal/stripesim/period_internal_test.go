package stripesim

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func anchors() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(t, "anchor"), 0).UTC()
	})
}

// Every boundary lies in its own month, on the anchor's day or the month's
// last, at the anchor's time of day.
func TestMonthlyBoundaries(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		anchor := anchors().Draw(t, "anchor")
		n := rapid.IntRange(1, 400).Draw(t, "n")
		end := nthPeriod(anchor, "month", n)
		months := (end.Year()-anchor.Year())*12 + int(end.Month()-anchor.Month())
		last := end.AddDate(0, 0, 1).Month() != end.Month()
		if months != n || end.Day() != anchor.Day() && !(last && end.Day() < anchor.Day()) {
			t.Fatalf("%s after %d months of %s", end, n, anchor)
		}
		if end.Format(time.TimeOnly) != anchor.Format(time.TimeOnly) {
			t.Fatalf("%s is another time of day than %s", end, anchor)
		}
	})
}

// Walking period by period meets exactly the boundaries of the anchor.
func TestPeriodsFollowWithoutGaps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		anchor := anchors().Draw(t, "anchor")
		interval := rapid.SampledFrom([]string{"day", "week", "month", "year"}).Draw(t, "interval")
		count := rapid.IntRange(1, 5).Draw(t, "count")
		recurring := object{"interval": interval, "interval_count": int64(count)}
		from := anchor.Unix()
		for n := 1; n <= 14; n++ {
			from = periodEnd(anchor.Unix(), from, recurring)
			if want := nthPeriod(anchor, interval, n*count).Unix(); from != want {
				t.Fatalf("period %d ends %d, want %d", n, from, want)
			}
		}
	})
}

func TestAnchorOnTheThirtyFirst(t *testing.T) {
	t.Parallel()
	anchor := time.Date(2024, time.January, 31, 10, 0, 0, 0, time.UTC)
	for n, want := range []string{"2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"} {
		if got := nthPeriod(anchor, "month", n).Format(time.DateOnly); got != want {
			t.Errorf("boundary %d is %s, want %s", n, got, want)
		}
	}
	leap := time.Date(2024, time.February, 29, 10, 0, 0, 0, time.UTC)
	for n, want := range []string{"2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"} {
		if got := nthPeriod(leap, "year", n).Format(time.DateOnly); got != want {
			t.Errorf("year %d begins %s, want %s", n, got, want)
		}
	}
}
