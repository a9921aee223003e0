package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"
)

// loopback is a transport for clients of ours: *.localhost is this machine, as it
// is for browsers (RFC 6761, section 6.3), which Go leaves to the resolver.
func loopback() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err == nil && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dialer.DialContext(ctx, network, address)
	}
	return t
}
