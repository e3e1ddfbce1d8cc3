package access

import "net/netip"

// CallerAddress reads an IP address, with or without a port, and returns the address that stands for its caller: without
// zone, without IPv4 mapping, and for IPv6 the network of 64 bits, since a caller has all of those addresses. What is no
// address is the zero Addr.
func CallerAddress(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		ap, _ := netip.ParseAddrPort(s)
		a = ap.Addr()
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	return a
}
