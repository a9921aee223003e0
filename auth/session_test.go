package auth

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/models"
)

const day = 24 * time.Hour

// refresh presents a token that must be good, and returns the one to keep.
func (b bench) refresh(t *testing.T, token string) string {
	t.Helper()
	_, next, err := b.Refresh(t.Context(), token)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	return next
}

func TestTokenIsKeptForADay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.signIn(t, "ada@example.org")
	b.clock.Advance(day - time.Second)
	if b.refresh(t, in.Refresh) != in.Refresh {
		t.Error("rotated before its day was over")
	}
	b.clock.Advance(time.Second)
	next := b.refresh(t, in.Refresh)
	if next == in.Refresh {
		t.Error("not rotated after a day")
	}
	if b.refresh(t, next) != next {
		t.Error("rotated twice in a day")
	}
}

func TestReadingASessionRotatesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.signIn(t, "ada@example.org")
	b.clock.Advance(3 * day)
	for range 3 {
		if _, err := b.Session(t.Context(), in.Refresh); err != nil {
			t.Fatal(err)
		}
	}
	after := b.session(t, in.Session.ID)
	if after.Generation != 0 || !after.LastSeenAt.Equal(b.now()) || !after.IdleUntil.Equal(b.now().Add(90*day)) {
		t.Errorf("generation %d, last seen %s, idle until %s", after.Generation, after.LastSeenAt, after.IdleUntil)
	}
}

func TestALostAnswerIsNotTheft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.signIn(t, "ada@example.org")
	b.clock.Advance(day)
	lost := b.refresh(t, in.Refresh)
	for range 30 {
		b.clock.Advance(day)
		if got := b.refresh(t, in.Refresh); got != lost {
			t.Fatal("the parent was not given the answer that was lost")
		}
	}
}

// rotated is a session whose current token has been presented, and its parent.
func (b bench) rotated(t *testing.T) (parent, current string) {
	t.Helper()
	parent = b.signIn(t, "ada@example.org").Refresh
	b.clock.Advance(day)
	current = b.refresh(t, parent)
	b.refresh(t, current)
	return parent, current
}

func TestParentIsGoodForAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent, current := b.rotated(t)
	b.clock.Advance(time.Minute)
	if b.refresh(t, parent) != current {
		t.Error("the parent was not given the current token")
	}
	b.clock.Advance(time.Microsecond)
	_, _, err := b.Refresh(t.Context(), parent)
	wantCode(t, err, "session.ended")
	_, _, err = b.Refresh(t.Context(), current)
	wantCode(t, err, "session.ended")
}

func TestParentIsGoodForTwentyUses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent, current := b.rotated(t)
	errs := atOnce(parentUses, func(int) error {
		_, _, err := b.Refresh(t.Context(), parent)
		return err
	})
	if diff := cmp.Diff(map[string]int{"ok": parentUses}, tally(errs)); diff != "" {
		t.Error(diff)
	}
	_, err := b.Session(t.Context(), parent)
	wantCode(t, err, "session.ended")
	_, err = b.Session(t.Context(), current)
	wantCode(t, err, "session.ended")
}

func TestReplayedGrandparentRevokes(t *testing.T) {
	t.Parallel()
	for name, replay := range map[string]func(b bench, token string) error{
		"renewing": func(b bench, token string) error { _, _, err := b.Refresh(t.Context(), token); return err },
		"reading":  func(b bench, token string) error { _, err := b.Session(t.Context(), token); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			in := b.signIn(t, "ada@example.org")
			b.clock.Advance(day)
			second := b.refresh(t, in.Refresh)
			b.clock.Advance(day)
			third := b.refresh(t, second)
			wantCode(t, replay(b, in.Refresh), "session.ended")
			_, err := b.Session(t.Context(), third)
			wantCode(t, err, "session.ended")
			if got := b.session(t, in.Session.ID); got.RevokedReason != "reuse" || !got.RevokedAt.Equal(b.now()) {
				t.Errorf("revoked at %v for %q", got.RevokedAt, got.RevokedReason)
			}
		})
	}
}

// The session's id is in every access token: knowing it must not be enough to sign
// somebody out.
func TestForgedTokenEndsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.signIn(t, "ada@example.org")
	forged := []string{"", "x", in.Refresh + "A", in.Refresh[1:], encodeToken(in.Session.ID, make([]byte, 8+32))}
	for i := range len(in.Refresh) - 1 { // the last character carries padding bits
		forged = append(forged, flip(in.Refresh, i))
	}
	for _, token := range forged {
		_, _, err := b.Refresh(t.Context(), token)
		wantCode(t, err, "session.ended")
	}
	if _, err := b.Session(t.Context(), in.Refresh); err != nil {
		t.Errorf("the true one: %v", err)
	}
}

func TestAnotherPepperKnowsNoSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.signIn(t, "ada@example.org")
	other := testConfig()
	other.Pepper = randomSeed()
	_, err := replica(t, b.db, other, b.clock).Session(t.Context(), in.Refresh)
	wantCode(t, err, "session.ended")
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.signIn(t, "ada@example.org")
		b.clock.Advance(90*day - time.Second)
		token := b.refresh(t, in.Refresh)
		b.clock.Advance(90*day - time.Second)
		b.refresh(t, token)
		b.clock.Advance(90 * day)
		_, err := b.Session(t.Context(), token)
		wantCode(t, err, "session.ended")
	})
	t.Run("after a year", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		token := b.signIn(t, "ada@example.org").Refresh
		for range 5 {
			b.clock.Advance(73*day - time.Second)
			token = b.refresh(t, token)
		}
		b.clock.Advance(5 * time.Second)
		_, _, err := b.Refresh(t.Context(), token)
		wantCode(t, err, "session.ended")
	})
	t.Run("limited", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		session, token, err := b.StartLimitedSession(t.Context(), b.claim(t, "ada@example.org").ID, "", day)
		if err != nil || !session.Limited {
			t.Fatalf("limited %v, %v", session.Limited, err)
		}
		b.clock.Advance(day - time.Second)
		if v, err := b.Session(t.Context(), token); err != nil || !v.Session.Limited {
			t.Errorf("limited %v, %v", v.Session.Limited, err)
		}
		b.clock.Advance(time.Second)
		_, _, err = b.Refresh(t.Context(), token)
		wantCode(t, err, "session.ended")
	})
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in, other := b.signIn(t, "ada@example.org"), b.signIn(t, "ada@example.org")
	for _, token := range []string{in.Refresh, in.Refresh, "", flip(other.Refresh, 50)} {
		if err := b.SignOut(t.Context(), token); err != nil {
			t.Errorf("%q: %v", token, err)
		}
	}
	_, err := b.Session(t.Context(), in.Refresh)
	wantCode(t, err, "session.ended")
	if _, err := b.Session(t.Context(), other.Refresh); err != nil {
		t.Errorf("the other device: %v", err)
	}
	if got := b.session(t, in.Session.ID); got.RevokedReason != "signed_out" {
		t.Errorf("revoked for %q", got.RevokedReason)
	}
}

// Eight tabs renew the same token at the same moment, two hundred days in a row,
// against two processes.
func TestTabsAgree(t *testing.T) {
	t.Parallel()
	const tabs, rounds = 8, 200
	b := setup(t)
	services := []*Service{b.Service, replica(t, b.db, testConfig(), b.clock)}
	token := b.signIn(t, "ada@example.org").Refresh
	for round := range rounds {
		b.clock.Advance(day)
		var mu sync.Mutex
		answers := map[string]int{}
		errs := atOnce(tabs, func(i int) error {
			_, next, err := services[i%2].Refresh(t.Context(), token)
			mu.Lock()
			defer mu.Unlock()
			answers[next]++
			return err
		})
		if counts := tally(errs); counts["ok"] != tabs || len(answers) != 1 {
			t.Fatalf("round %d: %v, %d different answers", round, counts, len(answers))
		}
		for next := range answers {
			token = next
		}
	}
	id, _, _ := decodeToken(token, generationBytes+macBytes)
	if got := b.session(t, id); got.Generation != rounds {
		t.Errorf("generation %d after %d rotations", got.Generation, rounds)
	}
}

func TestSessionOfNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stranger := models.Session{ID: models.NewID(), Seed: randomSeed()}
	_, err := b.Session(t.Context(), b.refreshToken(stranger))
	wantCode(t, err, "session.ended")
}
