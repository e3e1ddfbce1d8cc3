package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
	"keepwatch.internal/storage/check"
)

// check runs nvr check and returns its exit status, report and standard error.
func (s *site) check(words ...string) (status int, r check.Report, complaint string) {
	s.t.Helper()
	cmd := s.command(append([]string{"check", "-json", "-rate", "0"}, words...)...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		s.t.Fatalf("nvr check %v: %v\n%s\n%s", words, err, out.String(), errs.String())
	}
	return cmd.ProcessState.ExitCode(), r, errs.String()
}

// TestCheckFindsAndRepairsBesideTheServerAndWithoutIt records with the real binary, kills it, and damages footage.
func TestCheckFindsAndRepairsBesideTheServerAndWithoutIt(t *testing.T) {
	s := newSite(t, testcam.Camera{Name: "one"}, testcam.Camera{Name: "two"})
	for range 2 {
		s.start()
		v := s.login("alice")
		v.recording()
		c := s.cams.Camera("one")
		if err := c.WaitFrame(t.Context(), media.Main, c.LastFrame(media.Main)+75); err != nil {
			t.Fatal(err)
		}
		if status, r, complaint := s.check("-read-data"); status != exitFine || complaint != "" {
			t.Errorf("beside the server: status %d, %+v\n%s", status, r.Errors, complaint)
		}
		s.kill(syscall.SIGKILL)
		if status, r, _ := s.check("-read-data"); status != exitFine {
			t.Errorf("after a kill: status %d, %+v", status, r.Errors)
		}
	}
	s.start()
	v := s.login("alice")
	v.recording()
	before := v.everySpanPlays("one", time.Now().Add(-time.Hour))
	for i, running := range []bool{true, false} {
		if !running {
			s.kill(syscall.SIGINT)
		}
		path := s.closedSegment("one", i)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o640); err != nil {
			t.Fatal(err)
		}
		if status, r, _ := s.check(); status != exitFine {
			t.Errorf("a check that reads no data: status %d, %+v", status, r.Errors)
		}
		status, r, complaint := s.check("-read-data", "-repair")
		if status != exitProblem || len(r.Errors) != 1 || r.Errors[0].Kind != check.ErrorDamaged || r.Errors[0].Done == "" {
			t.Fatalf("server %v: status %d, %+v\n%s", running, status, r.Errors, complaint)
		}
		if !strings.HasSuffix(path, strings.TrimPrefix(r.Errors[0].File, "recordings/")) {
			t.Errorf("it names %s, bent is %s", r.Errors[0].File, path)
		}
		if status, r, _ := s.check("-read-data"); status != exitFine || len(r.Warnings) == 0 {
			t.Errorf("server %v: after the repair: status %d, %+v", running, status, r)
		}
	}
	s.start()
	v = s.login("alice")
	if after := v.everySpanPlays("one", time.Now().Add(-time.Hour)); after < before {
		t.Errorf("%d spans play, %d did before", after, before)
	}
	aside, err := filepath.Glob(filepath.Join(s.dir, "recordings", "quarantine", "*.mp4"))
	if err != nil || len(aside) != 2 {
		t.Errorf("in quarantine: %v, %v", aside, err)
	}
}

// closedSegment returns the n-th segment file of the camera.
func (s *site) closedSegment(camera string, n int) string {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "recordings", camera+"-*", "main", "*", "*.mp4"))
	if err != nil || len(files) <= n+1 {
		s.t.Fatalf("segments of %s: %v, %v", camera, files, err)
	}
	slices.Sort(files)
	return files[n]
}

func TestProgressTellsShareAndTimeLeft(t *testing.T) {
	for want, x := range map[string]struct {
		p       check.Progress
		byBytes bool
	}{
		"checked 25.0 %: 1 of 10 segments, 5.0 MB; about 30 s left": {check.Progress{Segments: 1, AllSegments: 10, Bytes: 5e6, AllBytes: 20e6}, true},
		"checked 10.0 %: 1 of 10 segments, 5.0 MB; about 90 s left": {check.Progress{Segments: 1, AllSegments: 10, Bytes: 5e6, AllBytes: 20e6}, false},
		"checked 100.0 %: 11 of 11 segments, 0 B; about 0 s left":   {check.Progress{Segments: 11, AllSegments: 10}, false},
		"checked 0 segments": {check.Progress{}, true},
		"resolved 3 of 4":    {check.Progress{Segments: 9, AllSegments: 9, Resolved: 3, AllIssues: 4}, true},
	} {
		if got := progressText(x.p, x.byBytes, 10*time.Second); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestFootageWithSoundOfAnyCodecSurvivesCheckRepairAndTheLossOfTheIndex records FLAC and Opus, kills the server, damages a segment and deletes the
// index.
func TestFootageWithSoundOfAnyCodecSurvivesCheckRepairAndTheLossOfTheIndex(t *testing.T) {
	s := newSite(t, testcam.Camera{Name: "alaw", Audio: testcam.PCMA}, testcam.Camera{Name: "opus", Audio: testcam.Packed, Packets: camtest.Opus(t, tone(48000), 48000)})
	for range 3 {
		s.start()
		s.login("alice").recording()
		for _, c := range s.cams.Cameras() {
			must(t, c.WaitFrame(t.Context(), media.Main, c.LastFrame(media.Main)+75))
		}
		s.kill(syscall.SIGKILL)
	}
	if status, r, _ := s.check("-read-data", "-repair"); status != exitFine {
		t.Errorf("after kills: status %d, %+v", status, r.Errors)
	}
	for _, c := range s.cams.Cameras() {
		path := s.closedSegment(c.Name(), 0)
		b, err := os.ReadFile(path)
		must(t, err)
		b[len(b)/2] ^= 1
		must(t, os.WriteFile(path, b, 0o640))
	}
	if status, r, complaint := s.check("-read-data", "-repair"); status != exitProblem || len(r.Errors) != 2 || r.Errors[0].Kind != check.ErrorDamaged {
		t.Errorf("of damaged segments: status %d, %+v\n%s", status, r.Errors, complaint)
	}
	index, err := filepath.Glob(filepath.Join(s.dir, "data", "index.db*"))
	must(t, err)
	for _, path := range index {
		must(t, os.Remove(path))
	}
	s.start()
	v := s.login("alice")
	v.recording()
	for _, c := range s.cams.Cameras() {
		until(t, 40*time.Second, "footage of before in the new index", func() bool { return v.everySpanPlays(c.Name(), time.Now().Add(-time.Hour)) >= 3 })
	}
}
