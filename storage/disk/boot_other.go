//go:build !linux

package disk

// BootID is empty: it is known on Linux only.
func BootID() string { return "" }
