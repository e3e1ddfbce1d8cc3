//go:build !linux || !(amd64 || arm64)

package disk

import "os"

// dropCache does nothing here: what is read back may come from memory.
func dropCache(*os.File) {}
