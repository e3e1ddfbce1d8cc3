package disk

import (
	"os"
	"strings"
)

// BootID identifies the boot of the operating system: it stays the same until the computer restarts
// (proc(5), /proc/sys/kernel/random/boot_id). It is empty where that cannot be known.
func BootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
