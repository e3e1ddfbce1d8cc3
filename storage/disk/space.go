package disk

import (
	"os"
	"syscall"
)

// allocator is a file that can reserve disk space without writing to all of it.
type allocator interface{ allocate(size int64) error }

// Same reports whether two folders are on the same file system. It is false when that cannot be known.
func Same(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	if errA != nil || errB != nil {
		return false
	}
	first, okA := x.Sys().(*syscall.Stat_t)
	second, okB := y.Sys().(*syscall.Stat_t)
	return okA && okB && first.Dev == second.Dev
}

// Allocate reserves disk space for the first size bytes of the file, by writing zeros where the file system has no other way.
func Allocate(f File, size int64) error {
	if a, ok := f.(allocator); ok {
		if err := a.allocate(size); err == nil || IsFull(err) {
			return err
		}
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return nil
}
