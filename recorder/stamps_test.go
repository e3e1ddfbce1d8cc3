package recorder_test

import (
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/storage"
)

func TestACameraThatSetsItsClockLosesNoFrameAndMakesNoGap(t *testing.T) {
	t.Parallel()
	r := newRig(t, testcam.Camera{Name: "cam", Audio: testcam.AAC})
	r.until("cam", "recording", 10*time.Second, recording)
	h := r.cams.Camera("cam")
	for _, ticks := range []int32{0, 5 * 3600 * 90000, -3600 * 90000, -3601 * 90000, 0} {
		h.Stamp(ticks)
		r.frames("cam", 20)
	}
	now := time.Now()
	line, err := r.store.Timeline(t.Context(), permit(t, r.ids["cam"], access.Playback), media.Main, storage.Span{From: now.Add(-time.Minute), To: now})
	if err != nil {
		t.Fatal(err)
	}
	if len(line.Spans) != 1 {
		t.Errorf("spans %+v, want one", line.Spans)
	}
	r.close()
	marks := r.marks("cam")
	if span := marks[len(marks)-1].Frame - marks[0].Frame + 1; span != uint64(len(marks)) || span < 90 {
		t.Errorf("%d of %d frames are in the files", len(marks), span)
	}
}
