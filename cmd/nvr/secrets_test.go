package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

// vault is a running app with unique secrets, and all of its output.
type vault struct {
	t       *testing.T
	dir     string
	conf    string
	app     *app
	secrets map[string]string // by what it is
	log     *buffer
	looked  int // number of outputs searched
}

// look fails if any of the secrets is in b, literally or in another encoding.
func (v *vault) look(where string, b []byte, but ...string) {
	v.t.Helper()
	v.looked++
	for name, secret := range v.secrets {
		if slices.Contains(but, name) {
			continue
		}
		for _, s := range spellings(secret) {
			if i := bytes.Index(b, []byte(s)); i >= 0 {
				v.t.Errorf("%s: the %s, written %q: …%q…", where, name, s, b[max(0, i-60):min(len(b), i+len(s)+20)])
			}
		}
	}
}

// spellings returns the encodings of a secret.
func spellings(secret string) []string {
	b := []byte(secret)
	all := []string{secret, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), url.QueryEscape(secret), url.PathEscape(secret)}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 { // base64 at each offset, without the characters that depend on neighbouring bytes
			text := e.EncodeToString(append(make([]byte, shift), b...))
			all = append(all, text[(shift*8+5)/6:(shift+len(b))*8/6])
		}
	}
	return all
}

func TestASecretIsFoundInEverySpelling(t *testing.T) {
	const secret = "C4nary:of/all+kinds"
	for _, text := range []string{"x" + secret + "y", hex.EncodeToString([]byte(secret)), "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:"+secret)),
		base64.URLEncoding.EncodeToString([]byte("ab" + secret + "!")), "https://x/?p=" + url.QueryEscape(secret)} {
		if !slices.ContainsFunc(spellings(secret), func(s string) bool { return strings.Contains(text, s) }) {
			t.Errorf("not found in %s", text)
		}
	}
}

// newVault starts cameras with unique passwords, one of them configured wrongly, and fills the accounts.
func newVault(t *testing.T) *vault {
	v := &vault{t: t, dir: t.TempDir(), log: &buffer{}, secrets: map[string]string{"password of a camera": "C4naryGood1", "wrong password of a camera": "C4naryWrong2",
		"password of a camera that is away": "C4naryAway3", "password in a path": "C4naryPath4", "password of alice": "C4nary alice five",
		"password of bob": "C4nary bob six", "password that was mistyped": "C4nary typed seven"}}
	cams, err := testcam.Start(t.Context(), testcam.Options{Cameras: []testcam.Camera{
		{Name: "good", Username: "admin", Password: v.secrets["password of a camera"]},
		{Name: "wrong", Username: "admin", Password: "another", Auth: testcam.Basic}}})
	must(t, err)
	t.Cleanup(cams.Close)
	good := cams.Camera("good").URL(media.Main)
	wrong := strings.Replace(cams.Camera("wrong").URL(media.Main), "another", v.secrets["wrong password of a camera"], 1)
	place, err := url.Parse(good)
	must(t, err)
	v.conf = filepath.Join(v.dir, "config.yaml")
	text := fmt.Sprintf("data: data\nrecordings: recordings\nweb: {listen: \"127.0.0.1:0\", tls: off}\nstorage: {min_free: 1MB}\ncameras:\n"+
		"  good: {main: %q}\n  wrong: {main: %q}\n  away: {main: %q}\n  path: {main: %q}\n", good, wrong,
		"rtsp://admin:"+v.secrets["password of a camera that is away"]+"@127.0.0.1:9/x",
		"rtsp://"+place.Host+"/user=admin&password="+v.secrets["password in a path"]+"&channel=1")
	must(t, os.WriteFile(v.conf, []byte(text), 0o600))
	conf, err := loadConfig(terminal{out: io.Discard, err: io.Discard}, v.conf)
	must(t, err)
	v.app, err = openApp(t.Context(), conf, slog.New(slog.NewTextHandler(v.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	must(t, err)
	key, err := os.ReadFile(filepath.Join(v.dir, "data", "keys", masterKeyName))
	must(t, err)
	v.secrets["master key"] = string(key)
	v.people()
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// people creates accounts with one secret of each kind.
func (v *vault) people() {
	t, ctx, d := v.t, v.t.Context(), v.app.people
	t.Helper()
	for _, name := range []string{"alice", "bob"} {
		must(t, d.AddUser(ctx, name, v.secrets["password of "+name], name == "alice"))
		session, err := d.Login(ctx, accounts.Attempt{Username: name, Password: v.secrets["password of "+name], Address: "127.0.0.1"})
		must(t, err)
		token, err := d.NewToken(ctx, name, accounts.EveryToken("of "+name))
		must(t, err)
		v.secrets["session of "+name], v.secrets["token of "+name] = session, token
	}
	alice, err := d.BySession(ctx, v.secrets["session of alice"])
	must(t, err)
	_, link, err := d.NewShare(ctx, alice, accounts.ShareSpec{Camera: access.Camera(v.app.ids["good"]), Actions: access.Rights(access.Live | access.Playback)})
	must(t, err)
	factor, err := d.BeginTOTP(ctx, alice)
	must(t, err)
	code, err := totp.GenerateCode(factor.Secret, time.Now())
	must(t, err)
	codes, err := d.ConfirmTOTP(ctx, alice, code)
	must(t, err)
	v.secrets["link"], v.secrets["second factor"] = link, factor.Secret
	for i, c := range codes {
		v.secrets[fmt.Sprintf("recovery code %d", i)] = c
	}
}

// TestNoSecretLeaves searches all output of the program for every secret: the log at its most verbose, every reachable page and
// response, as every kind of caller, the output of commands, and all files except those that store the secrets.
func TestNoSecretLeaves(t *testing.T) {
	v := newVault(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- v.app.run(ctx) }()
	srv := httptest.NewServer(v.app.web.Handler())
	state := func(name string) string {
		for _, c := range v.app.fleet.Cameras() {
			if c.ID == v.app.ids[name] {
				return c.State
			}
		}
		return ""
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(v.log.String())
		}
	})
	until(t, 20*time.Second, "recording, and failing", func() bool {
		return state("good") == "recording" && state("wrong") == "refused" && state("away") == "offline" && state("path") == "refused"
	})
	pages := 0
	for _, who := range []func(*http.Request){
		func(*http.Request) {},
		func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "keepwatch", Value: v.secrets["session of alice"]})
		},
		func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "keepwatch", Value: v.secrets["session of bob"]})
		},
		func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+v.secrets["token of alice"]) },
		func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "keepwatch-link", Value: v.secrets["link"]})
			r.URL.RawQuery = strings.TrimPrefix(r.URL.RawQuery+"&as=link", "&")
		},
	} {
		pages += v.crawl(srv.URL, who)
	}
	v.mistype(srv.URL)
	for _, words := range [][]string{{"validate"}, {"check", "-json"}, {"check", "-read-data"}, {"retention", "-dry-run", "-json"}, {"user", "list"}, {"user", "tokens", "alice"},
		{"user", "sessions", "alice"}, {"camera", "list"}, {"user", "remove", "nobody", "-yes"}, {"run"}} {
		v.command(words...)
	}
	srv.Close()
	stop()
	must(t, <-done)
	must(t, v.app.close())
	v.look("the log", []byte(v.log.String()))
	v.files()
	t.Logf("looked at %d outputs, %d of them pages and answers, for %d secrets", v.looked, pages, len(v.secrets))
	if pages < 150 {
		t.Errorf("only %d pages and answers were reached", pages)
	}
}

// crawl requests everything that a caller can reach: all paths in the API description, and all links on pages.
func (v *vault) crawl(base string, sign func(*http.Request)) (pages int) {
	v.t.Helper()
	description, err := os.ReadFile(filepath.Join("..", "..", "web", "openapi.yaml"))
	must(v.t, err)
	next := map[string]bool{"/": true, "/live": true, "/timeline": true, "/cameras": true, "/saved": true, "/system": true, "/account": true, "/account/views": true, "/people": true,
		"/connections": true, "/link": true, "/setup": true, "/login": true, "/certificate": true, "/nothing": true}
	span := "?" + url.Values{"from": {time.Now().Add(-2 * time.Minute).UTC().Format(time.RFC3339)}, "to": {time.Now().UTC().Format(time.RFC3339)},
		"at": {time.Now().Add(-time.Second).UTC().Format(time.RFC3339)}, "preview": {"1"}}.Encode()
	for _, m := range regexp.MustCompile(`(?m)^  (/\S*):\n(?:    parameters:.*\n(?:      .*\n)*)?    get:`).FindAllSubmatch(description, -1) {
		for name := range v.app.ids {
			next[strings.NewReplacer("{id}", name, "{number}", "1", "{kept}", "x").Replace(string(m[1]))+span] = true
		}
	}
	link := regexp.MustCompile(`(?:href|src|action)="(/[^"#]*)"`)
	seen := map[string]bool{}
	for len(next) > 0 && pages < 400 {
		path := slices.Min(slices.Collect(maps.Keys(next)))
		delete(next, path)
		seen[path] = true
		pages++
		for _, m := range link.FindAllSubmatch(v.get(base, path, sign), -1) {
			if to := strings.ReplaceAll(string(m[1]), "&amp;", "&"); !seen[to] {
				next[to] = true
			}
		}
	}
	return pages
}

// get requests a page, searches it, and returns it.
func (v *vault) get(base, path string, sign func(*http.Request)) []byte {
	v.t.Helper()
	patience := 10 * time.Second
	if strings.Contains(path, "/live.mp4") { // it is endless
		patience = 500 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(v.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", base+path, nil)
	must(v.t, err)
	sign(r)
	return v.send(r)
}

func (v *vault) send(r *http.Request) []byte {
	v.t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil // cut off
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // as much as arrived
	var all bytes.Buffer
	must(v.t, resp.Header.Write(&all))
	v.look(r.Method+" "+r.URL.Path, append(all.Bytes(), body...))
	return body
}

// mistype sends secrets to the wrong places.
func (v *vault) mistype(base string) {
	v.t.Helper()
	typed := v.secrets["password that was mistyped"]
	form := url.Values{"username": {"alice"}, "password": {typed}, "code": {v.secrets["recovery code 0"]}}.Encode()
	for _, q := range []struct{ path, kind, body string }{
		{"/login", "application/x-www-form-urlencoded", form},
		{"/setup", "application/x-www-form-urlencoded", form},
		{"/api/v1/session", "application/json", `{"username": "alice", "password": "` + typed + `"}`},
		{"/api/v1/session", "application/json", `{"username": "alice", "password": ["` + typed + `"]}`},
		{"/api/v1/session", "application/json", `{"` + typed + `": 1}`},
		{"/api/v1/session", "application/json", typed},
		{"/api/v1/session", "text/plain", typed},
	} {
		r, err := http.NewRequestWithContext(v.t.Context(), "POST", base+q.path, strings.NewReader(q.body))
		must(v.t, err)
		r.Header.Set("Content-Type", q.kind)
		v.send(r)
	}
}

// command runs a command while the server runs, and searches its output.
func (v *vault) command(words ...string) {
	v.t.Helper()
	in, err := os.Open(os.DevNull)
	must(v.t, err)
	var out bytes.Buffer
	run(terminal{in: in, out: &out, err: &out}, append(words, "-config", v.conf))
	must(v.t, in.Close())
	v.look("nvr "+strings.Join(words, " "), out.Bytes())
	if out.Len() == 0 {
		v.t.Errorf("nvr %v printed nothing", words)
	}
}

// files searches all files except the configuration and the keys, where the secrets belong.
func (v *vault) files() {
	v.t.Helper()
	must(v.t, filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == v.conf {
			return err
		}
		b, err := os.ReadFile(path)
		if filepath.Base(path) == masterKeyName {
			v.look(path, b, "master key")
			return err
		}
		v.look(path, b)
		return err
	}))
}
