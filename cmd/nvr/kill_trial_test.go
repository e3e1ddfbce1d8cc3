package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/planted/trialtest"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/storage"
	"keepwatch.internal/storage/check"
)

// newFarmSite is a site with cheap cameras, "one" and so on, so that there can be many. It has no accounts.
func newFarmSite(t *testing.T, cameras int) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	clip := filepath.Join(s.dir, "clip.mp4")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=15:duration=4",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "15", "-keyint_min", "15", "-sc_threshold", "0",
		"-b:v", "200k", clip).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	farm, err := testcam.StartFarm(t.Context(), testcam.FarmOptions{File: clip, Count: cameras})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(farm.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + l.Addr().String()
	var b strings.Builder
	fmt.Fprintf(&b, "data: data\nrecordings: recordings\nweb: {listen: %q, tls: off}\nstorage: {min_free: 1MB}\ncameras:\n", l.Addr())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range cameras {
		fmt.Fprintf(&b, "  camera-%d: {main: %q}\n", i+1, farm.URL(i+1))
	}
	s.conf = filepath.Join(s.dir, "config.yaml")
	if err := os.WriteFile(s.conf, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kill(syscall.SIGKILL) })
	return s
}

// launch starts the server and waits for nothing.
func (s *site) launch() {
	s.t.Helper()
	s.cmd, s.log = s.command("run"), &buffer{}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// ready waits until the server says it is.
func (s *site) ready() {
	s.t.Helper()
	until(s.t, 20*time.Second, "the server", func() bool {
		resp, err := http.Get(s.url + "/readyz")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

// archive reads a site's footage from the disk.
type archive struct {
	*site
	key [32]byte
}

func (s *site) archive() archive {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "data", "keys", masterKeyName))
	if err != nil || len(b) != 32 {
		s.t.Fatalf("master key: %v", err)
	}
	return archive{s, [32]byte(b)}
}

// newest returns the last segment file of each camera.
func (a archive) newest() map[string]string {
	last := map[string]string{}
	for _, path := range a.segments() { // the names sort by time
		camera := strings.SplitN(strings.TrimPrefix(path, filepath.Join(a.dir, "recordings")+"/"), "/", 2)[0]
		last[camera] = max(last[camera], path)
	}
	return last
}

// end returns the wall time up to which a segment file holds footage that verifies.
func (a archive) end(path string) time.Time {
	a.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		a.t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		a.t.Fatal(err)
	}
	label, err := headLabel(f, info.Size())
	if err != nil {
		return time.Time{} // killed before its header was complete
	}
	res, err := media.Scan(f, info.Size(), label.Camera, media.DeriveLabelKey(a.key, label.Camera))
	if err != nil {
		a.t.Fatalf("%s: %v", path, err)
	}
	if n := len(res.Table.Entries); n > 0 {
		return res.Table.Entries[n-1].End()
	}
	return time.Time{}
}

// headLabel reads the label of a segment's init header.
func headLabel(f *os.File, size int64) (media.Label, error) {
	init, err := media.InitSize(f, size)
	if err != nil {
		return media.Label{}, err
	}
	b := make([]byte, media.LabelSize)
	if _, err := f.ReadAt(b, init-media.LabelSize); err != nil {
		return media.Label{}, err
	}
	return media.ParseLabel(b)
}

// check is nvr check, here and now.
func (a archive) check(readData bool) *check.Report {
	a.t.Helper()
	report, err := check.Run(context.Background(), check.Options{Recordings: filepath.Join(a.dir, "recordings"),
		Data: filepath.Join(a.dir, "data"), MasterKey: a.key, ReadData: readData, Store: storage.Options{Logger: slog.New(slog.DiscardHandler)}})
	if err != nil {
		a.t.Fatalf("check: %v", err)
	}
	return report
}

// killing is the result of the kills of one site.
type killing struct {
	kills, recording int
	worst            time.Duration
	verdict          string
}

const (
	killedCameras = 8
	mostKilled    = 2 * time.Second // the most that a kill may lose
)

// TestKillsAtAnyMomentLoseAtMostTwoSeconds kills the server of eight cameras repeatedly: while they record, while they connect,
// and while it recovers from the previous kill. Invariants I2, I3.
func TestKillsAtAnyMomentLoseAtMostTwoSeconds(t *testing.T) {
	t.Parallel()
	seed := trialtest.Seed(t)
	rounds := trialtest.Rounds(t, 30)
	sums := make([]killing, 1+min(3, rounds/100)) // most of the time is spent waiting
	t.Run("sites", func(t *testing.T) {
		for i := range sums {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				sums[i] = killOften(t, rand.New(rand.NewPCG(seed, uint64(i))), rounds/len(sums))
			})
		}
	})
	var sum killing
	for _, x := range sums {
		sum = killing{sum.kills + x.kills, sum.recording + x.recording, max(sum.worst, x.worst), x.verdict}
	}
	trialtest.Report(t, "SIGKILL at random moments", "%d kills, %d of them with all %d cameras recording: at most %v of a camera lost; %s", sum.kills,
		sum.recording, killedCameras, sum.worst.Round(time.Millisecond), sum.verdict)
}

// killOften kills one site's server many times.
func killOften(t *testing.T, r *rand.Rand, rounds int) (sum killing) {
	s := newFarmSite(t, killedCameras)
	s.launch()
	s.ready()
	s.kill(syscall.SIGKILL)
	a := s.archive()
	for round := range rounds {
		before := a.newest()
		s.launch()
		early := round%4 == 3
		if early { // perhaps while it recovers
			<-time.After(time.Duration(r.IntN(600)) * time.Millisecond)
		} else {
			until(t, 20*time.Second, "recording of all cameras", func() bool { return a.allRecord(before, killedCameras) })
			<-time.After(time.Duration(r.IntN(1200)) * time.Millisecond)
		}
		killed := time.Now()
		s.kill(syscall.SIGKILL)
		sum.kills++
		if !early {
			sum.recording++
			for camera, path := range a.newest() {
				lost := killed.Sub(a.end(path))
				if sum.worst = max(sum.worst, lost); lost > mostKilled {
					t.Errorf("round %d: %s lost %v", round, camera, lost)
				}
			}
		}
		if round%10 == 9 {
			a.clean(false)
		}
	}
	s.launch()
	s.ready()
	a.clean(true)
	s.kill(syscall.SIGTERM)
	sum.verdict = a.clean(true)
	return sum
}

// allRecord reports whether every camera has a new segment with footage.
func (a archive) allRecord(before map[string]string, cameras int) bool {
	n := 0
	for camera, path := range a.newest() {
		if info, err := os.Stat(path); err == nil && path != before[camera] && info.Size() > 4000 {
			n++
		}
	}
	return n == cameras
}

// clean fails unless check finds no errors, and returns what was checked.
func (a archive) clean(readData bool) string {
	a.t.Helper()
	report := a.check(readData)
	for _, f := range report.Errors {
		a.t.Errorf("check: %+v", f)
	}
	return fmt.Sprintf("nvr check: %d findings in %d segments", len(report.Errors), report.Segments)
}
