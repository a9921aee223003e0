package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// doors are the three listeners, all on loopback. They are taken before anything
// else is started, so that a second sandbox fails at once.
type doors struct{ members, news, stripe net.Listener }

// openDoors takes port and the two after it; 0 means three free ones.
func openDoors(port int) (d doors, err error) {
	for i, door := range []*net.Listener{&d.members, &d.news, &d.stripe} {
		number := 0
		if port != 0 {
			number = port + i
		}
		if *door, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(number))); err != nil {
			d.close()
			return doors{}, portError(number, port, err)
		}
	}
	return d, nil
}

func portError(number, port int, err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen on port %d: %w", number, err)
	}
	return &usageError{fmt.Errorf("port %d is taken: choose three others, for example with --port %d", number, otherPort(port))}
}

func otherPort(port int) int {
	if port < 60000 {
		return port + 1000
	}
	return port - 1000
}

func (d doors) close() {
	for _, door := range []net.Listener{d.members, d.news, d.stripe} {
		if door != nil {
			_ = door.Close()
		}
	}
}

// The host names. Browsers resolve *.localhost by themselves, and keep Secure
// cookies for it without https.
const (
	membersHost  = "members.news.localhost"
	newsHost     = "www.news.localhost"
	otherHost    = "www.other.localhost" // the same newspaper on a domain of its own
	stripeHost   = "localhost"
	cookieDomain = "news.localhost"
)

func (d doors) membersURL() string { return origin(membersHost, d.members) }
func (d doors) newsURL() string    { return origin(newsHost, d.news) }
func (d doors) otherURL() string   { return origin(otherHost, d.news) }
func (d doors) stripeURL() string  { return origin(stripeHost, d.stripe) }

func origin(host string, door net.Listener) string {
	return fmt.Sprintf("http://%s:%d", host, door.Addr().(*net.TCPAddr).Port)
}
