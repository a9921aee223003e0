package limits_test

import (
	"testing"

	"newsroom.example/membership/limits"
)

func TestNetworks(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{
		"203.0.113.77":          "203.0.113.0/24",
		"::ffff:203.0.113.77":   "203.0.113.0/24",
		"2001:db8:1:2ff:3::4":   "2001:db8:1:200::/56",
		"fe80::1%eth0":          "fe80::/56",
		"":                      "unknown",
		"203.0.113.77, 1.2.3.4": "unknown",
	} {
		if got := limits.Network(ip); got != want {
			t.Errorf("%q is of %s, want %s", ip, got, want)
		}
	}
}
