package auth

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
	"newsroom.example/membership/paywall"
)

func (b bench) states(t *testing.T) map[models.KeyState]int {
	t.Helper()
	rows, err := gorm.G[models.SigningKey](b.db.DB).Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[models.KeyState]int{}
	for _, row := range rows {
		counts[row.State]++
	}
	return counts
}

// Of replicas that find the rotation due at once, one does it, a year long.
func TestOneReplicaRotates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	replicas := make([]*Service, 8)
	for i := range replicas {
		replicas[i] = replica(t, b.db, testConfig(), b.clock)
	}
	prepare(t, b.Service)
	want := map[models.KeyState]int{models.KeyActive: 1, models.KeyPending: 1}
	for range 4 {
		b.clock.Advance(activeFor)
		for _, err := range atOnce(2*len(replicas), func(i int) error { return replicas[i/2].Keys.Prepare(t.Context()) }) {
			if err != nil {
				t.Error(err)
			}
		}
		want[models.KeyRetiring] = 1
		if diff := cmp.Diff(want, b.states(t)); diff != "" {
			t.Fatal(diff)
		}
		delete(want, models.KeyRetiring)
		want[models.KeyRetired]++
		b.clock.Advance(retiringFor)
		prepare(t, b.Service)
		if diff := cmp.Diff(want, b.states(t)); diff != "" {
			t.Fatal(diff)
		}
	}
}

// While replicas rotate, load and sign at once, each token verifies against each
// replica's keys, by article services' own code.
func TestTokensVerifyWhileKeysTurn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.signIn(t, "ada@example.org")
	replicas := make([]*Service, 4)
	readers := make([]*paywall.Verifier, len(replicas))
	for i := range replicas {
		replicas[i] = replica(t, b.db, testConfig(), b.clock)
		prepare(t, replicas[i])
	}
	for day := range 3 {
		b.clock.Advance(publishedFirst)
		for i, s := range replicas {
			readers[i] = reader(t, bench{s, b.db, b.clock}) // what a verifier has from before
		}
		var turning sync.WaitGroup
		turning.Go(func() {
			if _, err := replicas[day].Keys.Rotate(t.Context(), Why{"test", "turn"}); err != nil {
				t.Error(err)
			}
		})
		for _, err := range atOnce(4*len(replicas), func(i int) error { return signAndShow(t, replicas[i%4], in, readers, i%3 == 0) }) {
			if err != nil {
				t.Errorf("day %d: %v", day, err)
			}
		}
		turning.Wait()
		for i := range replicas {
			if err := signAndShow(t, replicas[i], in, readers, true); err != nil {
				t.Errorf("day %d, after: %v", day, err)
			}
		}
	}
}

func signAndShow(t *testing.T, s *Service, in SignedIn, readers []*paywall.Verifier, load bool) error {
	if load {
		if err := s.Keys.Prepare(t.Context()); err != nil {
			return err
		}
	}
	token, _, err := s.Token(t.Context(), Visitor{in.Member, in.Session}, Access{}, "")
	if err != nil {
		return err
	}
	for _, r := range readers {
		_, err := r.Verify(token)
		if err != nil {
			return err
		}
	}
	return nil
}

// A process that has heard nothing for an hour asks before it signs, and neither
// signs nor is ready if it is not told.
func TestAProcessThatIsBehindAsksFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	late := replica(t, b.db, testConfig(), b.clock)
	prepare(t, late)
	first := late.Keys.ring.Load().active.public.ID
	b.clock.Advance(publishedFirst)
	if err := late.Keys.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Keys.Rotate(t.Context(), Why{"test", "turn"}); err != nil {
		t.Fatal(err)
	}
	kid := func() string {
		t.Helper()
		key, err := late.Keys.signer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return key.public.ID
	}
	b.clock.Advance(ringLife)
	if kid() != first {
		t.Error("asked within the hour")
	}
	b.clock.Advance(time.Microsecond)
	if kid() == first {
		t.Error("signs with a key that it heard of an hour ago")
	}
	b.clock.Advance(ringLife + time.Microsecond)
	if err := b.db.Exec(`UPDATE signing_keys SET sealed_private = '' WHERE state = 'active'`).Error; err != nil {
		t.Fatal(err)
	}
	if err := late.Keys.Ready(t.Context()); !errors.Is(err, errSealed) {
		t.Errorf("ready: %v", err)
	}
}

func TestAKeyThatCannotBeOpenedNeverSigns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	if err := b.db.Exec(`UPDATE signing_keys SET sealed_private = '' WHERE state = 'pending'`).Error; err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(activeFor)
	if err := b.Keys.Prepare(t.Context()); !errors.Is(err, errSealed) || !strings.Contains(err.Error(), "membership keys revoke") {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff(map[models.KeyState]int{models.KeyActive: 1, models.KeyPending: 1}, b.states(t)); diff != "" {
		t.Error(diff)
	}
}

func TestTheOtherAlgorithmTakesOverInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	cfg := testConfig()
	cfg.Algorithm = algEdDSA
	next := replica(t, b.db, cfg, b.clock)
	var seen [][]string
	for range 3 {
		prepare(t, next)
		doc, err := next.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		algs := []string{next.Keys.ring.Load().active.public.Algorithm}
		if bytes.Contains(doc.Body, []byte(`"ES256"`)) {
			algs = append(algs, "ES256 published")
		}
		if bytes.Contains(doc.Body, []byte(`"EdDSA"`)) {
			algs = append(algs, "EdDSA published")
		}
		seen = append(seen, algs)
		b.clock.Advance(publishedFirst)
	}
	want := [][]string{{"ES256", "ES256 published"}, {"ES256", "ES256 published", "EdDSA published"}, {"EdDSA", "ES256 published", "EdDSA published"}}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

// The private half of a key that is over is of no use to us, and of some to others.
func TestKeysThatAreOverLeaveNoSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	prepare(t, b.Service)
	if _, err := b.Keys.Revoke(t.Context(), b.Keys.ring.Load().active.public.ID, Why{"test", "leaked"}); err != nil {
		t.Fatal(err)
	}
	row, err := gorm.G[models.SigningKey](b.db.DB).Where("state = ?", models.KeyRevoked).Take(t.Context())
	if err != nil || len(row.SealedPrivate) != 0 || row.EndedAt == nil {
		t.Errorf("%+v, %v", row, err)
	}
}

func TestNoKidReadsLikeAnOption(t *testing.T) {
	t.Parallel()
	for range 400 {
		if s, err := newSigner(algEdDSA); err != nil || strings.HasPrefix(s.public.ID, "-") {
			t.Fatalf("kid %s, %v", s.public.ID, err)
		}
	}
}
