package auth

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"newsroom.example/membership/internal/mailcatch"
	"newsroom.example/membership/models"
)

// strict is a bench of two processes with small budgets.
func strict(t *testing.T) (bench, []*Service) {
	t.Helper()
	cfg := testConfig()
	cfg.PerAddress, cfg.PerNetwork = 3, 5
	b := setupWith(t, cfg)
	return b, []*Service{b.Service, replica(t, b.db, cfg, b.clock)}
}

// mailable asks for that many mails at once, of two processes, and says how many of
// them would be sent.
func mailable(t *testing.T, b bench, services []*Service, n int, in func(i int) SignIn) int {
	t.Helper()
	cookies := make([]string, n)
	for _, err := range atOnce(n, func(i int) (err error) {
		ask := in(i)
		ask.Kind = models.SignInReader
		cookies[i], err = services[i%len(services)].RequestSignIn(t.Context(), ask)
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	sent := 0
	for _, cookie := range cookies {
		id, _, _ := decodeToken(cookie, seedBytes)
		a, err := b.attempt(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !a.Limited {
			sent++
		}
	}
	return sent
}

func TestBudgetsAreSharedAndFillUp(t *testing.T) {
	t.Parallel()
	b, services := strict(t)
	oneAddress := func(i int) SignIn { return SignIn{Email: "ada@example.org", IP: fmt.Sprintf("198.51.%d.1", i)} }
	if got := mailable(t, b, services, 40, oneAddress); got != 3 {
		t.Errorf("%d mails to one address, want 3", got)
	}
	oneNetwork := func(i int) SignIn {
		return SignIn{Email: fmt.Sprintf("reader%d@example.org", i), IP: fmt.Sprintf("203.0.113.%d", i)}
	}
	if got := mailable(t, b, services, 40, oneNetwork); got != 5 {
		t.Errorf("%d mails for one network, want 5", got)
	}
	b.clock.Advance(20*time.Minute - time.Second)
	if got := mailable(t, b, services, 4, oneAddress); got != 0 {
		t.Errorf("%d mails before a third of an hour is over, want none", got)
	}
	b.clock.Advance(time.Second)
	if got := mailable(t, b, services, 4, oneAddress); got != 1 {
		t.Errorf("%d mails after a third of an hour, want 1", got)
	}
	b.clock.Advance(3 * time.Hour)
	if got := mailable(t, b, services, 20, oneAddress); got != 3 {
		t.Errorf("%d mails after a long while, want 3 and no more", got)
	}
}

// Who is refused for their network must not use up somebody else's budget.
func TestARefusedNetworkLocksNobodyOut(t *testing.T) {
	t.Parallel()
	b, services := strict(t)
	mailable(t, b, services, 5, func(i int) SignIn { return SignIn{Email: fmt.Sprintf("n%d@example.org", i), IP: "203.0.113.1"} })
	mailable(t, b, services, 20, func(int) SignIn { return SignIn{Email: "ada@example.org", IP: "203.0.113.2"} })
	if got := mailable(t, b, services, 4, func(int) SignIn { return SignIn{Email: "ada@example.org", IP: "198.51.100.1"} }); got != 3 {
		t.Errorf("%d mails, want 3", got)
	}
}

func TestWhoAsksTooOftenSeesNoDifference(t *testing.T) {
	t.Parallel()
	b, _ := strict(t)
	var statements []string
	recordSQL(t, b.db.DB, func(sql string) { statements = append(statements, sql) })
	var seen [][]string
	var first mailed
	for i := range 6 {
		statements = nil
		m := b.ask(t, SignIn{Email: "ada@example.org", IP: "203.0.113.1"})
		if i == 0 {
			first = m
		}
		seen = append(seen, slices.Clone(statements))
	}
	for i, s := range seen {
		if diff := cmp.Diff(seen[0], s); diff != "" {
			t.Errorf("request %d: %s", i, diff)
		}
	}
	var jobs int64
	if err := b.db.Raw(`SELECT count(*) FROM river_job WHERE kind = 'sign_in_mail'`).Scan(&jobs).Error; err != nil || jobs != 6 {
		t.Errorf("%d jobs for 6 requests, %v", jobs, err)
	}
	// What was never mailed pushes out nothing that was.
	if _, err := b.RedeemLink(t.Context(), first.token, Client{}); err != nil {
		t.Errorf("the first link: %v", err)
	}
}

func TestALimitedAttemptIsNeitherMailedNorGood(t *testing.T) {
	t.Parallel()
	b, post := withPost(t)
	b.cfg.PerAddress = 1
	b.ask(t, SignIn{Email: "ada@example.org"})
	next(t, post, "ada@example.org")
	limited := b.ask(t, SignIn{Email: "ada@example.org"})
	_, err := b.RedeemLink(t.Context(), limited.token, Client{})
	wantCode(t, err, "signin.link_expired")
	_, err = b.RedeemCode(t.Context(), limited.cookie, limited.code, Client{})
	wantCode(t, err, "signin.code_expired")
	b.ask(t, SignIn{Email: "bob@example.org"})
	next(t, post, "bob@example.org") // jobs run in the order of their asking
	if n := len(slices.DeleteFunc(post.Mails(), func(m mailcatch.Mail) bool { return m.To != "ada@example.org" })); n != 1 {
		t.Errorf("%d mails to ada", n)
	}
}

func TestANetworkGuessesAndBeginsSoOften(t *testing.T) {
	t.Parallel()
	b, _ := strict(t)
	from := Client{IP: "203.0.113.9"}
	var errs []error
	for i := range 26 {
		m := b.ask(t, SignIn{Email: fmt.Sprintf("reader%d@example.org", i), IP: fmt.Sprintf("198.51.%d.1", i)})
		_, err := b.RedeemCode(t.Context(), m.cookie, "wrong", from)
		errs = append(errs, err)
	}
	if diff := cmp.Diff(map[string]int{"signin.code_wrong": 25, "signin.too_many_tries": 1}, tally(errs)); diff != "" {
		t.Error(diff)
	}
	var last mailed
	errs = nil
	for i := range 6 {
		last = b.ask(t, SignIn{Email: fmt.Sprintf("other%d@example.org", i), IP: fmt.Sprintf("198.51.%d.1", i)})
		_, err := b.RedeemLink(t.Context(), last.token, from)
		errs = append(errs, err)
	}
	if diff := cmp.Diff(map[string]int{"ok": 5, "signin.too_often": 1}, tally(errs)); diff != "" {
		t.Error(diff)
	}
	b.clock.Advance(12 * time.Minute)
	if _, err := b.RedeemLink(t.Context(), last.token, from); err != nil {
		t.Errorf("the link of a session that had to wait: %v", err)
	}
}

func TestPurgeKeepsWhatIsOfUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.ask(t, SignIn{Email: "ada@example.org", IP: "203.0.113.1"})
	b.insertAttempts(t, 2*purgePage+10)
	count := func(table string) (n int) {
		if err := b.db.Raw(`SELECT count(*) FROM ` + table).Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	b.clock.Advance(attemptLife + keepAttempts)
	if err := b.purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := count("sign_in_attempts"); got != 1 {
		t.Errorf("%d attempts left, want the youngest", got)
	}
	if got := count("sign_in_limits"); got != 0 {
		t.Errorf("%d budgets left that are full again", got)
	}
	_, err := b.RedeemLink(t.Context(), m.token, Client{})
	wantCode(t, err, "signin.link_expired")
	b.clock.Advance(time.Second)
	for _, err := range atOnce(4, func(int) error { return b.purge(t.Context()) }) {
		if err != nil {
			t.Error(err)
		}
	}
	_, err = b.RedeemLink(t.Context(), m.token, Client{})
	wantCode(t, err, "signin.link_unknown")
}

// insertAttempts keeps attempts that are a second older than the clock.
func (b bench) insertAttempts(t *testing.T, n int) {
	t.Helper()
	at := b.now().Add(-time.Second)
	rows := make([]models.SignInAttempt, n)
	for i := range rows {
		rows[i] = models.SignInAttempt{ID: models.NewID(), Kind: models.SignInReader, Email: "old@example.org", Seed: randomSeed(),
			CookieHash: hash(nil), Locale: "en", CreatedAt: at, ExpiresAt: at.Add(attemptLife)}
	}
	if err := gorm.G[models.SignInAttempt](b.db.DB).CreateInBatches(t.Context(), &rows, 500); err != nil {
		t.Fatal(err)
	}
}
