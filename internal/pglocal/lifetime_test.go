package pglocal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A test that needs a process to die starts this test binary again with childEnv.
const childEnv = "PGLOCAL_TEST_CHILD"

// order is what the child shall do; report is what it says once the server runs.
type order struct{ Dir, End string }

type report struct {
	Scratch, Data            string
	Server, Watcher, Backend int
}

func TestMain(m *testing.M) {
	if raw := os.Getenv(childEnv); raw != "" {
		if err := child(raw); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func child(raw string) error {
	var o order
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		return err
	}
	s, err := Start(context.Background(), Options{Dir: o.Dir})
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(context.Background(), s.URL(""))
	if err != nil {
		return err
	}
	if _, err := conn.Exec(context.Background(), "CREATE TABLE IF NOT EXISTS kept AS SELECT 'yes' AS answer"); err != nil {
		return err
	}
	p, err := readPidFile(s.home.data())
	if err != nil {
		return err
	}
	said := report{
		Scratch: s.home.scratch, Data: s.home.data(),
		Server: p.pid, Watcher: s.watcher.cmd.Process.Pid, Backend: int(conn.PgConn().PID()),
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		return err
	}
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if o.End == "panic" {
		panic("as a failing test does")
	}
	return nil
}

type childProcess struct {
	report
	cmd *exec.Cmd
}

// spawn returns once the child's server runs.
func spawn(t *testing.T, o order) childProcess {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: this test needs Postgres")
	}
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	c := childProcess{cmd: exec.Command(os.Args[0])}
	// Settings that a developer's shell may hold for psql must not reach the server.
	c.cmd.Env = append(os.Environ(), childEnv+"="+string(raw), "PGPORT=9999", "PGDATA=/nowhere", "PGHOST=/nowhere", "LC_ALL=tr_TR.UTF-8")
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() })
	if err := json.NewDecoder(out).Decode(&c.report); err != nil {
		t.Fatalf("the child did not start its server: %v", err)
	}
	// The terminal goes first; the watcher has to outlast it.
	if err := syscall.Kill(c.Watcher, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if o.End == "kill" {
		err = c.cmd.Process.Kill()
	} else if o.End != "" {
		err = in.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestServerEndsWithItsOwner(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"kill", "panic", "exit"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			c := spawn(t, order{End: end})
			eventually(t, "the server ends", func() bool { return !runsOn(c.Server, c.Data) })
			eventually(t, "the temporary directory goes", func() bool { return !exists(c.Scratch) })
		})
	}
}

func TestKilledOwnerLeavesCleanData(t *testing.T) {
	t.Parallel()
	dir := keptDir(t)
	c := spawn(t, order{Dir: dir, End: "kill"})
	// At once: the lock has to wait for the watcher's clean stop.
	s := start(t, Options{Dir: dir})
	if exists(c.Scratch) {
		t.Errorf("the socket directory %s is still there", c.Scratch)
	}
	if got := ask(t, s.URL(""), "SELECT answer FROM kept"); got != "yes" {
		t.Errorf("got %q", got)
	}
	assertCleanStart(t, s)
}

// A backend that stands still keeps the server from ending, and so makes the time
// long between the death of the owner and that of the server.
func TestLockOutlivesTheOwner(t *testing.T) {
	t.Parallel()
	dir := keptDir(t)
	c := spawn(t, order{Dir: dir})
	if err := syscall.Kill(c.Backend, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	if _, err := lockDir(t.Context(), dir, poll); !errors.Is(err, ErrInUse) {
		t.Errorf("while the server runs: %v", err)
	}
	if err := syscall.Kill(c.Backend, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	lock, err := lockDir(t.Context(), dir, lockPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if runsOn(c.Server, c.Data) {
		t.Error("the lock was free before the server had gone")
	}
}

func assertCleanStart(t *testing.T, s *Server) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(s.Dir(), logName))
	if err != nil || strings.Contains(string(log), "not properly shut down") {
		t.Errorf("the server before was not shut down cleanly (%v):\n%s", err, log)
	}
}

func TestOwnerKilledDuringInitdb(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: this test needs Postgres")
	}
	dir := keptDir(t)
	raw, _ := json.Marshal(order{Dir: dir})
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(raw))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "initdb begins", func() bool { return exists(filepath.Join(dir, "data.new")) })
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	s := start(t, Options{Dir: dir})
	assertCleanStart(t, s)
}

// An orphan needs the watcher dead as well: kill -9 of everything but Postgres.
func TestOrphanIsStopped(t *testing.T) {
	t.Parallel()
	dir := keptDir(t)
	c := spawn(t, order{Dir: dir})
	if err := syscall.Kill(c.Watcher, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
	if !runsOn(c.Server, c.Data) {
		t.Fatal("no orphan was made")
	}
	s := start(t, Options{Dir: dir})
	if runsOn(c.Server, c.Data) {
		t.Error("the orphan still runs")
	}
	if exists(c.Scratch) {
		t.Errorf("the orphan's socket directory %s is still there", c.Scratch)
	}
	if got := ask(t, s.URL(""), "SELECT answer FROM kept"); got != "yes" {
		t.Errorf("got %q", got)
	}
	assertCleanStart(t, s)
}
