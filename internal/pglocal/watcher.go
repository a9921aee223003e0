package pglocal

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

//go:embed watch.sh
var watchScript string

// What the watcher is told at the end; silence, as after kill -9, removes.
const (
	removeScratch = ""
	keepScratch   = "keep\n"
)

// patience is how long a clean shutdown may take before it is cut short; the
// sandbox has five seconds for everything.
const patience = 4 * time.Second

// poll is how often we look for what Postgres tells only through files.
const poll = 10 * time.Millisecond

// watcher is the shell between us and one life of the server.
type watcher struct {
	cmd    *exec.Cmd
	orders io.WriteCloser
	gone   chan struct{} // closed when the server has no process left
}

func watch(h *home, bin string, options []string) (*watcher, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", watchScript, "membership-postgres", bin, h.base, h.scratch}, options...)...)
	cmd.Dir = h.base
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	// A group of its own: Ctrl-C must not stop Postgres before the service has drained.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: h.as}
	cmd.ExtraFiles = []*os.File{h.lock}
	orders, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	life, stdout, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = stdout
	err = errors.Join(cmd.Start(), stdout.Close())
	w := &watcher{cmd: cmd, orders: orders, gone: make(chan struct{})}
	go w.listen(life)
	if err != nil {
		return nil, fmt.Errorf("start the shell that watches postgres: %w", err)
	}
	return w, nil
}

func (w *watcher) listen(life *os.File) {
	defer close(w.gone)
	defer life.Close()
	_, _ = io.Copy(io.Discard, life)
}

var errEndedEarly = errors.New("it ended at once")

// ready waits for the word that the server writes into its own pid file.
func (w *watcher) ready(ctx context.Context, data string) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if p, err := readPidFile(data); err == nil && p.ready {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.gone:
			return errEndedEarly
		case <-tick.C:
		}
	}
}

// end gives the last order and waits for the shell, which waits for the server.
func (w *watcher) end(data, order string) error {
	_, _ = io.WriteString(w.orders, order)
	_ = w.orders.Close()
	hurry := time.AfterFunc(patience, func() { _ = signalServer(data, immediate) })
	defer hurry.Stop()
	err := w.cmd.Wait()
	// The shell answers with the state of its last command; only its being killed matters.
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.Exited() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stop postgres: %w", err)
	}
	return nil
}
