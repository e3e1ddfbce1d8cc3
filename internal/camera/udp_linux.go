package camera

import "syscall"

// receiveBuffer returns the size of a socket's receive buffer in bytes, as it was asked for: Linux doubles that for its own needs
// (socket(7)).
func receiveBuffer(conn syscall.Conn) int {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	size := 0
	if err := raw.Control(func(fd uintptr) { size, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF) }); err != nil {
		return 0
	}
	return size / 2
}
