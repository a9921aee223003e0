package paywall

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever feeds come, in whatever order: what one of them killed is dead for
// as long as a token of its time can live, and nothing else is.
func TestDeadStaysDead(t *testing.T) {
	t.Parallel()
	const life = 10 // feeds, one a second
	rapid.Check(t, func(t *rapid.T) {
		heard, start := &revocations{}, time.Unix(1_700_000_000, 0)
		killed := map[string][]int{} // by second
		second := 0
		for ; second < rapid.IntRange(1, 40).Draw(t, "feeds"); second++ {
			f := Feed{Subjects: map[string]int64{}}
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 5), 0, 3).Draw(t, "dead") {
				sid := fmt.Sprint("ses_", n)
				f.Sessions, f.Subjects[sid] = append(f.Sessions, sid), 2
				killed[sid] = append(killed[sid], second)
			}
			now := start.Add(time.Duration(second) * time.Second)
			next := heard.with(f, now, now.Add(-life*time.Second))
			heard = &next
		}
		for n := range 6 {
			sid := fmt.Sprint("ses_", n)
			c := Claims{SessionID: sid, Subject: "mem", Version: 1}
			s := Claims{SessionID: "ses", Subject: sid, Version: 1}
			dead := []bool{heard.dead(&c), heard.dead(&s)}
			times := killed[sid]
			recently := len(times) > 0 && second-1-times[len(times)-1] <= life
			if recently && (!dead[0] || !dead[1]) {
				t.Fatalf("%s came back to life: killed at %v, now %d", sid, times, second-1)
			}
			if len(times) == 0 && (dead[0] || dead[1]) {
				t.Fatalf("%s was never called back", sid)
			}
			if len(times) > 0 && second-1-times[len(times)-1] > life && (dead[0] || dead[1]) {
				t.Fatalf("%s is remembered for ever: killed at %v, now %d", sid, times, second-1)
			}
		}
	})
}

func TestFloorOnlyRises(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	r := revocations{}
	for _, version := range []int64{3, 7, 5} {
		r = r.with(Feed{Subjects: map[string]int64{"mem": version}}, now, now)
	}
	for version, dead := range map[int64]bool{6: true, 7: false, 8: false} {
		if got := r.dead(&Claims{Subject: "mem", Version: version}); got != dead {
			t.Errorf("ev %d: dead %v", version, got)
		}
	}
}

func TestParseFeed(t *testing.T) {
	t.Parallel()
	many := Feed{Issuer: "https://members.example.news", IssuedAt: 1, Expires: 61, Sequence: 9, Subjects: map[string]int64{}}
	for n := range 5_000 {
		id := fmt.Sprintf("0192%08d-0000-7000-8000-000000000000", n)
		many.Subjects[id], many.Sessions = int64(n), append(many.Sessions, id)
	}
	none := Feed{Issuer: "https://members.example.news", IssuedAt: 1, Expires: 61}
	for name, want := range map[string]Feed{"10,000 entries": many, "none": none} {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseFeed(data); err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: %v", name, err)
		}
		if size := len(encode(data)) + 200; size > MaxFeedBytes {
			t.Errorf("%s: %d bytes", name, size)
		}
	}
	const good = `{"iss":"i","iat":1,"exp":2,"seq":3,"subs":{"a":1},"sids":["s"]}`
	if _, err := parseFeed([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ from, to string }{
		{`"iss":"i",`, ``}, {`"iat":1,`, ``}, {`"exp":2,`, ``}, {`"seq":3,`, ``},
		{`"i"`, `""`}, {`:3`, `:-3`}, {`:3`, `:"3"`}, {`:3`, `:3.0`},
		{`{"a":1}`, `null`}, {`{"a":1}`, `[]`}, {`{"a":1}`, `{"a":"1"}`}, {`{"a":1}`, `{"a":1,"a":2}`}, {`"a"`, `"\u0061"`},
		{`["s"]`, `null`}, {`["s"]`, `{}`}, {`["s"]`, `[""]`}, {`["s"]`, `[null]`}, {`["s"]`, `[1]`},
		{`"seq"`, `"SEQ":4,"seq"`}, {`"seq":3`, `"seq":3,"seq":4`}, {`"sids"`, `"Sids"`},
	} {
		bad := strings.Replace(good, change.from, change.to, 1)
		if f, err := parseFeed([]byte(bad)); err == nil {
			t.Errorf("%s: read as %+v", bad, f)
		}
	}
}

func TestFeedAndTokenAreNotEachOther(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{TokenType, FeedType}, {FeedType, TokenType}} {
		if _, _, err := parseHeader(encode([]byte(`{"alg":"ES256","kid":"k","typ":"`+pair[0]+`"}`)), pair[1]); err == nil {
			t.Errorf("%s passed for %s", pair[0], pair[1])
		}
	}
}

func TestFeedIsMeantForUsAndNow(t *testing.T) {
	t.Parallel()
	now, leeway := time.Unix(1_700_000_000, 0), 5*time.Second
	for name, c := range map[string]struct {
		feed Feed
		good bool
	}{
		"fresh":           {Feed{Issuer: "i", IssuedAt: 1_700_000_000, Expires: 1_700_000_060}, true},
		"a little early":  {Feed{Issuer: "i", IssuedAt: 1_700_000_005, Expires: 1_700_000_065}, true},
		"too early":       {Feed{Issuer: "i", IssuedAt: 1_700_000_006, Expires: 1_700_000_066}, false},
		"a little late":   {Feed{Issuer: "i", IssuedAt: 1_699_999_936, Expires: 1_699_999_996}, true},
		"too late":        {Feed{Issuer: "i", IssuedAt: 1_699_999_935, Expires: 1_699_999_995}, false},
		"somebody else's": {Feed{Issuer: "j", IssuedAt: 1_700_000_000, Expires: 1_700_000_060}, false},
	} {
		if err := c.feed.meant("i", now, leeway); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFeedsFollowEachOther(t *testing.T) {
	t.Parallel()
	r := &revocations{newest: Feed{Sequence: 5, IssuedAt: 100}}
	for _, c := range []struct {
		seq, iat int64
		follows  bool
	}{{6, 1, true}, {5, 101, true}, {5, 100, true}, {5, 99, false}, {4, 200, false}} {
		if got := r.follows(&Feed{Sequence: c.seq, IssuedAt: c.iat}); got != c.follows {
			t.Errorf("%d at %d: %v", c.seq, c.iat, got)
		}
	}
}

func TestLongFeedsAreNotRead(t *testing.T) {
	t.Parallel()
	if _, err := new(keySet).feed(strings.Repeat("x", MaxFeedBytes+1)); err == nil || errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
