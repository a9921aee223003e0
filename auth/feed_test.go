package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/internal/pglocal/pgtest"
	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

// told is what the feed says now, and its ETag.
func (b bench) told(t *testing.T) (map[string]any, string) {
	t.Helper()
	b.feed.Store(nil)
	d, err := b.Revocations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, said := decode(t, string(d.Body))
	return said, d.ETag
}

func (b bench) write(t *testing.T, fn func(tx *gorm.DB) error) {
	t.Helper()
	if err := b.db.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// take revokes a member's access at a version of its own.
func (b bench) take(t *testing.T, m models.Member, version int64) {
	t.Helper()
	b.write(t, func(tx *gorm.DB) error {
		if err := tx.Model(&m).Update("entitlement_version", version).Error; err != nil {
			return err
		}
		return models.RevokeAccess(tx, m.ID, b.now())
	})
}

func TestTheFeedSaysWhatItMust(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig()
			cfg.Algorithm = alg
			b := setupWith(t, cfg)
			prepare(t, b.Service)
			in := b.signIn(t, "ada@example.org")
			before, _ := b.told(t)
			b.take(t, in.Member, 4)
			b.take(t, in.Member, 6)
			if err := b.SignOut(t.Context(), in.Refresh); err != nil {
				t.Fatal(err)
			}
			said, _ := b.told(t)
			d, _ := b.Revocations(t.Context())
			header, claims := decode(t, string(d.Body))
			if diff := cmp.Diff(said, claims); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string]any{"alg": alg, "kid": b.Keys.ring.Load().active.public.ID, "typ": "revocations+jwt"}, header); diff != "" {
				t.Error(diff)
			}
			now := float64(b.now().Unix())
			empty := map[string]any{"iss": b.cfg.Issuer, "iat": now, "exp": now + 60, "seq": 0.0}
			if diff := cmp.Diff(empty, before); diff != "" {
				t.Error(diff)
			}
			want := map[string]any{
				"iss": b.cfg.Issuer, "iat": now, "exp": now + 60, "seq": 3.0,
				"subs": map[string]any{Subject(in.Member.ID): 6.0}, "sids": []any{"ses_" + in.Session.ID.String()},
			}
			if diff := cmp.Diff(want, said); diff != "" {
				t.Error(diff)
			}
			if _, err := reader(t, b).Verify(string(d.Body)); !errors.Is(err, paywall.ErrInvalid) {
				t.Errorf("the feed as a token: %v", err)
			}
		})
	}
}

// Every way in which a session ends ends its tokens, once, and nobody else's.
func TestEndedSessionsAreTold(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, b bench) []uuid.UUID{
		"signed out, twice": func(t *testing.T, b bench) []uuid.UUID {
			t.Helper()
			in := b.signIn(t, "ada@example.org")
			for range 2 {
				if err := b.SignOut(t.Context(), in.Refresh); err != nil {
					t.Fatal(err)
				}
			}
			return []uuid.UUID{in.Session.ID}
		},
		"reuse": func(t *testing.T, b bench) []uuid.UUID {
			t.Helper()
			in := b.signIn(t, "ada@example.org")
			b.clock.Advance(day)
			second := b.refresh(t, in.Refresh)
			b.clock.Advance(day)
			b.refresh(t, second)
			for range 2 {
				_, err := b.Session(t.Context(), in.Refresh)
				wantCode(t, err, "session.ended")
			}
			return []uuid.UUID{in.Session.ID}
		},
		"first proof": func(t *testing.T, b bench) []uuid.UUID {
			t.Helper()
			m := b.claim(t, "ada@example.org")
			var ended []uuid.UUID
			for range 2 {
				session, _, err := b.StartLimitedSession(t.Context(), m.ID, "", time.Hour)
				if err != nil {
					t.Fatal(err)
				}
				ended = append(ended, session.ID)
			}
			b.signIn(t, "ada@example.org")
			return ended
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			prepare(t, b.Service)
			other := b.signIn(t, "eve@example.org")
			ended := end(t, b)
			var want []any
			for _, id := range ended {
				want = append(want, sessionName(id))
			}
			slices.SortFunc(want, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			said, _ := b.told(t)
			if diff := cmp.Diff(want, said["sids"]); diff != "" || said["seq"] != float64(len(ended)) {
				t.Errorf("%s, number %v", diff, said["seq"])
			}
			if _, err := b.Session(t.Context(), other.Refresh); err != nil {
				t.Errorf("somebody else: %v", err)
			}
		})
	}
}

// Of two revocations the one with the lower number may be committed later. It is told
// all the same, under another ETag.
func TestALateRevocationIsNotMissed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	slow, quick := b.claim(t, "slow@example.org"), b.claim(t, "quick@example.org")
	var before string
	b.write(t, func(tx *gorm.DB) error {
		if err := models.RevokeAccess(tx, slow.ID, b.now()); err != nil {
			return err
		}
		b.take(t, quick, 1)
		said, etag := b.told(t)
		if diff := cmp.Diff(map[string]any{Subject(quick.ID): 1.0}, said["subs"]); diff != "" || said["seq"] != 2.0 {
			t.Errorf("before the commit: %s, number %v", diff, said["seq"])
		}
		before = etag
		return nil
	})
	said, after := b.told(t)
	if diff := cmp.Diff(map[string]any{Subject(slow.ID): 0.0, Subject(quick.ID): 1.0}, said["subs"]); diff != "" || said["seq"] != 2.0 {
		t.Errorf("%s, number %v", diff, said["seq"])
	}
	if before == after {
		t.Error("the same ETag")
	}
}

// However many ask at once, one statement answers them, and the ETag stays as long as
// nothing else is said.
func TestTheFeedComesFromMemory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	b.feedFresh = time.Hour
	in := b.signIn(t, "ada@example.org")
	statements := make(chan string, 100)
	err := b.db.Callback().Query().After("gorm:query").Register("count", func(tx *gorm.DB) { statements <- tx.Statement.Table })
	if err != nil {
		t.Fatal(err)
	}
	_, first := b.told(t)
	<-statements
	b.take(t, in.Member, 1)
	b.clock.Advance(time.Minute)
	b.feed.Store(nil)
	etags := make([]string, 50)
	atOnce(len(etags), func(i int) error {
		d, err := b.Revocations(t.Context())
		etags[i] = d.ETag
		return err
	})
	if again := slices.Compact(etags); len(again) != 1 || again[0] == first {
		t.Errorf("ETags %v after %s", again, first)
	}
	if len(statements) != 1 {
		t.Errorf("%d statements", len(statements))
	}
	b.clock.Advance(time.Minute)
	said, etag := b.told(t)
	if etag != etags[0] || said["iat"] != float64(b.now().Unix()) {
		t.Errorf("%s at %v, was %s", etag, said["iat"], etags[0])
	}
}

// What was revoked is told a second later without anybody's doing.
func TestTheFeedIsReadAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	b.feedFresh = time.Millisecond
	in := b.signIn(t, "ada@example.org")
	first, err := b.Revocations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.take(t, in.Member, 1)
	for d := first; d.ETag == first.ETag; {
		if d, err = b.Revocations(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Rows are told until no token of before lives, and purged then; the number does not
// fall.
func TestTheNumberNeverFalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	m := b.claim(t, "ada@example.org")
	b.write(t, func(tx *gorm.DB) error {
		for range 2*purgePage + 1 {
			if err := models.RevokeSessions(tx, []uuid.UUID{models.NewID()}, b.now()); err != nil {
				return err
			}
		}
		return nil
	})
	b.clock.Advance(time.Minute)
	b.take(t, m, 9)
	last := float64(2*purgePage + 2)
	for _, stage := range []struct {
		after time.Duration
		rows  int64
		sids  int
	}{
		{models.TokenLife, 2*purgePage + 2, 2*purgePage + 1},
		{time.Minute + time.Second, 1, 0},
		{time.Hour, 1, 0},
	} {
		b.clock.Advance(stage.after)
		said, _ := b.told(t)
		sids, _ := said["sids"].([]any)
		if said["seq"] != last || len(sids) != stage.sids {
			t.Errorf("after %s: number %v, %d sessions", stage.after, said["seq"], len(sids))
		}
		if err := b.purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if rows, err := gorm.G[models.Revocation](b.db.DB).Count(t.Context(), "id"); err != nil || rows != stage.rows {
			t.Errorf("after %s: %d rows, %v", stage.after, rows, err)
		}
	}
}

// More than the document holds: the newest are told, the log says so, and article
// services can still read it.
func TestTheFeedIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	var log strings.Builder
	b.log = slog.New(slog.NewTextHandler(&log, nil))
	fill := func(n int) {
		err := b.db.Exec(`INSERT INTO revocations (member_id, version, until, created_at)
			SELECT gen_random_uuid(), 9999999 + i, ?, ? FROM generate_series(1, ?) i`, models.TokensDead(b.now()), b.now(), n).Error
		if err != nil {
			t.Fatal(err)
		}
	}
	fill(maxRevocations)
	said, _ := b.told(t)
	if subs := said["subs"].(map[string]any); len(subs) != maxRevocations || log.Len() != 0 {
		t.Errorf("%d members, log %q", len(subs), &log)
	}
	newest := models.NewID()
	b.write(t, func(tx *gorm.DB) error { return models.RevokeSessions(tx, []uuid.UUID{newest}, b.now()) })
	said, _ = b.told(t)
	if diff := cmp.Diff([]any{sessionName(newest)}, said["sids"]); diff != "" || len(said["subs"].(map[string]any)) != maxRevocations-1 {
		t.Error(diff)
	}
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Error("nobody is told")
	}
	if d, _ := b.Revocations(t.Context()); len(d.Body) > paywall.MaxFeedBytes*9/10 {
		t.Errorf("%d bytes", len(d.Body))
	}
}

// Without a database, or before there is a key, there is no document, rather than an
// old one or one that says nothing.
func TestTheFeedFailsOutLoud(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.Revocations(t.Context()); err == nil {
		t.Error("signed before there was a key")
	}
	prepare(t, b.Service)
	b.told(t)
	b.feed.Store(nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := b.Revocations(gone); !errors.Is(err, context.Canceled) || d.Body != nil {
		t.Errorf("%s, %v", d.Body, err)
	}
	b.loading <- struct{}{} // somebody loads, and does not come to an end
	if _, err := b.Revocations(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("waited for another: %v", err)
	}
}

// Another replica tells the same, under the same ETag.
func TestReplicasTellTheSame(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	c := &clock{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	one, two := bench{replica(t, db, testConfig(), c), db, c}, bench{replica(t, db, testConfig(), c), db, c}
	prepare(t, one.Service)
	prepare(t, two.Service)
	for i := range 3 {
		one.take(t, one.claim(t, fmt.Sprint(i, "@example.org")), 1)
	}
	said, etag := one.told(t)
	also, same := two.told(t)
	if diff := cmp.Diff(said, also); diff != "" || etag != same {
		t.Errorf("%s, %s and %s", diff, etag, same)
	}
}
