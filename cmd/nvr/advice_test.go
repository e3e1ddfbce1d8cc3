package main

import (
	"strings"
	"testing"
	"time"

	"keepwatch.internal/recorder"
)

func TestAdviceTellsOfClocks(t *testing.T) {
	for want, h := range map[string]recorder.Health{
		"sub stream: the camera's own clock is 3h0m0s behind": {Clock: -3 * time.Hour},
		"sub stream: the camera's own clock is 31s ahead":     {Clock: 31 * time.Second},
		"footage is stored 1h0m0s later than it happened":     {Shift: time.Hour},
	} {
		if got := strings.Join(advice("sub stream: ", h), "\n"); !strings.Contains(got, want) {
			t.Errorf("%+v: %q does not say %q", h, got, want)
		}
	}
	if got := advice("", recorder.Health{Clock: -30 * time.Second}); len(got) > 0 {
		t.Errorf("advice about a camera whose clock is good enough: %q", got)
	}
}
