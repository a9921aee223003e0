package handlers_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"newsroom.example/membership/handlers"
)

// What readers say about their own address is believed only from a proxy of ours, or
// limits would bind nobody, or everybody.
func TestOnlyOurProxiesAreBelieved(t *testing.T) {
	t.Parallel()
	proxies := func(c *handlers.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8:1::/48")}
	}
	for _, c := range []struct {
		name, peer, chain string
		change            []func(*handlers.Config)
		spoofed           bool // each request counts as another network's
	}{
		{"no proxy is known", "192.0.2.1:1234", "203.0.%d.1", nil, false},
		{"nor is one on this machine", "127.0.0.1:1234", "203.0.%d.1", nil, false},
		{"a stranger pretends", "192.0.2.1:1234", "203.0.%d.1", []func(*handlers.Config){proxies}, false},
		{"our proxy says so", "10.1.2.3:1234", "203.0.%d.1", []func(*handlers.Config){proxies}, true},
		{"two of ours", "[2001:db8:1::7]:1234", "203.0.%d.1, 10.1.2.3", []func(*handlers.Config){proxies}, true},
		{"a reader put something in front", "10.1.2.3:1234", "203.0.%d.1, 198.51.100.7", []func(*handlers.Config){proxies}, false},
		{"a private address is no proxy", "10.1.2.3:1234", "203.0.%d.1, 192.168.0.9", []func(*handlers.Config){proxies}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := open(t, c.change...)
			for i := range 3 {
				r := request(http.MethodPost, "/signin", fmt.Sprintf("email=reader%d@example.org", i))
				r.RemoteAddr = c.peer
				r.Header.Set("X-Forwarded-For", fmt.Sprintf(c.chain, i))
				n.browser().do(r).to("/signin/sent")
			}
			networks := n.count("sign_in_limits") - 3 // an address's budget each
			if (networks == 3) != c.spoofed || networks != 1 && networks != 3 {
				t.Errorf("%d networks were counted, want one for each request: %v", networks, c.spoofed)
			}
		})
	}
}

// Who asks too often gets the same answer, byte for byte but for what is random.
func TestALimitIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	n := open(t)
	ask := func(address string) (status int, to, body, length string) {
		b := n.browser()
		answer := b.post("/signin", "email", address)
		return answer.Status, answer.Header.Get("Location"), answer.Body, fmt.Sprint(len(b.cookies["__Host-signin"].Value))
	}
	n.deviceOf(firefox, "known@example.org")
	status, to, body, length := ask("known@example.org")
	for i := range 15 {
		for _, address := range []string{"known@example.org", fmt.Sprintf("unknown%d@example.org", i), "unknown@example.org"} {
			s, where, page, size := ask(address)
			wantEqual(t, address, []any{s, where, page, size}, []any{status, to, body, length})
		}
	}
	var limited int
	n.check(n.db.Raw(`SELECT count(*) FROM sign_in_attempts WHERE limited`).Scan(&limited).Error)
	wantEqual(t, "attempts that are not mailed", limited, 2+15-10+15-10)
}
