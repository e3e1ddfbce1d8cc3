package web

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// TestTheLengthOfASidecarIsConstant: the size of a zip is told before, and a gap may begin in whatever moment it is asked for.
func TestTheLengthOfASidecarIsConstant(t *testing.T) {
	whole := time.Date(2026, 10, 25, 2, 0, 0, 0, time.FixedZone("", 3600))
	var lengths []int
	for _, at := range []time.Time{whole, whole.Add(500 * time.Millisecond), whole.Add(123456 * time.Microsecond)} {
		b, err := json.Marshal(sidecarGap{From: sidecarTime{at}, To: sidecarTime{at}})
		check(t, err)
		var back struct{ From, To time.Time }
		check(t, json.Unmarshal(b, &back))
		if !back.From.Equal(at) || !back.To.Equal(at) {
			t.Errorf("%v is written as %s", at, b)
		}
		lengths = append(lengths, len(b))
	}
	if slices.Min(lengths) != slices.Max(lengths) {
		t.Errorf("lengths %v", lengths)
	}
}
