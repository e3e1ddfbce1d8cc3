//go:build !linux

package camera

import "net/netip"

// neighbourOf returns "", since the neighbour table is read on Linux only.
func neighbourOf(netip.Addr) string { return "" }
