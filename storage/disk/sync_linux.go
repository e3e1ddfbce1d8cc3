package disk

import (
	"os"
	"syscall"
)

// dataSync waits until content and length are on the disk; the file's other attributes may follow later.
func dataSync(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Control(func(fd uintptr) {
		for {
			if result = syscall.Fdatasync(int(fd)); result != syscall.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if result != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: result}
	}
	return nil
}
