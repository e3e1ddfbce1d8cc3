package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what the fixtures give as their golden files")

func testEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"FRONT_PASS": "hunter2@/#", "LOGIN": "admin:hunter2", "DAYS": "30", "AUDIO": "true", "EMPTY": "",
		"WHOLE": "rtsp://admin:hunter2@192.168.1.9:8554/live", "GARAGE_PASS": "hunter2",
	}[name]
	return v, ok
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n--- got\n%s\n--- want\n%s", path, got, want)
	}
	if bytes.Contains(got, []byte("hunter2")) || bytes.Contains(got, []byte("hun/ter2")) || bytes.Contains(got, []byte("hun#ter2")) {
		t.Errorf("%s shows a secret", path)
	}
}

func fixtures(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures %s: %v", pattern, err)
	}
	return paths
}

func TestBadFilesGiveAllTheirMistakesAtOnce(t *testing.T) {
	for _, path := range fixtures(t, "testdata/bad/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := Load(path, testEnv)
			if _, ok := errors.AsType[*Error](err); !ok || c != nil {
				t.Fatalf("got %v, %v", c, err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", []byte(err.Error()+"\n"))
		})
	}
}

func TestGoodFilesGiveTheirValues(t *testing.T) {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range fixtures(t, "testdata/good/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := Load(path, testEnv)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(c, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = bytes.ReplaceAll(got, []byte(dir), []byte("TESTDATA"))
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", append(got, '\n'))
		})
	}
}

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	c, err := Load("testdata/good/smallest.yaml", testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "/data" || c.Recordings != "/recordings" || c.Timezone != time.Local || c.Web.Listen != ":8443" || c.Web.TLS.Mode != TLSAuto ||
		c.Storage.MinFree != (MinFree{Percent: 10}) || c.Storage.Sync != 2*time.Second || len(c.Cameras) != 0 {
		t.Errorf("defaults %+v", c)
	}
	inside := []string{"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.1.1", "::1", "fe80::1", "fd12::1"}
	outside := []string{"8.8.8.8", "172.32.0.1", "100.64.0.1", "192.169.0.1", "2001:db8::1", "fec0::1"}
	for _, a := range append(inside, outside...) {
		contains := func(p netip.Prefix) bool { return p.Contains(netip.MustParseAddr(a)) }
		if got := slices.ContainsFunc(c.Web.Networks, contains); got != slices.Contains(inside, a) {
			t.Errorf("%s may connect: %v", a, got)
		}
	}
}

func TestTimeZonesAreKnownWithoutTheSystems(t *testing.T) {
	c, err := Load("testdata/good/contract.yaml", testEnv)
	if err != nil || c.Timezone.String() != "Europe/Berlin" {
		t.Errorf("%v, %v", c, err)
	}
}

func TestNetworksAnyIsEverybody(t *testing.T) {
	c, err := parse(input{content: []byte("web: {networks: any}\ncameras: {}\n")})
	if err != nil || len(c.Web.Networks) != 2 || c.Web.Networks[0].String() != "0.0.0.0/0" || c.Web.Networks[1].String() != "::/0" {
		t.Errorf("%v, %v", c, err)
	}
}

func TestPasswordsFromVariablesArriveAsTheyAre(t *testing.T) {
	for _, password := range []string{"plain", "p@ss", "a/b?c#d", "50%", "%41", "a b", "ü☂", ":", "a:b", "$x", "${Y}", `"'`} {
		env := func(name string) (string, bool) {
			return map[string]string{"P": password, "L": "us er:" + password}[name], true
		}
		for _, text := range []string{"rtsp://us%20er:${P}@10.0.0.9:554/x", "rtsp://${L}@10.0.0.9:554/x"} {
			c, err := parse(input{content: []byte("cameras: {a: '" + text + "'}\n"), env: env})
			if err != nil {
				t.Errorf("%s with %q: %v", text, password, err)
				continue
			}
			u := c.Cameras[0].Main.Reveal()
			if got, _ := u.User.Password(); got != password || u.User.Username() != "us er" || u.Host != "10.0.0.9:554" || u.Path != "/x" {
				t.Errorf("%s with %q gives %q of %q at %q", text, password, got, u.User.Username(), u.Host)
			}
		}
	}
}

func TestRevealGivesACopy(t *testing.T) {
	c, err := parse(input{content: []byte("cameras: {a: 'rtsp://u:p@10.0.0.9/x'}\n")})
	if err != nil {
		t.Fatal(err)
	}
	c.Cameras[0].Main.Reveal().Host = "elsewhere"
	if got := c.Cameras[0].Main.Reveal().String(); got != "rtsp://u:p@10.0.0.9/x" {
		t.Errorf("got %s", got)
	}
	if (Source{}).Reveal() != nil || !(Source{}).IsZero() || c.Cameras[0].Main.IsZero() || c.Cameras[0].Main.Host() != "10.0.0.9" {
		t.Error("zero and set sources are not told apart")
	}
}

func TestFilesThatCannotBeReadAreNamedWithACure(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.yaml")
	if _, err := Load(missing, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "-config") {
		t.Errorf("missing: %v", err)
	}
	if _, err := Load(dir, nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("folder: %v", err)
	}
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxFileBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(large, nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("large: %v", err)
	}
}

func TestSizesHaveUnits(t *testing.T) {
	for text, want := range map[string]int64{
		"1B": 1, "400GB": 400e9, "512MiB": 512 << 20, "1.5TB": 1.5e12, "2 GiB": 2 << 30, "10kB": 10_000, "10KB": 10_000, "1KiB": 1024, "1PB": 1e15,
	} {
		if got, ok := ParseSize(text); !ok || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "0GB", "1", "GB", "1GBB", "-1GB", "1e3GB", "1gb", "99999999PB", "0.1B", "1 i B", "NaNB"} {
		if got, ok := ParseSize(text); ok {
			t.Errorf("%s: %d", text, got)
		}
	}
}

func TestSuggestionsAreNearAndNotInvented(t *testing.T) {
	known := []string{"transport", "record", "retain", "main", "sub"}
	for text, want := range map[string]string{"transprot": "transport", "Record": "record", "mian": "main", "retains": "retain", "suv": "sub", "password": "", "x": ""} {
		got := suggest(text, known)
		if want == "" && got != "" || want != "" && !strings.Contains(got, "`"+want+"`") {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestTheExampleIsValid(t *testing.T) {
	c, err := Load("../../config.example.yaml", func(string) (string, bool) { return "secret", true })
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Cameras) == 0 {
		t.Error("it shows no camera")
	}
}
