package storage

import (
	"os"
	"strings"
)

// bootID names the computer's life since it was switched on (proc(5), /proc/sys/kernel/random/boot_id), or is empty
// where that cannot be known.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
