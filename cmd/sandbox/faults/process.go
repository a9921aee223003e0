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
	"strings"
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
	lines   *bufio.Scanner
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
	p.lines = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start a node: %w", err), file.Close())
	}
	if err := p.waitReady(ctx); err != nil {
		p.kill()
		return nil, fmt.Errorf("%w; see %s", err, log)
	}
	return p, nil
}

func (p *process) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	heard := make(chan error, 1)
	var ready Ready
	go func() { heard <- p.hear(&ready) }()
	select {
	case err := <-heard:
		p.address = ready.Address
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for a node to be ready: %w", ctx.Err())
	}
}

func (p *process) hear(into any) error {
	if !p.lines.Scan() {
		return errors.New("a node ended without a word")
	}
	if err := json.Unmarshal(p.lines.Bytes(), into); err != nil {
		return fmt.Errorf("a node said %q: %w", p.lines.Text(), err)
	}
	return nil
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.log.Close()
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
	var last Stopped
	heard := p.hear(&last)
	err := p.cmd.Wait()
	took := time.Since(begun)
	_ = p.log.Close()
	switch {
	case err != nil:
		return fmt.Errorf("a node ended with %w instead of 0", err)
	case heard != nil:
		return heard
	case took > stopWithin:
		return fmt.Errorf("a node took %s to stop, want at most %s", took.Round(time.Millisecond), stopWithin)
	case last.Left > 0:
		return fmt.Errorf("a node left %d goroutines behind", last.Left)
	}
	return nil
}

// said are the lines of a node's log that contain all words.
func said(log string, words ...string) ([]string, error) {
	text, err := os.ReadFile(log)
	if err != nil {
		return nil, fmt.Errorf("read a node's log: %w", err)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			found = append(found, line)
		}
	}
	return found, nil
}
