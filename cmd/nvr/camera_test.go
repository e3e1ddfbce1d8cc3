package main

import (
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/testcam"
)

// said runs a command and returns its output.
func (s *site) said(words ...string) string {
	s.t.Helper()
	out, err := s.command(words...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("nvr %v: %v\n%s", words, err, out)
	}
	return string(out)
}

// listed waits until nvr camera list, with the server running, prints the expected text for a camera.
func (s *site) listed(name, want string) {
	s.t.Helper()
	line := ""
	if !poll(s.t.Context(), 20*time.Second, func() bool {
		for l := range strings.Lines(s.said("camera", "list")) {
			if strings.HasPrefix(l, name+" ") {
				line = l
			}
		}
		return strings.Contains(line, want)
	}) {
		s.t.Fatalf("%s is not %q within 20 s:\n%s%s", name, want, line, s.log.String())
	}
}

func TestAReplacedCameraWaitsForTheConsole(t *testing.T) {
	t.Parallel()
	s := newSite(t, testcam.Camera{Name: "door", TLS: true, NoSub: true}, testcam.Camera{Name: "yard", NoSub: true})
	if out, err := s.command("camera", "accept", "door").CombinedOutput(); err == nil || !strings.Contains(string(out), "has not connected yet") {
		t.Errorf("before the first start: %v, %s", err, out)
	}
	s.start()
	s.listed("door", "strong: key")
	s.listed("yard", "weak: looks like any other of its model")
	if out, err := s.command("camera", "accept", "door").CombinedOutput(); err == nil || !strings.Contains(string(out), "nothing to accept") {
		t.Errorf("while all is well: %v, %s", err, out)
	}
	h := s.cams.Camera("door")
	if err := h.Rekey(); err != nil {
		t.Fatal(err)
	}
	h.Drop()
	s.listed("door", "QUARANTINED")
	if !strings.Contains(s.log.String(), `\"nvr camera accept door\"`) {
		t.Errorf("the log does not say what to do:\n%s", s.log.String())
	}
	said := s.said("camera", "accept", "door")
	if !strings.Contains(said, "key of its certificate: was ") || !strings.Contains(said, "accepted as door") {
		t.Errorf("accept says %q", said)
	}
	again := strings.Count(s.log.String(), "camera recording")
	if !poll(t.Context(), 5*time.Second, func() bool { return strings.Count(s.log.String(), "camera recording") > again }) {
		t.Errorf("the server does not record what was accepted:\n%s", s.log.String())
	}
	s.listed("door", "strong: key\n")
}
