package storage

import (
	"strings"
	"time"
)

// syntheticKept is how long footage of synthetic cameras is kept.
const syntheticKept = time.Hour

// SyntheticCameras are the two cameras with which the running server tests itself. They are enrolled beside the configured
// ones, under names that no configuration can hold, and are cameras like every other from there on.
func SyntheticCameras() [2]CameraSpec {
	return [2]CameraSpec{
		{Name: "_canary-1", Label: "Canary 1", Retain: Retain{Age: syntheticKept}},
		{Name: "_canary-2", Label: "Canary 2", Retain: Retain{Age: syntheticKept}},
	}
}

// Synthetic reports whether the name is a synthetic camera's, which no list for people shows.
func Synthetic(name string) bool { return strings.HasPrefix(name, "_") }
