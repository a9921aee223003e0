package auth

import (
	"net"
	"net/url"
	"regexp"
	"strings"
)

// IsOrigin says whether s is an origin as browsers write it in a header, with which
// it is compared: lower case, without the scheme's own port, no pattern. It is https
// but on this machine: elsewhere browsers keep none of our cookies without.
func IsOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme+"://"+u.Host != s || !hostName.MatchString(u.Hostname()) {
		return false
	}
	return u.Scheme == "https" && u.Port() != "443" || u.Scheme == "http" && u.Port() != "80" && isLocal(u.Hostname())
}

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
