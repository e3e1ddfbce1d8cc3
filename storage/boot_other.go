//go:build !linux

package storage

// bootID is empty: what names the computer's life is known on Linux only.
func bootID() string { return "" }
