package paywall_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

// startAway starts a verifier whose issuer has gone, and returns what it makes
// of a good token.
func startAway(t *testing.T, issuer *paywalltest.Issuer, file string) (log string, verdict error) {
	t.Helper()
	issuer.Break(paywalltest.Down)
	var said lines
	v, err := paywall.New(paywall.Config{
		Issuer: issuer.URL(), Audience: paywalltest.Audience, Clock: issuer.Now,
		KeysFile: file, Logger: said.logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, verdict = v.Verify(issuer.Token())
	v.Close()
	return said.String(), verdict
}

func TestKeysFileOutlivesTheProgram(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	folder := t.TempDir()
	file := filepath.Join(folder, "keys.json")
	issuer.Verifier(t, func(c *paywall.Config) { c.KeysFile = file }).Close()
	if document, err := os.ReadFile(file); err != nil || string(document) != string(issuer.JWKS()) {
		t.Fatalf("kept %q, %v", document, err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 1 {
		t.Errorf("left beside it: %v", entries)
	}
	if log, err := startAway(t, issuer, file); err != nil || strings.Contains(log, "keys file not used") {
		t.Errorf("at the next start: %v\n%s", err, log)
	}
	if _, err := startAway(t, issuer, ""); !errors.Is(err, paywall.ErrUnavailable) {
		t.Errorf("without the file: %v", err)
	}
}

func TestKeysFileThatIsNoUse(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	for name, c := range map[string]struct {
		content string
		age     time.Duration
		want    error
	}{
		"fresh":                 {string(issuer.JWKS()), 23 * time.Hour, nil},
		"from a put-back clock": {string(issuer.JWKS()), -time.Hour, nil},
		"too old":               {string(issuer.JWKS()), 25 * time.Hour, paywall.ErrUnavailable},
		"empty":                 {"", 0, paywall.ErrUnavailable},
		"half":                  {string(issuer.JWKS()[:50]), 0, paywall.ErrUnavailable},
	} {
		file := filepath.Join(t.TempDir(), "keys.json")
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-c.age)
		if err := os.Chtimes(file, then, then); err != nil {
			t.Fatal(err)
		}
		log, err := startAway(t, issuer, file)
		if !errors.Is(err, c.want) || strings.Contains(log, "keys file not used") != (c.want != nil) {
			t.Errorf("%s: %v\n%s", name, err, log)
		}
	}
	if log, err := startAway(t, issuer, filepath.Join(t.TempDir(), "keys.json")); err == nil || strings.Contains(log, "keys file") {
		t.Errorf("the very first start is no fault: %v\n%s", err, log)
	}
}

// Keys from the file age on: a day after they were fetched they are too old,
// whenever the program was started.
func TestKeysFromTheFileAgeOn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		v.Close()
		fetched := time.Now()
		pass(20 * time.Hour)
		w.set(func(w *wire) { w.broken = true })
		again := w.verifier(t, func(c *paywall.Config) { c.KeysFile = file })
		defer again.Close()
		if got := again.Stats().KeysFetched; !got.Equal(fetched) {
			t.Errorf("fetched at %v, not %v", got, fetched)
		}
		if err := verdict(again, issuer.Token()); err != nil {
			t.Errorf("after 20 h: %v", err)
		}
		pass(5 * time.Hour)
		if err := verdict(again, issuer.Token()); !errors.Is(err, paywall.ErrUnavailable) {
			t.Errorf("after 25 h: %v", err)
		}
	}, func(c *paywall.Config) { c.KeysFile = file })
}

// A file from the future, which a clock that was put back leaves, is as if
// fetched now.
func TestKeysFileFromTheFuture(t *testing.T) {
	t.Parallel()
	issuer := paywalltest.NewIssuer(t)
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, issuer.JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	future := time.Now().Add(time.Hour)
	if err := os.Chtimes(file, future, future); err != nil {
		t.Fatal(err)
	}
	v := issuer.Verifier(t, func(c *paywall.Config) { c.KeysFile, c.JWKSURL = file, issuer.URL()+"/gone" })
	if fetched := v.Stats().KeysFetched; fetched.After(time.Now()) {
		t.Errorf("fetched at %v", fetched)
	}
}

func TestKeysFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	inBubble(t, func(t *testing.T, issuer *paywalltest.Issuer, w *wire, v *paywall.Verifier) {
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		pass(6 * time.Minute)
		if err := verdict(v, issuer.Token()); err != nil {
			t.Error(err)
		}
		if log := w.log.String(); !strings.Contains(log, "keys not kept") || v.Stats().KeysFailing {
			t.Errorf("%s", log)
		}
	}, func(c *paywall.Config) { c.KeysFile = filepath.Join(folder, "keys.json") })
}
