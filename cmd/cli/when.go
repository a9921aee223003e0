package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// minuteLayout is how instants are read and shown, always in UTC.
const minuteLayout = "2006-01-02 15:04"

// readInstant reads an instant as people type it: a day (its first moment), a day
// and a time, RFC 3339, or so long ago as -3d or -2h.
func readInstant(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, minuteLayout, "2006-01-02T15:04", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return at.UTC(), nil
		}
	}
	if ago, ok := readAgo(text); ok {
		return now.Add(-ago).UTC(), nil
	}
	return time.Time{}, &usageError{fmt.Errorf("%q is no time: give a day (2026-05-03), a day and a time (\"2026-05-03 14:00\", in UTC), 2026-05-03T14:00:00+02:00, or so long ago as -3d or -2h", text)}
}

// readAgo reads -3d, -2h or -30m.
func readAgo(text string) (time.Duration, bool) {
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}
	digits, negative := strings.CutPrefix(text, "-")
	if !negative || len(digits) < 2 {
		return 0, false
	}
	unit, known := units[digits[len(digits)-1]]
	count, err := strconv.ParseUint(digits[:len(digits)-1], 10, 16) // 65,535 days are more than anybody was a member
	return time.Duration(count) * unit, known && err == nil
}

// readEnd reads the end of something: a day lasts until its last second.
func readEnd(text string, now time.Time) (time.Time, error) {
	if at, err := time.ParseInLocation(time.DateOnly, text, time.UTC); err == nil {
		return endOfDay(at), nil
	}
	return readInstant(text, now)
}

func endOfDay(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 23, 59, 59, 0, time.UTC)
}

// shown is an instant for people.
func shown(t time.Time) string { return t.UTC().Format(minuteLayout) + " UTC" }

// shownOr is an instant that may be missing.
func shownOr(t *time.Time, missing string) string {
	if t == nil {
		return missing
	}
	return shown(*t)
}
