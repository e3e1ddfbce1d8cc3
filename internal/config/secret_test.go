package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// canary is put wherever a secret can stand and then looked for in all that comes out.
const canary = "C4naryS3cret"

// printed returns everything that anybody might make of a configuration or an error.
func printed(t *testing.T, c *Config, err error) string {
	t.Helper()
	var b bytes.Buffer
	values := []any{c, err}
	if c != nil {
		values = append(values, *c, c.Cameras)
		for _, camera := range c.Cameras {
			values = append(values, camera, &camera, camera.Main, &camera.Main, []any{camera.Sub}, map[string]any{"x": camera.Main})
			fmt.Fprintln(&b, camera.Main.Host(), camera.Main.GoString())
		}
	}
	var e *Error
	if errors.As(err, &e) {
		values = append(values, e.Mistakes)
	}
	text, structured := slog.New(slog.NewTextHandler(&b, nil)), slog.New(slog.NewJSONHandler(&b, nil))
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
		text.Info("x", "v", v)
		structured.Info("x", "v", v)
		for _, marshal := range []func(any) ([]byte, error){json.Marshal, xml.Marshal, func(v any) ([]byte, error) { return yaml.Dump(v) }} {
			out, _ := marshal(v) // what cannot be marshalled shows nothing
			b.Write(out)
		}
	}
	return b.String()
}

func holdsCanary(s string) bool {
	return strings.Contains(s, canary) || strings.Contains(s, fmt.Sprintf("%x", canary))
}

// secretTexts are configurations with the canary in places where people put passwords, right or wrong.
func secretTexts(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := []string{
		"main: rtsp://admin:" + canary + "@192.168.1.20:554/stream1",
		"main: \"rtsps://admin:" + canary + "@[fd00::1]:322/stream1\"",
		"main: 'rtsp://cam.lan/user=admin&password=" + canary + "&channel=1'",
		"main: rtsp://cam.lan/live?pwd=" + canary,
		"main: rtsp://admin:${SECRET}@192.168.1.20/stream1",
		"main: ${SECRET}",
		"main: rtsp://admin:${file:" + file + "}@cam.lan/stream1",
		"main: rtsp://admin:" + canary + "/x@192.168.1.20/stream1",
		"main: rtsp://admin:" + canary + "#x@192.168.1.20/stream1",
		"main: rtsp://admin:" + canary + "@x@192.168.1.20/stream1",
		"main: rtsp://admin:" + canary,
		"main: rtsp://admin:" + canary + ":554/x",
		"main: http://admin:" + canary + "@192.168.1.20/",
		"main: exec:curl -u admin:" + canary,
		"main: *" + canary,
		"main: [rtsp://admin:" + canary + "@cam.lan/]",
		"password: " + canary,
		"transport: ${SECRET}",
		"retain: {days: \"${SECRET}\", max_size: \"${SECRET}\"}",
		"owners: [\"${SECRET}\"]",
		"label: the password is " + canary,
	}
	var texts []string
	for _, line := range lines {
		texts = append(texts, "cameras:\n  front-door:\n    "+line+"\n    sub: rtsp://10.0.0.1/x\n")
		texts = append(texts, "cameras:\n  front-door: {"+line+", transprot: tcp}\n")
		texts = append(texts, "cameras:\n  front-door: "+strings.TrimPrefix(line, "main: ")+"\n  yard: rtsp://10.0.0.1/x\n")
	}
	return texts
}

func secretEnv(string) (string, bool) { return canary, true }

// TestNoSecretIsEverShown loads configurations with canaries, as they are and with random slips of the keyboard, and searches
// everything that can be printed of the outcome.
func TestNoSecretIsEverShown(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	good, bad := 0, 0
	for _, original := range secretTexts(t) {
		for round := range 150 {
			text := original
			if round > 0 {
				text = slip(r, original)
			}
			c, err := parse(input{path: "config.yaml", content: []byte(text), env: secretEnv})
			if err == nil {
				good++
			} else {
				bad++
			}
			if hostIsCanary(c) {
				continue // a slip that makes a valid address without login of it
			}
			if c != nil && err == nil && round > 0 && c.Cameras != nil && strings.Contains(c.Cameras[0].Label, canary) {
				continue // a label is meant to be read
			}
			if round == 0 && strings.Contains(text, "label:") {
				continue
			}
			if out := printed(t, c, err); holdsCanary(out) {
				i := max(strings.Index(out, canary), 0)
				t.Fatalf("from\n%s\ncame …%s…", text, out[max(0, i-200):min(len(out), i+200)])
			}
		}
	}
	if good < 500 || bad < 500 {
		t.Errorf("%d good and %d bad texts are no trial", good, bad)
	}
}

// hostIsCanary reports whether what should have been a password is now the name of a valid host, which is no secret.
func hostIsCanary(c *Config) bool {
	if c == nil {
		return false
	}
	for _, camera := range c.Cameras {
		if strings.Contains(camera.Main.Host(), canary) || strings.Contains(camera.Main.address.Path, canary) {
			return true
		}
	}
	return false
}

// slip changes one sign outside the canary: dropped, doubled, replaced, or a new one before it.
func slip(r *rand.Rand, text string) string {
	secret := strings.Index(text, canary)
	i := r.IntN(len(text))
	if secret >= 0 && i >= secret && i < secret+len(canary) {
		i = secret + len(canary)
	}
	if i >= len(text) {
		i = 0
	}
	sign := string("@:/?#\"'{}[]\n\t -&*%=x"[r.IntN(20)])
	switch r.IntN(4) {
	case 0:
		return text[:i] + text[i+1:]
	case 1:
		return text[:i] + text[i:i+1] + text[i:]
	case 2:
		return text[:i] + sign + text[i+1:]
	default:
		return text[:i] + sign + text[i:]
	}
}

func TestASourceShowsAllButItsSecrets(t *testing.T) {
	for address, want := range map[string]string{
		"rtsp://admin:secret@10.0.0.9:554/x":                       "rtsp://admin:***@10.0.0.9:554/x",
		"rtsp://admin:@10.0.0.9/x":                                 "rtsp://admin:***@10.0.0.9/x",
		"rtsp://admin@10.0.0.9/x":                                  "rtsp://***@10.0.0.9/x",
		"rtsp://10.0.0.9":                                          "rtsp://10.0.0.9",
		"RTSP://10.0.0.9/cam/realmonitor?channel=1&subtype=0":      "rtsp://10.0.0.9/cam/realmonitor?channel=1&subtype=0",
		"rtsp://10.0.0.9/x?user=a&password=secret&channel=1":       "rtsp://10.0.0.9/x?***",
		"rtsp://10.0.0.9/x?channel=1&pw=secret":                    "rtsp://10.0.0.9/x?channel=1&***",
		"rtsp://10.0.0.9/user=a_password=secret_channel=1.sdp?x=y": "rtsp://10.0.0.9/user=***?***",
	} {
		u, text, _ := parseAddress(address)
		if text != "" {
			t.Errorf("%s: %s", address, text)
			continue
		}
		if got := (Source{address: u}).String(); got != want {
			t.Errorf("%s shows as %s, want %s", address, got, want)
		}
	}
}

func FuzzAnyFileGivesAConfigurationOrMistakes(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(content)
		}
	}
	f.Add([]byte("a: &x [*x]"))
	f.Add([]byte("cameras: &x\n  a: *x"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if bytes.Contains(content, []byte("file:")) {
			return // reads files
		}
		c, err := parse(input{path: "x", content: content, env: testEnv})
		var e *Error
		if (c == nil) == (err == nil) || err != nil && (!errors.As(err, &e) || len(e.Mistakes) == 0) {
			t.Fatalf("got %v, %v", c, err)
		}
		if c == nil {
			return
		}
		for _, camera := range c.Cameras {
			u := camera.Main.Reveal()
			if u == nil || u.Scheme != "rtsp" && u.Scheme != "rtsps" || u.Hostname() == "" || !cameraID.MatchString(camera.ID) || camera.Retain.Age <= 0 {
				t.Errorf("camera %+v", camera)
			}
		}
	})
}
