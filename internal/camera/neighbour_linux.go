package camera

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
)

// neighbourOf looks up the MAC address of a host on the same network in the kernel's table. It returns "" for hosts behind a
// router, and for a MAC address with several IPv4 addresses, which belongs to a router or repeater.
func neighbourOf(ip netip.Addr) string {
	family := syscall.AF_INET
	if ip.Is6() {
		family = syscall.AF_INET6
	}
	if ip.IsLoopback() {
		return ""
	}
	dump, err := syscall.NetlinkRIB(syscall.RTM_GETNEIGH, family)
	if err != nil {
		return ""
	}
	return findNeighbour(dump, ip)
}

const (
	ndmsgBytes = 12   // struct ndmsg, rtnetlink(7)
	nudValid   = 0xde // reachable, stale, delay, probe, noarp or permanent: entries with an address
	ndaDst     = 1
	ndaLladdr  = 2
)

// findNeighbour searches the kernel's response to RTM_GETNEIGH (rtnetlink(7)).
func findNeighbour(dump []byte, ip netip.Addr) string {
	messages, err := syscall.ParseNetlinkMessage(dump)
	if err != nil {
		return ""
	}
	holders := map[string][]netip.Addr{}
	mac := ""
	for _, m := range messages {
		if m.Header.Type != syscall.RTM_NEWNEIGH || len(m.Data) < ndmsgBytes || binary.NativeEndian.Uint16(m.Data[8:])&nudValid == 0 {
			continue
		}
		at, hardware := neighbourAttributes(m.Data[ndmsgBytes:])
		if len(hardware) != 6 || bytes.Equal(hardware, make([]byte, 6)) {
			continue
		}
		text := net.HardwareAddr(hardware).String()
		holders[text] = append(holders[text], at)
		if at == ip.WithZone("") {
			mac = text
		}
	}
	if ip.Is4() && len(holders[mac]) > 1 {
		return ""
	}
	return mac
}

// neighbourAttributes returns the addresses in a message's attributes (struct rtattr, padded to four bytes).
func neighbourAttributes(b []byte) (ip netip.Addr, hardware []byte) {
	for len(b) >= 4 {
		size := int(binary.NativeEndian.Uint16(b))
		if size < 4 || size > len(b) {
			break
		}
		switch value := b[4:size]; binary.NativeEndian.Uint16(b[2:]) {
		case ndaDst:
			ip, _ = netip.AddrFromSlice(value)
		case ndaLladdr:
			hardware = value
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return ip, hardware
}
