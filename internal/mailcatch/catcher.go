// Package mailcatch is a mail server that delivers nowhere: it keeps every mail in
// memory, for the sandbox to show and for tests to read. It asks for no password
// and speaks no TLS.
package mailcatch

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Mail is one mail as its reader would see it.
type Mail struct {
	To      string // of the envelope
	From    string // of the envelope
	Subject string
	Text    string
	HTML    string
	At      time.Time // as its Date header says
	Raw     string    // all of it, as it came over the wire
}

// Catcher is a running server. Its methods may be called at any time from anywhere.
type Catcher struct {
	server   *smtp.Server
	listener net.Listener

	mu    sync.Mutex
	mails []Mail        // oldest first
	fails []int         // codes for the next mails
	news  chan struct{} // closed, and replaced, when a mail comes in
}

// keep is how many mails are remembered; a sandbox may run for weeks.
const keep = 1000

// Start listens on addr ("127.0.0.1:0" for any free port).
func Start(addr string) (*Catcher, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	c := &Catcher{listener: listener, news: make(chan struct{})}
	c.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{catcher: c}, nil
	}))
	c.server.Domain = "localhost"
	c.server.EnableSMTPUTF8 = true
	c.server.MaxMessageBytes = 1 << 20
	go func() { _ = c.server.Serve(listener) }()
	return c, nil
}

// Addr is where it listens.
func (c *Catcher) Addr() *net.TCPAddr { return c.listener.Addr().(*net.TCPAddr) }

// Close stops listening and drops open connections. The mails stay readable.
func (c *Catcher) Close() error { return c.server.Close() }

// Mails are those caught so far, newest first.
func (c *Catcher) Mails() []Mail {
	c.mu.Lock()
	defer c.mu.Unlock()
	mails := slices.Clone(c.mails)
	slices.Reverse(mails)
	return mails
}

// Wait returns the newest mail that match accepts, as soon as there is one.
func (c *Catcher) Wait(ctx context.Context, match func(Mail) bool) (Mail, error) {
	for {
		c.mu.Lock()
		news := c.news
		c.mu.Unlock()
		mails := c.Mails()
		if i := slices.IndexFunc(mails, match); i >= 0 {
			return mails[i], nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return Mail{}, fmt.Errorf("wait for a mail, %d others came: %w", len(mails), ctx.Err())
		}
	}
}

// FailNext answers the next mail's recipient with code: 4yz to be asked again
// later, 5yz for good. Calls add up, one mail each.
func (c *Catcher) FailNext(code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails = append(c.fails, code)
}

func (c *Catcher) failure() (code int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.fails) == 0 {
		return 0, false
	}
	code, c.fails = c.fails[0], c.fails[1:]
	return code, true
}

func (c *Catcher) add(m Mail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mails = append(c.mails, m)
	if len(c.mails) > keep {
		c.mails = slices.Delete(c.mails, 0, len(c.mails)-keep)
	}
	close(c.news)
	c.news = make(chan struct{})
}
