package paywalltest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLanguages runs the code that docs/verify.md shows, as it stands there, on every
// vector: its verdict must be ours.
func TestLanguages(t *testing.T) {
	t.Parallel()
	for language, driver := range map[string]string{"node": "drive.mjs", "python": "drive.py"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			interpreter, dir := workplace(t, language)
			write(t, dir, driver, read(t, filepath.Join("testdata", driver)))
			compareVerdicts(t, dir, interpreter, driver)
		})
	}
}

// workplace is a folder with the verifier that docs/verify.md shows, and what runs it.
func workplace(t *testing.T, language string) (interpreter, dir string) {
	t.Helper()
	interpreter, dir = atHand(t, language), t.TempDir()
	if language == "python" {
		write(t, dir, "verify.py", shown(t, "verify.py"))
		return interpreter, dir
	}
	if err := os.Symlink(filepath.Join(interpreter, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "verify.mjs", shown(t, "verify.mjs"))
	return "node", dir
}

func compareVerdicts(t *testing.T, dir string, command ...string) {
	t.Helper()
	file, err := filepath.Abs(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], file)...)
	cmd.Dir = dir
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command, err, &problem)
	}
	var got report
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := report{Before: "unavailable", First: map[string]string{}, EmptyKeys: true, TokenAsFeed: true}
	for _, row := range kept(t).Tokens {
		want.First[row.Name] = row.Class
		if row.Accept {
			want.First[row.Name] = "accepted"
		}
	}
	want.Second = want.First
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-ours +theirs)\n%s", diff)
	}
	t.Logf("%d tokens, each judged twice as we do", len(got.First))
}

// report is what a driver prints: verdicts by the vector's name, at the first time and
// when they may be remembered, and whether what must be refused was.
type report struct {
	Before        string // the verdict without keys
	First, Second map[string]string

	EmptyKeys, TokenAsFeed bool
}

// Both fetch keys and feed by themselves, and a token that is called back is refused by
// the next poll.
func TestLanguagesHearOfRevocations(t *testing.T) {
	t.Parallel()
	t.Run("python", func(t *testing.T) {
		t.Parallel()
		interpreter, dir := workplace(t, "python")
		write(t, dir, "live.py", read(t, "testdata/live.py"))
		issuer := NewIssuer(t)
		cmd := exec.CommandContext(t.Context(), interpreter, "live.py", issuer.URL(), Audience, issuer.Token())
		verdicts := lines(t, cmd, dir)
		if got := verdicts(); got != "accepted" {
			t.Fatalf("a good token: %q", got)
		}
		issuer.Revoke("mem_test")
		if got := verdicts(); got != "revoked" {
			t.Errorf("once called back: %q", got)
		}
	})
	t.Run("node", func(t *testing.T) {
		t.Parallel()
		interpreter, dir := workplace(t, "node")
		write(t, dir, "server.mjs", shown(t, "server.mjs"))
		issuer, port := NewIssuer(t), freePort(t)
		cmd := exec.CommandContext(t.Context(), interpreter, "server.mjs")
		cmd.Env = append(os.Environ(), "MEMBERS_URL="+issuer.URL(), "SITE_URL="+Audience, "PORT="+port)
		lines(t, cmd, dir)
		ask := func(token string, until int) {
			t.Helper()
			if got := answerOf(t, "http://127.0.0.1:"+port+"/", token, until); got != until {
				t.Errorf("got %d, want %d", got, until)
			}
		}
		member := issuer.Token(Entitlements("articles:full"))
		ask(member, http.StatusOK)
		ask(issuer.Token(), http.StatusForbidden)
		ask("", http.StatusUnauthorized)
		ask("nonsense", http.StatusUnauthorized)
		issuer.RevokeSession("ses_test")
		ask(member, http.StatusUnauthorized)
	})
}

// lines starts a command that ends with the test, and reads what it prints.
func lines(t *testing.T, cmd *exec.Cmd, dir string) (next func() string) {
	t.Helper()
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	scanner := bufio.NewScanner(out)
	return func() string {
		scanner.Scan()
		return scanner.Text()
	}
}

// answerOf asks until the answer is the one, or 15 seconds are over: no longer may it
// take until a token is dead.
func answerOf(t *testing.T, url, token string, until int) (status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil && status != until {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		if answer, err := http.DefaultTransport.RoundTrip(req); err == nil {
			answer.Body.Close()
			status = answer.StatusCode
		}
		<-tick.C
	}
	return status
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// shown is the code block of docs/verify.md that begins with a comment of its name.
func shown(t *testing.T, name string) string {
	t.Helper()
	for block := range strings.SplitSeq(read(t, "../../docs/verify.md"), "\n```") {
		_, code, _ := strings.Cut(block, "\n") // after the language's name
		if first, _, _ := strings.Cut(code, "\n"); strings.TrimLeft(first, "/# ") == name {
			return code + "\n"
		}
	}
	t.Fatalf("docs/verify.md shows no %s", name)
	return ""
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// languagesMissing is the exit code of scripts/languages.sh where there is no such
// language and none is required.
const languagesMissing = 3

// atHand is what the script says of a language. Without it the test is SKIPPED.
func atHand(t *testing.T, language string) string {
	t.Helper()
	var words strings.Builder
	cmd := exec.CommandContext(t.Context(), "../../scripts/languages.sh", language)
	cmd.Stderr = &words
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == languagesMissing:
		t.Skip(words.String())
	case err != nil:
		t.Fatalf("%v\n%s", err, &words)
	}
	return strings.TrimSpace(string(out))
}

// kept are the vectors as the file has them.
func kept(t *testing.T) (v vectors) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, vectorsFile)), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
