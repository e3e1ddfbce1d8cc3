package disk

import "syscall"

// allocate reserves disk space for the file: fallocate(2).
func (f realFile) allocate(size int64) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := raw.Control(func(fd uintptr) { result = syscall.Fallocate(int(fd), 0, 0, size) }); err != nil {
		return err
	}
	return result
}
