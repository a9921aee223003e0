package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

func TestFiveTriesThenTheLinkOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.ask(t, SignIn{Email: "ada@example.org"})
	var errs []error
	for range 5 {
		_, err := b.RedeemCode(t.Context(), m.cookie, "wrong", Client{})
		errs = append(errs, err)
	}
	if diff := cmp.Diff(map[string]int{"signin.code_wrong": 4, "signin.too_many_tries": 1}, tally(errs)); diff != "" {
		t.Error(diff)
	}
	_, err := b.RedeemCode(t.Context(), m.cookie, m.code, Client{})
	wantCode(t, err, "signin.too_many_tries")
	if _, err := b.RedeemLink(t.Context(), m.token, Client{}); err != nil {
		t.Errorf("the link, which nobody can guess: %v", err)
	}
}

func TestGuessingInParallelGetsFiveTries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.ask(t, SignIn{Email: "ada@example.org"})
	errs := atOnce(24, func(int) error {
		_, err := b.RedeemCode(t.Context(), m.cookie, "wrong", Client{})
		return err
	})
	// The last of the five, and every call that came too late, say "too many".
	counts := tally(errs)
	if counts["signin.code_wrong"] > 4 || counts["signin.code_wrong"]+counts["signin.too_many_tries"] != 24 {
		t.Errorf("got %v", counts)
	}
	id, _, _ := decodeToken(m.cookie, seedBytes)
	if a, err := b.attempt(t.Context(), id); err != nil || a.Tries != 5 {
		t.Errorf("%d tries counted, %v", a.Tries, err)
	}
}

func TestCodeIsBoundToItsBrowser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mine, other := b.ask(t, SignIn{Email: "ada@example.org"}), b.ask(t, SignIn{Email: "ada@example.org"})
	ofNobody := encodeToken(models.NewID(), randomSeed())
	for _, cookie := range []string{"", "%%%", flip(mine.cookie, 40), ofNobody} {
		_, err := b.RedeemCode(t.Context(), cookie, mine.code, Client{})
		wantCode(t, err, "signin.code_expired")
	}
	_, err := b.RedeemCode(t.Context(), other.cookie, mine.code, Client{})
	wantCode(t, err, "signin.code_wrong")
	id, _, _ := decodeToken(mine.cookie, seedBytes)
	if a, err := b.attempt(t.Context(), id); err != nil || a.Tries != 0 {
		t.Errorf("strangers spent %d tries, %v", a.Tries, err)
	}
}

func TestParallelRedemptionSucceedsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.ask(t, SignIn{Email: "ada@example.org"})
	errs := atOnce(100, func(i int) (err error) {
		if i%4 == 0 {
			_, err = b.RedeemCode(t.Context(), m.cookie, m.code, Client{})
		} else {
			_, err = b.RedeemLink(t.Context(), m.token, Client{})
		}
		return err
	})
	counts := tally(errs)
	if counts["ok"] != 1 || counts["ok"]+counts["signin.link_used"]+counts["signin.code_used"]+counts["signin.too_many_tries"] != 100 {
		t.Errorf("got %v", counts)
	}
	if n, _ := gorm.G[models.Session](b.db.DB).Count(t.Context(), "id"); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestTwoProofsAtOnceAreOneFirst(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(bench){
		"of nobody":    func(bench) {},
		"of a claimer": func(b bench) { b.claim(t, "ada@example.org") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			prepare(b)
			mails := []mailed{b.ask(t, SignIn{Email: "ada@example.org"}), b.ask(t, SignIn{Email: "ada@example.org"})}
			ins := make([]SignedIn, len(mails))
			for _, err := range atOnce(len(mails), func(i int) (err error) {
				ins[i], err = b.RedeemLink(t.Context(), mails[i].token, Client{})
				return err
			}) {
				if err != nil {
					t.Error(err)
				}
			}
			if ins[0].Member.ID != ins[1].Member.ID || ins[0].FirstProof == ins[1].FirstProof {
				t.Errorf("members %s, %s; first proofs %v, %v", ins[0].Member.ID, ins[1].Member.ID, ins[0].FirstProof, ins[1].FirstProof)
			}
		})
	}
}

func TestForgedLinksAreUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.ask(t, SignIn{Email: "ada@example.org"})
	forged := []string{"", "x", m.token + "A", m.token[1:], m.token[:63] + "\n", m.cookie}
	for i := range m.token {
		forged = append(forged, flip(m.token, i))
	}
	for _, token := range forged {
		_, err := b.RedeemLink(t.Context(), token, Client{})
		wantCode(t, err, "signin.link_unknown")
	}
	otherPepper := testConfig()
	otherPepper.Pepper = []byte(strings.Repeat("q", 32))
	_, err := replica(t, b.db, otherPepper, b.clock).RedeemLink(t.Context(), m.token, Client{})
	wantCode(t, err, "signin.link_unknown")
	if _, err := b.RedeemLink(t.Context(), m.token, Client{}); err != nil {
		t.Errorf("the true one: %v", err)
	}
}

func TestFirstProofEndsOtherSessions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	buyer := b.claim(t, "ada@example.org")
	_, lurker, err := b.StartLimitedSession(t.Context(), buyer.ID, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	bystander := b.signIn(t, "bob@example.org")
	if in := b.signIn(t, "ada@example.org"); !in.FirstProof || in.Member.ID != buyer.ID {
		t.Errorf("first proof %v of member %s, want %s", in.FirstProof, in.Member.ID, buyer.ID)
	}
	_, err = b.Session(t.Context(), lurker)
	wantCode(t, err, "session.ended")
	if _, err := b.Session(t.Context(), bystander.Refresh); err != nil {
		t.Errorf("another member was signed out: %v", err)
	}
}

// Who paid under an address and comes back in the moment in which its owner proves it
// must not be let in after the first proof has put everybody else out.
func TestNoLimitedSessionFollowsTheFirstProof(t *testing.T) {
	t.Parallel()
	b := setup(t)
	buyer := b.claim(t, "ada@example.org")
	proof := b.db.Begin()
	t.Cleanup(func() { proof.Rollback() })
	if err := proof.Exec(`UPDATE members SET email_verified_at = ? WHERE id = ?`, b.now(), buyer.ID).Error; err != nil {
		t.Fatal(err)
	}
	begun := make(chan error, 1)
	go func() {
		_, _, err := b.StartLimitedSession(t.Context(), buyer.ID, "", time.Hour)
		begun <- err
	}()
	b.untilWaiting(t, begun)
	if err := proof.Commit().Error; err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-begun, "session.ended")
	if n, err := gorm.G[models.Session](b.db.DB).Count(t.Context(), "id"); err != nil || n != 0 {
		t.Errorf("%d sessions, %v", n, err)
	}
}

// untilWaiting returns when somebody waits for a lock, and fails the test if who should
// is done instead.
func (b bench) untilWaiting(t *testing.T, done <-chan error) {
	t.Helper()
	for waiting := 0; waiting == 0; {
		select {
		case err := <-done:
			t.Fatalf("waited for nobody: %v", err)
		default:
		}
		err := b.db.Raw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting).Error
		if err != nil {
			t.Fatal(err)
		}
	}
}
