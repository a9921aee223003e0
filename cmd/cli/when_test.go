package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestInstantsAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-05-03": "2026-05-03T00:00:00Z", "2026-05-03 14:00": "2026-05-03T14:00:00Z", "2026-05-03T14:00": "2026-05-03T14:00:00Z",
		"2026-05-03T14:00:00+02:00": "2026-05-03T12:00:00Z", "-3d": "2026-11-19T12:00:00Z", "-2h": "2026-11-22T10:00:00Z", "-30m": "2026-11-22T11:30:00Z",
		"3d": "", "--3d": "", "-d": "", "-3": "", "-3w": "", "-99999d": "", "3 May": "", "2026-02-30": "", "03.05.2026": "", "": "", "yesterday": "", "-1.5d": "",
	} {
		at, err := readInstant(text, now)
		got := ""
		if err == nil {
			got = at.Format(time.RFC3339)
		} else if !strings.Contains(err.Error(), "2026-05-03") {
			t.Errorf("%q: %v", text, err)
		}
		if got != want {
			t.Errorf("%q is %q, want %q (%v)", text, got, want, err)
		}
	}
}

// A grant until a day lasts all of it; one of so many days ends with the last.
func TestEndsAreWholeDays(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for c, want := range map[grantsAddCmd]string{
		{Until: "2026-06-30"}: "2026-06-30T23:59:59Z", {Until: "2026-06-30 12:00"}: "2026-06-30T12:00:00Z",
		{Days: 1}: "2026-11-23T23:59:59Z", {Days: 30}: "2026-12-22T23:59:59Z",
	} {
		until, err := c.end(now)
		if err != nil || until.Format(time.RFC3339) != want {
			t.Errorf("%+v ends %s, want %s (%v)", c, until, want, err)
		}
	}
	if until, err := (grantsAddCmd{NoEnd: true}).end(now); until != nil || err != nil {
		t.Errorf("no end is %v, %v", until, err)
	}
}

// Only a yes is one; an answer that does not come is none.
func TestOnlyAYesIsAYes(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"yes\n": true, "Yes": true, " YES \n": true, "y\n": false, "no\n": false, "\n": false, "": false, "yes please\n": false, "no\nyes\n": false} {
		var out bytes.Buffer
		if got := agreed(strings.NewReader(answer), &out); got != want || !strings.Contains(out.String(), "yes") {
			t.Errorf("%q is agreed: %t", answer, got)
		}
	}
}
