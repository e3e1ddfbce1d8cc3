package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/testcam"
)

// TestMain lets the test binary also run as the farm of cameras, like the program itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == farmCommand {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func small() options {
	return options{cameras: 2, rounds: 1, window: 3 * time.Second, warmup: 3 * time.Second}
}

// cameras starts a farm of two.
func cameras(t *testing.T, dir string) *farm {
	t.Helper()
	clip, err := makeClip(t.Context(), dir, fullSize)
	if err != nil {
		t.Fatal(err)
	}
	f, err := startFarm(clip, small().cameras)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.stop(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestBothPeersRecordEveryFrameAndHaveCosts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := &benchmark{options: small(), farm: cameras(t, dir), dir: dir, progress: t.Output()}
	results, err := b.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{ffmpegPeer: "ffmpeg", nvrPeer: "nvr"} {
		if len(results[i]) != 1 {
			t.Fatalf("%s was measured %d times", name, len(results[i]))
		}
		r := results[i][0]
		t.Logf("%s: %+v", name, r)
		// CPU time is counted in hundredths of a second, and two cameras may take less.
		if r.cpu < 0 || r.memory.pss <= 0 || r.memory.rss < r.memory.pss || r.bits < 1e6 || r.writes <= 0 {
			t.Errorf("%s recorded at no cost: %+v", name, r)
		}
		// 2 cameras × 15 fps × at least 3 s.
		if r.frames.sent < 90 || r.frames.lost != 0 || r.frames.doubled != 0 {
			t.Errorf("%s: frames %+v", name, r.frames)
		}
	}
	var table bytes.Buffer
	if err := printTable(t.Context(), &table, b.options, results); err != nil {
		t.Fatal(err)
	}
	t.Log(table.String())
	for _, want := range []string{"nvr ÷ ffmpeg", "CPU, cores", "frames lost", "2 cameras", "1 round of 3s"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q", want)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("recordings were left behind: %v, %v", left, err)
	}
}

func TestProfilesTellOfTheRecordingInThisProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := small()
	o.profile = filepath.Join(dir, "profiles")
	var out bytes.Buffer
	if err := profile(t.Context(), o, cameras(t, dir), dir, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "2 cameras for 3s") || !strings.Contains(out.String(), "; 0 of 9") {
		t.Errorf("said %q", out.String())
	}
	// Recording two cameras for three seconds takes too little CPU for a profile to be sure to contain our code.
	for name, want := range map[string]string{"cpu.pprof": "cpu nanoseconds", "heap.pprof": "keepwatch.internal/"} {
		top, err := exec.CommandContext(t.Context(), "go", "tool", "pprof", "-raw", filepath.Join(o.profile, name)).CombinedOutput()
		if err != nil || !strings.Contains(string(top), want) {
			t.Errorf("%s does not tell of %s: %v\n%.500s", name, want, err, top)
		}
	}
}

// ffprobe counts as many packets as there are marks: no frame is missed or counted twice.
func TestMarksCountPicturesAsFFprobeDoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := cameras(t, dir)
	path := filepath.Join(dir, "one.mp4")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", f.urls[1], "-c", "copy", "-t", "3", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := strconv.Atoi(strings.Trim(string(out), ", \n"))
	if err != nil || want < 30 {
		t.Fatalf("ffprobe: %q, %v", out, err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := newRecording()
	r.read(b)
	if r.n != want || len(r.seen) != 1 || len(r.seen[2]) != want {
		t.Errorf("%d marks, of %d cameras, %d of the second; ffprobe counts %d packets", r.n, len(r.seen), len(r.seen[2]), want)
	}
}

func TestLossesAreCountedWhereverTheyAre(t *testing.T) {
	const step = time.Second / clipFPS
	epoch := time.Date(2026, 11, 22, 13, 5, 0, 0, time.UTC)
	at := func(frame int) time.Time { return epoch.Add(time.Duration(frame) * step) }
	from, to := at(100).Add(-step/2), at(190).Add(-step/2) // 90 frames: 100 to 189
	for _, c := range []struct {
		name     string
		recorded func(frame int) int // how many copies
		want     frames
	}{
		{"all", func(int) int { return 1 }, frames{sent: 90}},
		{"a hole", func(f int) int { return one(f < 120 || f >= 127) }, frames{sent: 90, lost: 7}},
		{"late start", func(f int) int { return one(f >= 103) }, frames{sent: 90, lost: 3}},
		{"early end", func(f int) int { return one(f < 150) }, frames{sent: 90, lost: 40}},
		{"outside the window", func(f int) int { return one(f >= 100 && f < 190) }, frames{sent: 90}},
		{"nothing", func(int) int { return 0 }, frames{sent: 90, lost: 90}},
		{"twice", func(f int) int { return 1 + one(f == 130) }, frames{sent: 90, doubled: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRecording()
			for f := range 300 {
				for range c.recorded(f) {
					r.add(testcam.Mark{Camera: 1, Frame: uint64(f), Time: at(f)}, nil)
				}
			}
			if got := r.within(from, to, 1); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func TestFilesWithoutMarksHoldNoFrames(t *testing.T) {
	long := append(binary.BigEndian.AppendUint32(nil, 1<<31), 6, 5, 41)
	for _, b := range [][]byte{nil, {6}, {6, 5}, {0, 0, 0, 2, 6, 5}, {0, 0, 0, 0, 6, 5, 9}, long, bytes.Repeat([]byte{6, 5}, 1000)} {
		r := newRecording()
		if r.read(b); r.n != 0 {
			t.Errorf("%d frames in %x", r.n, b)
		}
	}
}

func TestTheTableGivesMedianAndRangeAndRatiosByRound(t *testing.T) {
	results := [peerCount][]result{
		ffmpegPeer: {{cpu: 0.1, syncs: -1}, {cpu: 0.2}, {cpu: 0.4}},
		nvrPeer:    {{cpu: 0.2}, {cpu: 0.1}, {cpu: 0.4}},
	}
	var b bytes.Buffer
	if err := printTable(t.Context(), &b, options{cameras: 5, rounds: 3}, results); err != nil {
		t.Fatal(err)
	}
	cells := func(name string) string {
		for line := range strings.Lines(b.String()) {
			if strings.HasPrefix(line, name) {
				return fmt.Sprint(strings.Fields(line))
			}
		}
		return ""
	}
	if got, want := cells("CPU"), "[CPU, cores 0.200 (0.100 – 0.400) 0.200 (0.100 – 0.400) 1.00 (0.50 – 2.00)]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := cells("syncs"), "[syncs/s not measured 0.0]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAProgramThatEndsEarlyIsAnErrorWithItsLastWords(t *testing.T) {
	g, err := startGroup(t.Context(), t.TempDir(), [][]string{{"sh", "-c", "echo no such camera >&2; exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	err = g.pause(t.Context(), time.Minute)
	if err == nil || !strings.Contains(err.Error(), "no such camera") {
		t.Errorf("got %v", err)
	}
	if err := g.stop(); err != nil {
		t.Error(err)
	}
}

func TestWithoutFFmpegItSaysHowToInstallIt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var out, errs bytes.Buffer
	if code := run(t.Context(), nil, strings.NewReader(""), &out, &errs); code != 1 {
		t.Errorf("exit status %d", code)
	}
	if !strings.Contains(errs.String(), "apt-get install ffmpeg") {
		t.Errorf("said %q", errs.String())
	}
}

func TestWrongFlagsAreUsageErrors(t *testing.T) {
	for _, args := range [][]string{{"-cameras", "0"}, {"-rounds", "0"}, {"-window", "1ms"}, {"-nonsense"}, {"word"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != 2 || !strings.Contains(errs.String(), "-cameras") {
			t.Errorf("%q: exit status %d, %q", args, code, errs.String())
		}
	}
}
