package main

import (
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What the newsroom's staff type works on the sandbox's own clock, while it runs.
func TestStaffHaveTheCommandLine(t *testing.T) {
	t.Parallel()
	data := dataDir(t)
	code, _, stderr := command(t, "", "membership", "--data", data, "members", "find", "ada")
	if code != 2 || !strings.Contains(stderr, "make sandbox") {
		t.Errorf("before the first start: %d, %s", code, stderr)
	}
	p := start(t, data)
	p.press("/clock", url.Values{"by": {"month"}})
	code, _, stderr = command(t, "", "membership", "--data", data, "grants", "add", "ada@example.org", "--create", "--plan", "member", "--days", "1", "--reason", "a friend of the house")
	if code != 0 {
		t.Fatalf("%d, %s", code, stderr)
	}
	code, stdout, _ := command(t, "", "membership", "--data", data, "explain", "ada@example.org")
	if today := time.Now().AddDate(0, 1, 0).Format("2006-01"); code != 0 || !strings.Contains(stdout, "as of "+today) || !strings.Contains(stdout, "Every article in full") {
		t.Errorf("a month ahead, %d: %s", code, stdout)
	}
	if code, _, _ = command(t, "", "membership", "--data", data, "explain", "nobody@example.org"); code == 0 {
		t.Error("a failure of the command line is none of the sandbox's")
	}
	p.end(syscall.SIGTERM)
	code, _, stderr = command(t, "", "membership", "--data", data, "members", "find", "ada")
	if code != 2 || !strings.Contains(stderr, "is not running") {
		t.Errorf("after its end: %d, %s", code, stderr)
	}
}
