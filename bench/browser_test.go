package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPagesAreWeighedAndATabIsWatched takes browser figures over seconds instead of minutes. Figures of video take minutes, and are
// covered by tests in cmd/nvr.
func TestPagesAreWeighedAndATabIsWatched(t *testing.T) {
	var out bytes.Buffer
	o := small()
	o.minutes = 0.1
	quick := slices.DeleteFunc(sittings(o), func(s sitting) bool { return s.what != pagesWeigh && s.what != tabMemory })
	if err := benchBrowser(t.Context(), o, quick, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/live", "/cameras/front-door", "/account", "/system"} {
		line := regexp.MustCompile(`(?m)^` + path + ` with its \d+ assets.*$`).FindString(out.String())
		if !strings.HasSuffix(strings.TrimSpace(line), "met") {
			t.Errorf("%s: %q", path, line)
		}
	}
	if !regexp.MustCompile(`(?m)^memory of a live tab, at the end +4 +[1-9]\d* MB`).Match(out.Bytes()) {
		t.Error("the tab holds nothing")
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestAFigureIsJudgedByItsGoalAlone(t *testing.T) {
	for _, c := range []struct {
		f    figure
		want string
	}{{figure{"a", "1 ms", "≤ 2 ms", true}, "met"}, {figure{"a", "3 ms", "≤ 2 ms", false}, "MISSED"}, {figure{"a", "3 ms", "", false}, ""}} {
		if got := c.f.verdict(); got != c.want {
			t.Errorf("%+v: %q", c.f, got)
		}
	}
}

func TestWithoutABrowserItSaysHowToGetOne(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := benchBrowser(t.Context(), small(), nil, t.Output(), t.Output()); err == nil || !strings.Contains(err.Error(), "apt-get install chromium") {
		t.Errorf("error %v", err)
	}
}
