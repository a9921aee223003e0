package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const wait = "while read x; do :; done"

// node writes a program that speaks as a node does, having set a trap.
func node(t *testing.T, trap string) *process {
	t.Helper()
	program := filepath.Join(t.TempDir(), "node")
	script := "#!/bin/sh\n" + trap + "\necho '{\"address\":\"127.0.0.1:1\"}'\n" + wait
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	p, err := startProcess(t.Context(), program, filepath.Join(t.TempDir(), "log"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// What a node must not do when it is told to stop.
func TestANodeMustStopInOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ trap, want string }{
		"in order":       {`trap 'echo "{\"left\":0}"; exit 0' TERM`, ""},
		"with a leak":    {`trap 'echo "{\"left\":2}"; exit 0' TERM`, "left 2 goroutines"},
		"with a failure": {`trap 'echo "{\"left\":0}"; exit 3' TERM`, "exit status 3"},
		"without a word": {`trap 'exit 0' TERM`, "without a word"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := node(t, c.trap).stop()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestANodeEndsWithItsParent(t *testing.T) {
	t.Parallel()
	p := node(t, "")
	if err := p.stdin.Close(); err != nil { // as when the harness is killed
		t.Fatal(err)
	}
	select {
	case <-p.gone:
	case <-time.After(10 * time.Second):
		t.Error("it lives on")
	}
}

func TestAProgramThatSaysNothingIsNoNode(t *testing.T) {
	t.Parallel()
	_, err := startProcess(t.Context(), "/bin/true", filepath.Join(t.TempDir(), "log"), nil)
	if err == nil || !strings.Contains(err.Error(), "without a word") {
		t.Errorf("got %v", err)
	}
}

func TestTheClockIsSharedByAllWhoOpenIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clock")
	var clocks []*Clock
	for range 2 {
		c, err := OpenClock(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		clocks = append(clocks, c)
	}
	for range 2 {
		if err := clocks[0].Advance(-time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if behind := time.Until(clocks[1].Now()); behind > -119*time.Minute || behind < -121*time.Minute {
		t.Errorf("the other clock is %s ahead", behind)
	}
}
