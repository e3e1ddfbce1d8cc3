package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/planted/trialtest"
	"keepwatch.internal/internal/testcam"
)

// injection is a system call in the recordings that the kernel refuses once or a few times.
type injection struct {
	call, fault string
	folder      bool // it concerns the day's folder rather than the file that is being written
	again       bool // a new segment must be begun for it to happen
	code        string
}

func injections() []injection {
	return []injection{
		{"pwrite64", "EIO", false, false, "disk-error"},
		{"pwrite64", "ENOSPC", false, false, "disk-full"},
		{"fdatasync", "EIO", false, false, ""}, // the data is still there, so nothing is lost; the log says so
		{"openat", "ENOSPC", true, true, "disk-full"},
		{"openat", "EIO", true, true, "disk-error"},
		{"fsync", "EIO", true, true, "disk-error"},
	}
}

// TestFaultsOfTheRealDiskAreToldAndSurvived has the kernel refuse system calls of the real program. Each fault must be in the log
// within 5 s, recording must resume within 10 s, and missing time must be a gap with the reason.
func TestFaultsOfTheRealDiskAreToldAndSurvived(t *testing.T) {
	t.Parallel()
	s := newSite(t, testcam.Camera{Name: "one"})
	s.start()
	v := s.login("alice")
	v.recording()
	a := s.archive()
	began := time.Now()
	var told, resumed time.Duration
	list := injections()
	for range trialtest.Rounds(t, 1) {
		for _, x := range list {
			x := v.inject(a, x)
			told, resumed = max(told, x.told), max(resumed, x.resumed)
		}
	}
	v.explained("one", began)
	s.kill(syscall.SIGTERM)
	verdict := a.clean(true)
	trialtest.Report(t, "faults of the real disk (strace)", "%d kinds of faults: each in the log within %v, recording again within %v; %s",
		len(list), told.Round(time.Millisecond), resumed.Round(time.Millisecond), verdict)
}

type injected struct{ told, resumed time.Duration }

// inject has the kernel refuse the call and waits for the expected result.
func (v *visitor) inject(a archive, x injection) (out injected) {
	t, name := v.t, fmt.Sprintf("%s of %s", x.fault, x.call)
	t.Helper()
	c := v.site.cams.Camera("one")
	var file string
	until(t, 20*time.Second, "a segment", func() bool {
		file = ""
		for _, path := range a.newest() {
			file = path
		}
		info, err := os.Stat(file)
		return err == nil && time.Since(info.ModTime()) < time.Second && info.Size() > 4000
	})
	target := file
	if x.folder {
		target = filepath.Dir(file)
	}
	logged := strings.Count(v.site.log.String(), "level=ERROR") + strings.Count(v.site.log.String(), "level=WARN")
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "-p", fmt.Sprint(v.site.cmd.Process.Pid), "-o", trace, "-P", target,
		"-e", "trace="+x.call, "-e", "inject="+x.call+":error="+x.fault+":when=1..2")
	var complaints buffer
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		t.Fatalf("strace, which this trial needs: %v", err)
	}
	if x.again {
		until(t, 10*time.Second, "strace at work", func() bool { return strings.Contains(complaints.String(), "attached") })
		c.Drop()
	}
	hit := poll(t.Context(), 20*time.Second, func() bool {
		b, err := os.ReadFile(trace)
		return err == nil && strings.Contains(string(b), "(INJECTED)")
	})
	at := time.Now()
	_ = cmd.Process.Signal(syscall.SIGTERM) // strace detaches from the server
	_ = cmd.Wait()
	if !hit {
		t.Fatalf("%s never happened: %s", name, complaints.String())
	}
	until(t, 5*time.Second, name+" in the log", func() bool {
		return strings.Count(v.site.log.String(), "level=ERROR")+strings.Count(v.site.log.String(), "level=WARN") > logged
	})
	out.told = time.Since(at)
	until(t, 10*time.Second, "recording after "+name, func() bool {
		for _, path := range a.newest() {
			if end := a.end(path); end.After(at) {
				return true
			}
		}
		return false
	})
	out.resumed = time.Since(at)
	if x.code != "" && !slices.Contains(v.gapCodes("one", at.Add(-20*time.Second)), x.code) {
		t.Errorf("after %s the timeline has the gaps %v", name, v.gapCodes("one", at.Add(-20*time.Second)))
	}
	return out
}

// line is a timeline from the API.
type line struct {
	Spans []struct{ From, To time.Time }
	Gaps  []struct {
		From, To     time.Time
		Code, Reason string
	}
}

func (v *visitor) line(camera string, from time.Time) (l line) {
	v.t.Helper()
	status, b := v.get("/api/v1/cameras/" + camera + "/timeline?from=" + from.UTC().Format(time.RFC3339Nano) + "&to=" + time.Now().UTC().Format(time.RFC3339Nano))
	if err := json.Unmarshal(b, &l); err != nil || status != 200 {
		v.t.Fatalf("timeline of %s: %d %s", camera, status, b)
	}
	return l
}

// gapCodes lists the codes of the gaps since a time.
func (v *visitor) gapCodes(camera string, from time.Time) (codes []string) {
	for _, g := range v.line(camera, from).Gaps {
		codes = append(codes, g.Code)
	}
	return codes
}

// explained fails unless spans and gaps since a time add up, each gap has a reason, and all footage plays.
func (v *visitor) explained(camera string, from time.Time) {
	v.t.Helper()
	l := v.line(camera, from)
	var sum time.Duration
	for _, s := range l.Spans {
		sum += s.To.Sub(s.From)
	}
	for _, g := range l.Gaps {
		sum += g.To.Sub(g.From)
		if g.Reason == "" || g.Code == "unknown" || g.Code == "other" {
			v.t.Errorf("a gap that nobody can explain: %+v", g)
		}
	}
	if n := time.Since(from); sum > n || sum < n-time.Second {
		v.t.Errorf("spans and gaps are %v of %v", sum, n)
	}
	for _, s := range l.Spans {
		v.clip(camera, s.From, s.To)
	}
}
