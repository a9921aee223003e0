package faults

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
)

// cutter stands between the service and Postgres, and cuts a share of the
// connections right after COMMIT was sent: Postgres commits, and the service never
// hears of it. It knows as much of the protocol as that takes.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
type cutter struct {
	listener        net.Listener
	network, target string

	mu    sync.Mutex
	dice  *rand.Rand
	share float64 // of the commits
	cuts  int
	open  map[net.Conn]bool
	ended bool
	done  sync.WaitGroup
}

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
		dice: rand.New(rand.NewPCG(seed, 1)), open: map[net.Conn]bool{},
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

func (c *cutter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

func (c *cutter) strikes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	hit := c.dice.Float64() < c.share
	if hit {
		c.cuts++
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
		var deaf atomic.Bool // set once this connection's commit is to go unanswered
		c.done.Go(func() { c.toServer(server, client, &deaf) })
		c.done.Go(func() { toClient(client, server, &deaf) })
	}
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

// toServer hands on what the service says, and throws the dice at each COMMIT.
func (c *cutter) toServer(server, client net.Conn, deaf *atomic.Bool) {
	defer c.shut(server, client)
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if isCommit(buffer[:n]) && c.strikes() {
			deaf.Store(true)
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// toClient hands on what Postgres answers. A connection that is deaf is closed as
// soon as Postgres has said that it is done.
func toClient(client, server net.Conn, deaf *atomic.Bool) {
	defer client.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if deaf.Load() {
			if isReady(buffer[:n]) {
				return
			}
			continue
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
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

// isReady says whether an answer ends with ReadyForQuery.
func isReady(answer []byte) bool {
	const length = 6
	return len(answer) >= length && answer[len(answer)-length] == 'Z'
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
