//go:build !linux

package storage

// networkKind is not known here.
func networkKind(string) string { return "" }
