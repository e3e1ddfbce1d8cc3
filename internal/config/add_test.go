package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lines is a camera as it may be proposed.
func lines(indent string) string {
	return indent + "new:\n" + indent + indent + "main: rtsp://viewer:${file:secrets/new.password}@192.168.1.30/live\n"
}

// addTo adds a camera to a file with the content, and returns the folder.
func addTo(t *testing.T, content string) (dir string, err error) {
	t.Helper()
	dir = t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	backup, err := Add(path, testEnv, Addition{ID: "new", Lines: lines, Password: "hunter2@"})
	if err == nil {
		if b, err := os.ReadFile(backup); err != nil || string(b) != content {
			t.Errorf("the copy of the old file is %q: %v", b, err)
		}
	}
	return dir, err
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const added = "  new:\n    main: rtsp://viewer:${file:secrets/new.password}@192.168.1.30/live\n"

func TestAddKeepsEveryByteOfTheRest(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"at the end":       {"# top\ncameras:\n  a: rtsp://h/a # the first\n", ""},
		"no line end":      {"cameras:\n  a: rtsp://h/a", "\n"},
		"empty":            {"timezone: UTC\ncameras:\n", ""},
		"empty, commented": {"cameras: # none yet\n", ""},
		"trailing comment": {"cameras:\n  a: {main: rtsp://h/a}\n  # b: rtsp://h/b\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := addTo(t, c.before)
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, dir, "config.yaml"); got != c.before+c.after+added {
				t.Errorf("%q", got)
			}
			if info, err := os.Stat(filepath.Join(dir, "config.yaml")); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("mode %v: %v", info.Mode(), err)
			}
			if got := read(t, dir, SecretPath("new")); got != "hunter2@" {
				t.Errorf("password %q", got)
			}
			if info, err := os.Stat(filepath.Join(dir, SecretPath("new"))); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode of the password %v: %v", info.Mode(), err)
			}
		})
	}
}

func TestAddFindsTheEndOfTheCameras(t *testing.T) {
	before := "cameras:\n    a:\n        main: rtsp://h/a\n        retain:\n            days: 3\n\n# how long\nviews:\n  days: 3\n"
	dir, err := addTo(t, before)
	if err != nil {
		t.Fatal(err)
	}
	want := "cameras:\n    a:\n        main: rtsp://h/a\n        retain:\n            days: 3\n" + lines("    ") + "\n# how long\nviews:\n  days: 3\n"
	if got := read(t, dir, "config.yaml"); got != want {
		t.Errorf("%q", got)
	}
	dir, err = addTo(t, "timezone: UTC\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, dir, "config.yaml"), "timezone: UTC\r\ncameras:\r\n"+strings.ReplaceAll(added, "\n", "\r\n"); got != want {
		t.Errorf("%q", got)
	}
}

func TestAddRefusesAndChangesNothing(t *testing.T) {
	for before, want := range map[string]string{
		"cameras:\n  new: rtsp://h/a\n":             "has a camera \"new\" already",
		"cameras: {a: rtsp://h/a}\n":                "by hand",
		"{cameras: {a: rtsp://h/a}}\n":              "by hand",
		"cameras:\n  a: rtsp://h/a\nstorrage: {}\n": "unknown key",
		"": "empty",
	} {
		dir, err := addTo(t, before)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v does not say %q", before, err, want)
		}
		if got := read(t, dir, "config.yaml"); got != before {
			t.Errorf("%q became %q", before, got)
		}
		if all, err := filepath.Glob(filepath.Join(dir, "secrets", "*")); err != nil || len(all) > 0 {
			t.Errorf("%q left %v: %v", before, all, err)
		}
		if all, err := filepath.Glob(filepath.Join(dir, ".config*")); err != nil || len(all) > 0 {
			t.Errorf("%q left %v: %v", before, all, err)
		}
	}
}

func TestAddRefusesLinesThatAreNotTheCamera(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	before := "cameras:\n  a: rtsp://h/a\n"
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"  b: rtsp://h/b\n", "  new: http://h/b\n", "    sub: rtsp://h/b\n", "views: {days: 1}\n", "  new: rtsp://h/n\n  b: rtsp://h/b\n"} {
		_, err := Add(path, testEnv, Addition{ID: "new", Lines: func(string) string { return bad }, Password: "hunter2"})
		if err == nil || read(t, path) != before {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), SecretPath("new"))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q left a password: %v", bad, err)
		}
	}
}

func TestAddRefusesAFolderThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := Writable(filepath.Join(dir, "missing.yaml")); err == nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that does not exist: %v", err)
	}
	if err := Writable("/proc/self/status"); err == nil || !strings.Contains(err.Error(), "cannot be written by this program: add the lines by hand") {
		t.Errorf("a folder that nobody may write: %v", err)
	}
}
