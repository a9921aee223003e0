package auth

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Nor can the codes tell: each is refused as it would be had the mail been sent.
func TestALimitedAttemptGuessesAlike(t *testing.T) {
	t.Parallel()
	b, _ := strict(t)
	var statements []string
	recordSQL(t, b.db.DB, func(sql string) { statements = append(statements, sql) })
	guess := func(m mailed) (said map[string]int, sql []string) {
		statements = nil
		var errs []error
		for range maxTries + 1 {
			_, err := b.RedeemCode(t.Context(), m.cookie, "wrong", Client{})
			errs = append(errs, err)
		}
		return tally(errs), statements
	}
	sent := b.ask(t, SignIn{Email: "ada@example.org"})
	b.ask(t, SignIn{Email: "ada@example.org"})
	b.ask(t, SignIn{Email: "ada@example.org"})
	limited := b.ask(t, SignIn{Email: "ada@example.org"})
	said, sql := guess(sent)
	alsoSaid, alsoSQL := guess(limited)
	if diff := cmp.Diff(said, alsoSaid) + cmp.Diff(sql, alsoSQL); diff != "" || said["signin.code_wrong"] != 4 {
		t.Errorf("%v: %s", said, diff)
	}
}

// The table of budgets is not logged by Postgres: after a crash it is empty. That gives
// everybody their hour's budget back, and fails nothing.
func TestACrashGivesBudgetsBack(t *testing.T) {
	t.Parallel()
	b, services := strict(t)
	oneAddress := func(int) SignIn { return SignIn{Email: "ada@example.org", IP: "198.51.100.1"} }
	for range 2 {
		if got := mailable(t, b, services, 5, oneAddress); got != 3 {
			t.Errorf("%d mails, want 3", got)
		}
		if err := b.db.Exec("TRUNCATE sign_in_limits").Error; err != nil {
			t.Fatal(err)
		}
	}
	var kind string
	if err := b.db.Raw(`SELECT relpersistence FROM pg_class WHERE relname = 'sign_in_limits'`).Scan(&kind).Error; err != nil || kind != "u" {
		t.Errorf("the table is %q, %v", kind, err)
	}
}

// The operator is told that a network is crowded, and not which.
func TestACrowdedNetworkIsNotNamed(t *testing.T) {
	t.Parallel()
	b, _ := strict(t)
	var log strings.Builder
	b.log = slog.New(slog.NewTextHandler(&log, nil))
	for range 8 {
		b.ask(t, SignIn{Email: "ada@example.org", IP: "203.0.113.9"})
	}
	if said := log.String(); !strings.Contains(said, "TRUSTED_PROXIES") || strings.Contains(said, "203.0") || strings.Contains(said, "ada") {
		t.Errorf("the log says %q", said)
	}
}

// What a refusal rolls back was never so: nobody is signed out, nothing is called back,
// and the link is as good as before.
func TestAProofThatIsRefusedEndsNothing(t *testing.T) {
	t.Parallel()
	b, _ := strict(t)
	prepare(t, b.Service)
	from := Client{IP: "203.0.113.9"}
	for i := range 5 {
		m := b.ask(t, SignIn{Email: fmt.Sprintf("reader%d@example.org", i), IP: fmt.Sprintf("198.51.%d.1", i)})
		if _, err := b.RedeemLink(t.Context(), m.token, from); err != nil {
			t.Fatal(err)
		}
	}
	_, early, err := b.StartLimitedSession(t.Context(), b.claim(t, "ada@example.org").ID, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	m := b.ask(t, SignIn{Email: "ada@example.org"})
	_, err = b.RedeemLink(t.Context(), m.token, from)
	wantCode(t, err, "signin.too_often")
	if _, err := b.Session(t.Context(), early); err != nil {
		t.Errorf("the session that was there: %v", err)
	}
	if said, _ := b.told(t); said["sids"] != nil || said["seq"] != 0.0 {
		t.Errorf("the feed says %v", said)
	}
	if in, err := b.RedeemLink(t.Context(), m.token, Client{}); err != nil || !in.FirstProof {
		t.Errorf("the link afterwards: %v", err)
	}
}
