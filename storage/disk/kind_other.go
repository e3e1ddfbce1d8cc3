//go:build !linux

package disk

// NetworkKind is always "": the kind is known on Linux only.
func NetworkKind(string) string { return "" }
