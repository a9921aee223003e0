package service

import (
	"net"
	"net/http"
	"sync"
)

// strangers are the connections on which nothing was said yet. Browsers open some
// ahead of time, and a server that stops in order waits five seconds for each of
// them to speak.
// https://pkg.go.dev/net/http#Server.Shutdown
type strangers struct {
	mu     sync.Mutex
	silent map[net.Conn]bool
	closed bool
}

// note is the server's ConnState.
func (s *strangers) note(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(s.silent, conn)
	case s.closed:
		_ = conn.Close()
	default:
		if s.silent == nil {
			s.silent = map[net.Conn]bool{}
		}
		s.silent[conn] = true
	}
}

// turnOut closes them, and those that are still to come.
func (s *strangers) turnOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for conn := range s.silent {
		_ = conn.Close()
	}
}
