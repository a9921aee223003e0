package main

import (
	"bufio"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// ports are handed out once per test run, below those that the kernel gives away.
var ports = func() *atomic.Int32 {
	n := new(atomic.Int32)
	n.Store(int32(12000 + rand.IntN(15000)))
	return n
}()

// freePorts is the first of three ports that nobody has.
func freePorts(t *testing.T) string {
	t.Helper()
	for range 100 {
		first := int(ports.Add(3))
		if d, err := openDoors(first); err == nil {
			d.close()
			return strconv.Itoa(first)
		}
	}
	t.Fatal("no three free ports")
	return ""
}

// process is a sandbox that runs as a program of its own.
type process struct {
	t                     *testing.T
	cmd                   *exec.Cmd
	members, news, stripe string
	client                *http.Client
}

var printed = regexp.MustCompile(`http://\S+`)

// start returns when the program has said that it runs.
func start(t *testing.T, data string, flags ...string) *process {
	t.Helper()
	p := &process{t: t, client: &http.Client{Transport: loopback(), Timeout: 20 * time.Second}}
	p.cmd = exec.Command(os.Args[0], append([]string{"--port", freePorts(t), "--data", data, "--catalog", catalogFile}, flags...)...)
	p.cmd.Env = append(os.Environ(), asSandbox+"=1", "DATABASE_URL=")
	p.cmd.Stderr = t.Output()
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			break
		}
	}
	addresses := printed.FindAllString(strings.Join(said, "\n"), -1)
	if len(addresses) != 4 { // the newspaper's two, the service's, and the control page's
		t.Fatalf("the sandbox said %q", said)
	}
	p.news, p.members, p.stripe = addresses[0], addresses[2], addresses[3]
	go func() {
		for lines.Scan() {
		}
	}()
	return p
}

// end sends a signal and returns how the program ended, and after how long.
func (p *process) end(signal os.Signal) (code int, took time.Duration) {
	p.t.Helper()
	begun := time.Now()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait() // its code is in the state
	return p.cmd.ProcessState.ExitCode(), time.Since(begun)
}

// postgres is the process id of the sandbox's server, from its own pid file.
func postgres(t *testing.T, data string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(data, "postgres", "data", "postmaster.pid"))
	if err != nil || len(found) != 1 {
		t.Fatalf("pid files of postgres in %s: %v, %v", data, found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// gone waits until there is no such process.
func gone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for alive(pid) {
		select {
		case <-deadline.C:
			t.Fatalf("process %d is still there", pid)
		case <-tick.C:
		}
	}
}

// alive says whether the process runs; one that only waits to be collected does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// idle opens connections to all three doors and sends nothing, as browsers do
// ahead of time.
func (p *process) idle() {
	p.t.Helper()
	for _, address := range []string{p.members, p.news, p.stripe} {
		_, port, _ := strings.Cut(strings.TrimPrefix(address, "http://"), ":")
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { _ = conn.Close() })
	}
}
