package pglocal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The shutdown modes of Postgres, by the signal that asks for each
// (https://www.postgresql.org/docs/current/server-shutdown.html).
const (
	fast      = syscall.SIGINT
	immediate = syscall.SIGQUIT
)

// pidFile is what a server says about itself in postmaster.pid.
type pidFile struct {
	pid    int
	socket string // directory of its socket
	ready  bool   // it accepts connections
}

// readPidFile follows the order of lines in the server's pidfile.h.
func readPidFile(data string) (pidFile, error) {
	raw, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return pidFile{}, err
	}
	lines := strings.Split(string(raw), "\n")
	for len(lines) < 8 {
		lines = append(lines, "")
	}
	// A number that cannot be read is nobody's; negative is a single-user server.
	pid, _ := strconv.Atoi(strings.TrimSpace(lines[0]))
	return pidFile{pid: max(pid, -pid), socket: lines[4], ready: strings.TrimSpace(lines[7]) == "ready"}, nil
}

func signalServer(data string, sig syscall.Signal) error {
	p, err := readPidFile(data)
	if err != nil {
		return err
	}
	if !runsOn(p.pid, data) {
		return fmt.Errorf("process %d is no server of %s", p.pid, data)
	}
	return syscall.Kill(p.pid, sig)
}

// clearStale makes room for a new server after one that nobody stopped. The
// caller holds the lock, so a server that still runs is an orphan and is stopped.
// A pid that died, is a zombie, or belongs to something else by now would make
// Postgres refuse to start: then the file goes.
func clearStale(ctx context.Context, data string) error {
	p, err := readPidFile(data)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for a server left behind: %w", err)
	}
	if runsOn(p.pid, data) {
		if err := stopOrphan(ctx, p.pid, data); err != nil {
			return err
		}
	}
	removeSocket(p.socket)
	if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the pid file of a dead server: %w", err)
	}
	return nil
}

// removeSocket deletes a dead server's socket and its lock. Only in a directory
// that we made: the path comes from a file that another user may have written. And
// only when nobody answers: data copied from a running server name its socket.
func removeSocket(dir string) {
	if filepath.Dir(dir) != socketRoot || !strings.HasPrefix(filepath.Base(dir), scratchPrefix) {
		return
	}
	if conn, err := net.Dial("unix", filepath.Join(dir, ".s.PGSQL."+socketPort)); err == nil {
		_ = conn.Close()
		return
	}
	_ = os.RemoveAll(dir)
}

func stopOrphan(ctx context.Context, pid int, data string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	_ = syscall.Kill(pid, fast)
	hurry := time.AfterFunc(patience, func() { _ = signalServer(data, immediate) })
	defer hurry.Stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for runsOn(pid, data) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop the server left behind in %s: process %d does not end; end it with kill -QUIT %d", data, pid, pid)
		case <-tick.C:
		}
	}
	return nil
}

// runsOn reports whether pid is a living server of that data directory. A server
// works in its data directory, so /proc answers exactly, and says nothing of a
// zombie. Systems without /proc are asked through ps.
func runsOn(pid int, data string) bool {
	if pid <= 0 {
		return false
	}
	if _, err := os.Stat("/proc/self/cwd"); err == nil {
		cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		return err == nil && cwd == data
	}
	out, err := exec.Command("ps", "-o", "stat=,command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(string(out), "Z") && strings.Contains(string(out), data)
}
