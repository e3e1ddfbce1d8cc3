package disk

import "syscall"

// NetworkKind names the kind of file system that holds path when it is not on a disk of this computer. It is "" otherwise.
func NetworkKind(path string) string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return ""
	}
	return kindName(uint32(st.Type))
}
