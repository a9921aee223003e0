package main

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dataDir is one that the user of Postgres can reach, so that its files lie in it.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sandbox-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir + "/data"
}

func (p *process) get(address string) string {
	p.t.Helper()
	answer, err := p.client.Get(address)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %d, %v, %s", address, answer.StatusCode, err, body)
	}
	return string(body)
}

// press is a button of the control page; the answer is the page afterwards.
func (p *process) press(path string, form url.Values) string {
	p.t.Helper()
	answer, err := p.client.PostForm(p.stripe+path, form)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %d, %v, %s", path, answer.StatusCode, err, body)
	}
	return string(body)
}

var (
	eventID = regexp.MustCompile(`evt_\w+`)
	instant = regexp.MustCompile(`datetime="([^"]+)"`)
)

func (p *process) clock() time.Time {
	p.t.Helper()
	shown := instant.FindStringSubmatch(p.get(p.stripe))
	at, err := time.Parse(time.RFC3339, shown[1])
	if err != nil {
		p.t.Fatal(err)
	}
	return at
}

func TestASecondStartGoesOnWhereTheFirstWasKilled(t *testing.T) {
	t.Parallel()
	data := dataDir(t)
	first := start(t, data)
	page := first.press("/clock", url.Values{"by": {"month"}})
	keys, event := first.get(first.members+"/.well-known/jwks.json"), eventID.FindString(page)
	if later := first.clock(); time.Until(later) < 27*24*time.Hour {
		t.Fatalf("the clock shows %s after a month", later)
	}
	server := postgres(t, data)
	if code, _ := first.end(syscall.SIGKILL); code != -1 {
		t.Fatalf("exit code %d after SIGKILL", code)
	}
	gone(t, server)

	second := start(t, data)
	if time.Until(second.clock()) < 27*24*time.Hour {
		t.Errorf("the clock shows %s", second.clock())
	}
	if again := second.get(second.members + "/.well-known/jwks.json"); again != keys {
		t.Errorf("keys %s, before %s", again, keys)
	}
	// The service listens on another port now, and hears of it all the same.
	page = second.press("/events/"+event+"/resend", nil)
	row := page[strings.LastIndex(page[:strings.Index(page, event)], "<tr>"):strings.Index(page, event)]
	if !strings.Contains(row, "<td>200</td><td>2</td>") {
		t.Errorf("the event of the first run, sent once more: %s", row)
	}
	for _, address := range []string{second.news, second.members + "/membership"} {
		second.get(address)
	}
}

func TestCtrlCEndsEverythingWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	data := dataDir(t)
	p := start(t, data)
	p.get(p.news)
	p.idle()
	server := postgres(t, data)
	code, took := p.end(os.Interrupt)
	if code != 0 || took > 5*time.Second {
		t.Errorf("exit code %d after %s", code, took)
	}
	if alive(server) {
		t.Error("postgres is still there")
	}
}

func TestTwoSandboxesDoNotShareOneDirectory(t *testing.T) {
	t.Parallel()
	data := dataDir(t)
	start(t, data)
	code, _, stderr := command(t, "", "--port", freePorts(t), "--data", data, "--catalog", catalogFile, "--reset")
	if code != 2 || !strings.Contains(stderr, "another sandbox") || !strings.Contains(stderr, "--data") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}
