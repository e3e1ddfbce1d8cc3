//go:build amd64 || arm64

package disk

import (
	"os"
	"syscall"
)

// dropCache drops the clean pages of a file from memory: posix_fadvise(2) with POSIX_FADV_DONTNEED. It is advice: the kernel may
// ignore it, and errors do not matter.
func dropCache(f *os.File) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	const dontNeed = 4
	_ = raw.Control(func(fd uintptr) {
		_, _, _ = syscall.Syscall6(syscall.SYS_FADVISE64, fd, 0, 0, dontNeed, 0, 0)
	})
}
