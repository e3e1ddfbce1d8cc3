package recorder_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/recorder"
	"keepwatch.internal/storage"
)

func TestACameraThatSetsItsClockLosesNoFrameAndMakesNoGap(t *testing.T) {
	t.Parallel()
	r := newRig(t, testcam.Camera{Name: "cam", Audio: testcam.AAC})
	r.until("cam", "recording", recording)
	h := r.cams.Camera("cam")
	for _, ticks := range []int32{0, 5 * 3600 * 90000, -3600 * 90000, -3601 * 90000, 0} {
		h.Stamp(ticks)
		r.frames("cam", 20)
	}
	r.recordedNow("cam")
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

func TestWhatACamerasClockSaysIsKeptAndNotBelieved(t *testing.T) {
	t.Parallel()
	r := newRig(t, testcam.Camera{Name: "cam"})
	const off = -3 * time.Hour
	r.cams.Camera("cam").SetClock(off)
	near := func(d time.Duration) bool { return d > off-2*time.Second && d < off+2*time.Second }
	s := r.until("cam", "told what the camera's clock says", func(s recorder.Status) bool { return near(s.Health.Clock) })
	p := permit(t, r.ids["cam"], access.Playback)
	s = r.until("cam", "filed by this computer's clock", func(recorder.Status) bool {
		now := time.Now()
		line, err := r.store.Timeline(t.Context(), p, media.Main, storage.Span{From: now.Add(-time.Minute), To: now})
		n := len(line.Spans)
		return err == nil && n > 0 && now.Sub(line.Spans[n-1].To) < 5*time.Second
	})
	if time.Since(s.LastFrame) > 5*time.Second {
		t.Errorf("the newest picture is said to have come at %v", s.LastFrame)
	}
	r.close()
	db, err := sql.Open("sqlite", filepath.Join(r.folder, "data", "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var kept int64
	if err := db.QueryRowContext(t.Context(), "SELECT max(camera_clock_us) FROM run").Scan(&kept); err != nil || !near(time.Duration(kept)*time.Microsecond) {
		t.Errorf("%v µs are noted: %v", kept, err)
	}
}
