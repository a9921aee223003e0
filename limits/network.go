package limits

import "net/netip"

// Network is the part of an IP address that one household or office has, so that
// nobody gets another budget with each address of theirs: a /24 of IPv4, a /56 of IPv6.
func Network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return "unknown"
	}
	addr = addr.Unmap().WithZone("")
	bits := 56
	if addr.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(addr, bits).Masked().String()
}
