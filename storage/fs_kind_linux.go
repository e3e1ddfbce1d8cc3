package storage

import "syscall"

// networkKind names the kind of file system that holds path when it is none of this computer's own disks, or "" otherwise.
func networkKind(path string) string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return ""
	}
	return kindName(uint32(st.Type))
}
