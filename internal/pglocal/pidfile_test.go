package pglocal

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stranger is a process of the server's own user, the only kind whose pid makes
// Postgres refuse to start.
func stranger(t *testing.T, as *syscall.Credential, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func TestStalePidFile(t *testing.T) {
	t.Parallel()
	for name, program := range map[string][]string{
		"somebody else's": {"/bin/sleep", "1000"},
		"a zombie":        {"/bin/true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := keptDir(t)
			s := start(t, Options{Dir: dir})
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			other := stranger(t, s.home.as, program[0], program[1:]...)
			leavePidFile(t, s, other.Process.Pid)
			if got := ask(t, start(t, Options{Dir: dir}).URL(""), "SELECT 'yes'"); got != "yes" {
				t.Errorf("got %q", got)
			}
			if name == "somebody else's" && !runsOn(other.Process.Pid, "/") {
				t.Error("an innocent process was stopped")
			}
		})
	}
}

// leavePidFile writes what a server killed with its machine leaves behind.
func leavePidFile(t *testing.T, s *Server, pid int) {
	t.Helper()
	path := filepath.Join(s.home.data(), "postmaster.pid")
	text := fmt.Sprintf("%d\n%s\n1700000000\n%s\n%s\n\n0 0\nready   \n", pid, s.home.data(), socketPort, s.home.scratch)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := give(path, s.home.as); err != nil {
		t.Fatal(err)
	}
}

func TestReadPidFile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]pidFile{
		"": {},
		"12\n/data\n1700000000\n5432\n/tmp/x\n\n1 2\nstarting\n": {pid: 12, socket: "/tmp/x"},
		"12\n/data\n1700000000\n5432\n/tmp/x\n\n1 2\nready   \n": {pid: 12, socket: "/tmp/x", ready: true},
		"-12\n/data\n": {pid: 12}, // a single-user server
		"rubbish":      {},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "postmaster.pid"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readPidFile(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(pidFile{})); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", text, diff)
		}
	}
}

// The path stands in a file that another user could write, and root deletes.
func TestRemoveSocketTouchesOnlyOurOwn(t *testing.T) {
	t.Parallel()
	ours, err := os.MkdirTemp(socketRoot, scratchPrefix)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), scratchPrefix+"1")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{ours, other, ours + "/../" + filepath.Base(other), ""} {
		removeSocket(dir)
	}
	if exists(ours) {
		t.Error("our own socket directory is still there")
	}
	if !exists(other) {
		t.Error("a directory elsewhere was removed")
	}
	running := start(t, Options{Dir: keptDir(t)})
	if removeSocket(running.home.scratch); !exists(running.home.scratch) {
		t.Error("the socket of a running server was removed")
	}
}
