package paywall_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/paywall"
	"newsroom.example/membership/paywall/paywalltest"
)

// TestFiveMinutes follows docs/article-service.md to the letter, with net/http and with
// Echo: its folder, its code, its commands.
func TestFiveMinutes(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("SKIPPED: docs/article-service.md looks at its service with curl (apt-get install curl); nobody followed it")
	}
	page := pageOf(t, "../docs/article-service.md")
	if len(page.commands) != 4 || len(page.code) != 3 {
		t.Fatalf("the page has %d things to type and %d to save", len(page.commands), len(page.code))
	}
	for _, program := range []string{"main.go", "echo.go"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			d := developer{t: t, dir: t.TempDir(), env: environment(t)}
			d.types(page.commands[0])
			d.dir = filepath.Join(d.dir, "lantern")
			d.saves("main.go", page.code[program])
			stop := d.starts(page.commands[1])
			defer stop()
			d.looks(page.commands[2])
			d.saves("lantern_test.go", page.code["lantern_test.go"])
			d.types(page.commands[3])
			t.Logf("from the empty folder to a tested service: %.1f s", time.Since(begun).Seconds())
		})
	}
}

// TestGate builds what docs/verify.md puts beside nginx, and asks it as nginx would.
func TestGate(t *testing.T) {
	t.Parallel()
	page := pageOf(t, "../docs/article-service.md")
	d := developer{t: t, dir: t.TempDir(), env: environment(t)}
	d.types(page.commands[0])
	d.dir = filepath.Join(d.dir, "lantern")
	d.saves("main.go", pageOf(t, "../docs/verify.md").code["gate.go"])
	stop := d.starts(page.commands[1])
	defer stop()
	for _, row := range []struct {
		token, mode string
		want        int
	}{
		{d.env["TOKEN"], "cors", http.StatusNoContent},
		{"", "cors", http.StatusUnauthorized},
		{d.env["OUTLIVED"], "cors", http.StatusUnauthorized},
		{d.env["OUTLIVED"], "navigate", http.StatusSeeOther},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.env["LISTEN"]+"/a/night-ferry", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(&http.Cookie{Name: paywall.CookieName, Value: row.token})
		req.Header.Set("Sec-Fetch-Mode", row.mode)
		req.Header.Set("Sec-Fetch-Dest", "document")
		answer, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != row.want {
			t.Errorf("%+v: %s", row, answer.Status)
		}
	}
}

// walkthrough is a page of documentation as somebody who follows it sees it: what to
// type, in order, and what to save, by name.
type walkthrough struct {
	commands []string
	code     map[string]string
}

func pageOf(t *testing.T, path string) walkthrough {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := walkthrough{code: map[string]string{}}
	for _, block := range regexp.MustCompile("(?ms)^```(sh|go)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if block[1] == "sh" {
			page.commands = append(page.commands, block[2])
			continue
		}
		first, _, _ := strings.Cut(block[2], "\n")
		page.code[strings.TrimPrefix(first, "// ")] = block[2]
	}
	return page
}

// environment is what the page asks its reader to fill in, with a members' service that
// is paywalltest's.
func environment(t *testing.T) map[string]string {
	t.Helper()
	module, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	issuer := paywalltest.NewIssuer(t)
	return map[string]string{
		"MEMBERSHIP": module, "MEMBERS_URL": issuer.URL(), "SITE_URL": paywalltest.Audience, "LISTEN": freeAddress(t),
		"TOKEN":    issuer.Token(paywalltest.Entitlements("articles:full", "sources:links")),
		"OUTLIVED": issuer.Token(paywalltest.Expired()),
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// developer is who follows the page.
type developer struct {
	t   *testing.T
	dir string
	env map[string]string
}

func (d developer) shell(ctx context.Context, commands string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-euc", commands)
	cmd.Dir, cmd.Env = d.dir, os.Environ()
	for name, value := range d.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

func (d developer) types(commands string) {
	d.t.Helper()
	if out, err := d.shell(d.t.Context(), commands).CombinedOutput(); err != nil {
		d.t.Fatalf("%s%v\n%s", commands, err, out)
	}
}

func (d developer) saves(name, code string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(code), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// starts types commands of which the last one serves, and waits until it does.
func (d developer) starts(commands string) (stop func()) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	var said strings.Builder
	cmd := d.shell(ctx, commands)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the shell and what it started
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait(); cancel() }()
	if !d.served(ctx) {
		cancel()
		d.t.Fatalf("%s%v\n%s", commands, <-ended, &said)
	}
	return func() {
		cancel()
		if err := <-ended; err == nil {
			d.t.Error("the service ended before it was stopped")
		}
	}
}

// served waits until the service lets the token's reader in: then it also has its keys.
func (d developer) served(ctx context.Context) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.env["LISTEN"]+"/a/night-ferry", nil)
		if err != nil {
			return false
		}
		req.Header.Set("Authorization", "Bearer "+d.env["TOKEN"])
		if answer, err := http.DefaultTransport.RoundTrip(req); err == nil {
			answer.Body.Close()
			if answer.StatusCode < http.StatusMultipleChoices {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

var statusOrStory = regexp.MustCompile(`(?m)^HTTP/1\.1 (\d+)|^(Headlines.*|The whole story.*|This is for members.*)$`)

// looks compares what the curls show with what the page says.
func (d developer) looks(commands string) {
	d.t.Helper()
	out, err := d.shell(d.t.Context(), commands).Output()
	if err != nil {
		d.t.Fatalf("%s%v", commands, err)
	}
	var got []string
	for _, match := range statusOrStory.FindAllStringSubmatch(string(out), -1) {
		got = append(got, match[1]+match[2])
	}
	want := []string{
		"200", "Headlines.", "401", "This is for members. Please sign in.",
		"200", "Headlines, and links to the sources.", "200", "The whole story, for mem_test.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("%s\n%s", diff, out)
	}
}
