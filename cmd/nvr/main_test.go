package main

import (
	"context"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

// asNVR makes the test binary behave like nvr, for tests that need it as a separate process.
const asNVR = "KEEPWATCH_TEST_AS_NVR"

func TestMain(m *testing.M) {
	if os.Getenv(asNVR) != "" {
		letTrace()
		main()
	}
	testscript.Main(m, map[string]func(){"nvr": main})
}

// letTrace lets strace, started by a test, attach to this process even where only parents may (Yama, ptrace_scope 1).
func letTrace() {
	const setPtracer, anyone = 0x59616d61, ^uintptr(0)                     // prctl(2): PR_SET_PTRACER, PR_SET_PTRACER_ANY
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setPtracer, anyone, 0) // a kernel without Yama knows no such thing, and needs none
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: func(e *testscript.Env) error { e.Setenv("NVR_CONFIG", ""); return nil },
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"nosecret": noSecret, "waitfor": waitFor, "camera": simulate},
	})
}

// noSecret fails the script if the text is in any file below its folder, or in the output of the last command.
func noSecret(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: nosecret TEXT FOLDER|stdout|stderr …")
	}
	for _, where := range args[1:] {
		if where == "stdout" || where == "stderr" {
			if strings.Contains(ts.ReadFile(where), args[0]) {
				ts.Fatalf("%s tells the secret", where)
			}
			continue
		}
		ts.Check(filepath.WalkDir(ts.MkAbs(where), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if b, err := os.ReadFile(path); err != nil || strings.Contains(string(b), args[0]) {
				ts.Fatalf("%s holds the secret (%v)", path, err)
			}
			return nil
		}))
	}
}

// simulate starts a simulated camera with a login and sets $CAMERA to its host and port.
func simulate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: camera NAME PASSWORD MAINPATH SUBPATH")
	}
	v := testcam.Video{GOP: time.Second}
	srv, err := testcam.Start(context.Background(), testcam.Options{Cameras: []testcam.Camera{{Name: args[0], Username: "viewer", Password: args[1],
		MainPath: args[2], SubPath: args[3], Main: v, Sub: v, Audio: testcam.AAC}}})
	ts.Check(err)
	ts.Defer(srv.Close)
	u, err := url.Parse(srv.URL(args[0], media.Main))
	ts.Check(err)
	ts.Setenv("CAMERA", u.Host)
}
