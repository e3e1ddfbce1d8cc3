//go:build !linux

package camera

import "net/netip"

// neighbourOf returns "": the table of neighbours is read on Linux only.
func neighbourOf(netip.Addr) string { return "" }
