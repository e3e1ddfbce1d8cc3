package probe

import (
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
)

func TestReportsAreInWords(t *testing.T) {
	text := func(r Report, label string) string {
		for _, f := range r.Facts() {
			if f.Label == label {
				return f.Value
			}
		}
		return ""
	}
	for _, c := range []struct {
		r           Report
		label, want string
	}{
		{Report{}, "Camera clock", "unknown: the camera sent no report of its time"},
		{Report{ClockKnown: true, Clock: -900 * time.Millisecond}, "Camera clock", "agrees with this computer's"},
		{Report{ClockKnown: true, Clock: -time.Hour}, "Camera clock", "1h0m0s behind this computer's"},
		{Report{ClockKnown: true, Clock: 90 * time.Second}, "Camera clock", "1m30s ahead of this computer's"},
		{Report{}, "Key frames", "one only"},
		{Report{GOP: 9 * time.Second, GOPAtLeast: true}, "Key frames", "at least 9 s apart"},
		{Report{GOP: 8 * time.Second, ShortestGOP: 2 * time.Second}, "Key frames", "irregular, 2 s to 8 s apart"},
		{Report{}, "Sound", "none"},
		{Report{Sounds: []camera.Sound{{Codec: "MP3", Why: "set it to AAC"}, {Codec: "G.711", Recorded: true}}, Sound: &Sound{"FLAC", 8000, 1}}, "Sound",
			"MP3, not recorded: set it to AAC; G.711, 8 kHz, mono, recorded as FLAC"},
		{Report{Secure: true, UDP: true, TLS: camera.TLS{Version: "TLS 1.0", Weak: "old version of TLS"}}, "Connection", "UDP, encrypted with TLS 1.0 (old version of TLS)"},
		{Report{Realm: "none"}, "Login", "none: anybody in its network can watch"},
		{Report{Realm: "basic ipcam"}, "Login", "basic"},
	} {
		if got := text(c.r, c.label); got != c.want {
			t.Errorf("%s: %q, not %q", c.label, got, c.want)
		}
	}
}
