package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestFootageIsFoundInTheSyntheticStore(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	o := options{dir: t.TempDir(), segments: storeCameras * 24 * 60, sought: 3, exported: 20 * time.Second}
	if err := benchStore(t.Context(), o, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first byte of a seek, median", "key frame", "timeline of 30 days", "index per camera and day", "export of 20s", "restart"} {
		if !strings.Contains(out.String(), name) {
			t.Errorf("the table lacks %q:\n%s", name, out.String())
		}
	}
	o.segments = 7
	if err := benchStore(t.Context(), o, &out, t.Output()); err == nil || !strings.Contains(err.Error(), "a day") {
		t.Errorf("seven segments: %v", err)
	}
}
