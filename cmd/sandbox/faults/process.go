package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Ready is the line that a node prints when it takes requests.
type Ready struct {
	Address string `json:"address"`
	PID     int    `json:"pid"`
}

// Stopped is the line that a node prints after it has stopped in order. Left is how
// many goroutines it left behind.
type Stopped struct {
	Left int `json:"left"`
}

// The secrets of every node: it guards nothing.
const (
	Pepper     = "ZmF1bHRzLWZhdWx0cy1mYXVsdHMtZmF1bHRzLWZhdWx0cyE="
	SealingKey = "c2VhbGVkLXNlYWxlZC1zZWFsZWQtc2VhbGVkLXNlYWw="
)

// startPatience is how long a node may take until it is ready.
const startPatience = 30 * time.Second

// process is a node: `bin/sandbox node`, as a child that dies with us.
type process struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser // its lifeline
	lines   chan string    // what it says; closed when it says no more
	gone    chan struct{}  // closed when it has ended
	ended   error          // how; read it once gone is closed
	address string
	log     *os.File
}

// startProcess returns when the node has said that it is ready.
func startProcess(ctx context.Context, program, log string, args []string) (*process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of a node: %w", err)
	}
	p := &process{cmd: exec.Command(program, append([]string{"node"}, args...)...), log: file} // not CommandContext: each end is ours to choose
	p.cmd.Stderr = file
	// A group of its own: Ctrl-C is for the harness, which ends its nodes in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start a node: %w", err), file.Close())
	}
	p.lines, p.gone = make(chan string, 2), make(chan struct{}) // it says two things
	go p.listen(out)
	if err := p.waitReady(ctx); err != nil {
		p.kill()
		return nil, fmt.Errorf("%w; see %s", err, log)
	}
	return p, nil
}

func (p *process) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	var ready Ready
	select {
	case line := <-p.lines:
		err := understand(line, &ready)
		p.address = ready.Address
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for a node to be ready: %w", ctx.Err())
	}
}

// listen hears all that the process says, and waits for its end.
func (p *process) listen(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		p.lines <- lines.Text()
	}
	close(p.lines)
	p.ended = p.cmd.Wait()
	_ = p.log.Close()
	close(p.gone)
}

func understand(line string, into any) error {
	if line == "" {
		return errors.New("a node ended without a word")
	}
	if err := json.Unmarshal([]byte(line), into); err != nil {
		return fmt.Errorf("a node said %q: %w", line, err)
	}
	return nil
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.gone
}

func (p *process) signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal a node: %w", err)
	}
	return nil
}

// stopWithin is what a node may take to stop in order.
const stopWithin = 5 * time.Second

// stop asks the process to end, and says what was wrong with how it did: it must
// exit with 0, within five seconds, and leave no goroutine behind.
func (p *process) stop() error {
	begun := time.Now()
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	hurry := time.AfterFunc(3*stopWithin, func() { _ = p.cmd.Process.Kill() })
	defer hurry.Stop()
	<-p.gone
	took := time.Since(begun)
	var last Stopped
	heard := understand(<-p.lines, &last)
	switch {
	case p.ended != nil:
		return fmt.Errorf("a node ended with %w instead of 0", p.ended)
	case heard != nil:
		return heard
	case took > stopWithin:
		return fmt.Errorf("a node took %s to stop, want at most %s", took.Round(time.Millisecond), stopWithin)
	case last.Left > 0:
		return fmt.Errorf("a node left %d goroutines behind", last.Left)
	}
	return nil
}
