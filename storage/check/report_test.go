package check

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheReportKeepsItsNames checks the names that programs depend on.
func TestTheReportKeepsItsNames(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	b, err := json.Marshal(Report{Errors: []Problem{{Row: &at, From: &at, To: &at, Camera: "c", Stream: "s", File: "f", Done: "d"}}, Warnings: []Problem{}})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	names := func(m map[string]any) string {
		var out []string
		for name := range m {
			out = append(out, name)
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	if n := names(got); n != "began bytes bytes_read cameras ended findings notes omitted read_data repair segments store version" {
		t.Error(n)
	}
	finding, _ := got["findings"].([]any)[0].(map[string]any)
	if n := names(finding); n != "camera done file from kind problem remedy row seconds stream to" {
		t.Error(n)
	}
}
