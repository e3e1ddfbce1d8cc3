package camera

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

// neighbour makes one message of the kernel's response to RTM_GETNEIGH.
func neighbour(state uint16, ip, mac string) []byte {
	body := make([]byte, ndmsgBytes)
	binary.NativeEndian.PutUint16(body[8:], state)
	attribute := func(kind uint16, value []byte) {
		head := make([]byte, 4)
		binary.NativeEndian.PutUint16(head, uint16(4+len(value)))
		binary.NativeEndian.PutUint16(head[2:], kind)
		body = append(append(body, head...), value...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	attribute(ndaDst, netip.MustParseAddr(ip).AsSlice())
	attribute(7, []byte{1, 2, 3}) // one that is not read
	if hardware, err := net.ParseMAC(mac); err == nil {
		attribute(ndaLladdr, hardware)
	}
	head := make([]byte, syscall.SizeofNlMsghdr)
	binary.NativeEndian.PutUint32(head, uint32(len(head)+len(body)))
	binary.NativeEndian.PutUint16(head[4:], syscall.RTM_NEWNEIGH)
	return append(head, body...)
}

func TestTheKernelsTableOfNeighboursIsRead(t *testing.T) {
	const reachable, stale, failed = 2, 4, 0x20
	var dump []byte
	for _, m := range [][]byte{
		neighbour(reachable, "192.168.1.20", "9c:8e:cd:00:00:01"),
		neighbour(stale, "192.168.1.21", "9c:8e:cd:00:00:02"),
		neighbour(failed, "192.168.1.22", "9c:8e:cd:00:00:03"),
		neighbour(stale, "192.168.1.23", ""),
		neighbour(stale, "192.168.1.30", "02:00:00:00:00:01"), // a repeater, which has two addresses
		neighbour(stale, "192.168.1.31", "02:00:00:00:00:01"),
		neighbour(stale, "192.168.1.32", "00:00:00:00:00:00"),
		neighbour(stale, "fe80::9e8e:cdff:fe00:1", "9c:8e:cd:00:00:01"),
		neighbour(stale, "fd00::1", "9c:8e:cd:00:00:01"),
	} {
		dump = append(dump, m...)
	}
	for ip, want := range map[string]string{
		"192.168.1.20": "", // asked in the dump of both families, it stands for three addresses
		"192.168.1.21": "9c:8e:cd:00:00:02", "192.168.1.22": "", "192.168.1.23": "", "192.168.1.30": "", "192.168.1.31": "", "192.168.1.32": "", "192.168.1.99": "",
		"fe80::9e8e:cdff:fe00:1%eth0": "9c:8e:cd:00:00:01", "fd00::1": "9c:8e:cd:00:00:01",
	} {
		if got := findNeighbour(dump, netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %q, want %q", ip, got, want)
		}
	}
	if got := findNeighbour(neighbour(reachable, "192.168.1.20", "9c:8e:cd:00:00:01"), netip.MustParseAddr("192.168.1.20")); got != "9c:8e:cd:00:00:01" {
		t.Errorf("an only neighbour: %q", got)
	}
	for n := range len(dump) { // truncated anywhere, it is read up to there or not at all
		findNeighbour(dump[:n], netip.MustParseAddr("192.168.1.21"))
	}
	if neighbourOf(netip.MustParseAddr("127.0.0.1")) != "" {
		t.Error("loopback has a MAC address")
	}
}
