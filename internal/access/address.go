package access

import "net/netip"

// CallerAddress parses an IP address, with or without a port, and returns the address that identifies its caller: without
// zone and without IPv4 mapping. For IPv6 it is the /64 network, since a caller has all of its addresses. Text that is not
// an address returns the zero Addr.
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
