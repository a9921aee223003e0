package faults

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
)

// cutter stands between the service and Postgres, and cuts a share of the
// connections right after a transaction was to be committed: Postgres commits, and
// the service never hears of it. It knows as much of the protocol as that takes.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
type cutter struct {
	listener        net.Listener
	network, target string

	mu    sync.Mutex
	dice  *rand.Rand
	share float64 // of the commits
	cuts  map[string]int
	open  map[net.Conn]bool
	gate  chan struct{} // while it is open, nothing reaches Postgres; nil for none
	ended bool
	done  sync.WaitGroup
}

// What a connection can be cut after.
const (
	cutCommit    = "connections cut after COMMIT"
	cutStatement = "cut after a statement that is a transaction of its own"
)

// openCutter leads to the database at url.
func openCutter(url string, seed uint64) (*cutter, error) {
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	network, target := pgconn.NetworkAddress(config.Host, config.Port)
	c := &cutter{
		listener: listener, network: network, target: target,
		dice: rand.New(rand.NewPCG(seed, 1)), cuts: map[string]int{}, open: map[net.Conn]bool{},
	}
	c.done.Go(c.accept)
	return c, nil
}

// url is the database's address by way of the cutter.
func (c *cutter) url(database string) string {
	return "postgres://postgres@" + c.listener.Addr().String() + "/" + database + "?sslmode=disable"
}

// cut makes this share of all commits from now on go unanswered.
func (c *cutter) cut(share float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.share = share
}

// stall keeps everything from Postgres from now on, until the returned function lets
// it go on.
func (c *cutter) stall() (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gate := make(chan struct{})
	c.gate = gate
	return func() { close(gate) }
}

func (c *cutter) waitAtGate() {
	c.mu.Lock()
	gate := c.gate
	c.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

func (c *cutter) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.cuts)
}

func (c *cutter) strikes(after string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	hit := c.dice.Float64() < c.share
	if hit {
		c.cuts[after]++
	}
	return hit
}

func (c *cutter) accept() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(c.network, c.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		c.keep(client, server)
		l := &link{client: client, server: server}
		c.done.Go(func() { c.toServer(l) })
		c.done.Go(l.toClient)
	}
}

// link is one connection.
type link struct {
	client, server net.Conn
	within         atomic.Bool // a transaction is open
	deaf           atomic.Bool // what Postgres says is not handed on any more
}

func (c *cutter) keep(conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range conns {
		c.open[conn] = true
		if c.ended {
			_ = conn.Close()
		}
	}
}

// toServer hands on what the service says, and throws the dice at each commit.
func (c *cutter) toServer(l *link) {
	defer c.shut(l.server, l.client)
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buffer)
		if err != nil {
			return
		}
		c.waitAtGate()
		if what := l.commits(buffer[:n]); what != "" && c.strikes(what) {
			l.deaf.Store(true)
		}
		if _, err := l.server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// toClient hands on what Postgres answers. A connection that is deaf is closed as
// soon as Postgres has said that it is done.
func (l *link) toClient() {
	defer l.client.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil {
			return
		}
		status, ready := readiness(buffer[:n])
		if ready {
			l.within.Store(status != 'I')
		}
		switch {
		case l.deaf.Load() && ready:
			return
		case l.deaf.Load():
			continue
		}
		if _, err := l.client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// commits says by what a message ends a transaction: the simple query "commit", as
// pgx sends it, or Sync after a statement outside of one; "" for neither.
func (l *link) commits(message []byte) string {
	sync := []byte{'S', 0, 0, 0, 4}
	switch {
	case isCommit(message):
		return cutCommit
	case !l.within.Load() && bytes.HasSuffix(message, sync):
		return cutStatement
	}
	return ""
}

func (c *cutter) shut(conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range conns {
		delete(c.open, conn)
		_ = conn.Close()
	}
}

// isCommit says whether the message is the simple query "commit", as pgx sends it.
func isCommit(message []byte) bool {
	const head = 5
	if len(message) < head || message[0] != 'Q' || int(binary.BigEndian.Uint32(message[1:head]))+1 != len(message) {
		return false
	}
	return bytes.EqualFold(bytes.TrimRight(message[head:], "\x00"), []byte("commit"))
}

// readiness reads the ReadyForQuery that an answer ends with: the status of the
// transaction, I for none.
func readiness(answer []byte) (status byte, ready bool) {
	head := []byte{'Z', 0, 0, 0, 5}
	at := len(answer) - len(head) - 1
	if at < 0 || !bytes.HasPrefix(answer[at:], head) {
		return 0, false
	}
	return answer[len(answer)-1], true
}

// close ends every connection.
func (c *cutter) close() error {
	c.mu.Lock()
	c.ended = true
	err := c.listener.Close()
	for conn := range c.open {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.done.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
