package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

// addressed returns host and port of a camera's main stream.
func addressed(t *testing.T, srv *testcam.Server, name string) string {
	t.Helper()
	u, err := url.Parse(srv.URL(name, media.Main))
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// looks fills in the form and waits for what the selector names.
func (b *tab) looks(site, address, user, password, shown string) {
	b.t.Helper()
	b.do(chromedp.Navigate(site+"/add-camera"), chromedp.WaitVisible("#address"), chromedp.SendKeys("#address", address), chromedp.SendKeys("#username", user),
		chromedp.SendKeys("#password", password), chromedp.Submit("#address"))
	b.slowly(chromedp.WaitVisible(shown))
}

func TestAnAdministratorLooksAtACameraAndAddsIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, testcam.Camera{Name: "door", NoSub: true})
	v := testcam.Video{GOP: time.Second}
	others, err := testcam.Start(t.Context(), testcam.Options{Host: "127.0.0.2", Cameras: []testcam.Camera{
		{Name: "yard", Username: "viewer", Password: "s3cret-canary", Main: v, Sub: v, MainPath: "/stream1", SubPath: "/stream2", Audio: testcam.AAC}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(others.Close)
	s.nvr("user", "add", "root", "-admin", "-password-stdin")
	s.start()
	b := newTab(t, 1280, 1600)
	b.do(chromedp.Navigate(s.url+"/"), chromedp.WaitVisible(`input[name=username]`), chromedp.SendKeys(`input[name=username]`, "root"),
		chromedp.SendKeys(`input[name=password]`, testPassword), chromedp.Submit(`input[name=password]`), chromedp.WaitVisible(`.empty`))
	stream := "rtsp://" + addressed(t, others, "yard") + "/stream1"

	b.looks(s.url, stream, "viewer", "wrong", ".complaint")
	before := others.Camera("yard").Connections()
	b.looks(s.url, stream, "viewer", "wrong", ".complaint")
	if said := eval[string](b, `document.querySelector("main").innerText`); !strings.Contains(said, "not tried again before") || others.Camera("yard").Connections() != before {
		t.Errorf("the same wrong password again: %s", said)
	}

	b.looks(s.url, stream, "viewer", "s3cret-canary", "#lines")
	if !poll(t.Context(), stepTimeout, func() bool { seen := b.seen(); return len(seen) > 0 && seen[0].Mark.Camera == testcam.CodeOf("yard") }) {
		t.Errorf("the page does not show the picture: %v", b.seen())
	}
	said := eval[string](b, `document.querySelector("main").innerText`)
	for _, want := range []string{"640×360", "H.264 (avc1.", "every 1 s", "AAC, 16 kHz, mono, recorded", "main: rtsp://viewer:${CAMERA_2_PASSWORD}@", "/stream2"} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q: %s", want, said)
		}
	}
	b.do(chromedp.SetValue("#id", "yard"), chromedp.Submit("#id"))
	b.slowly(chromedp.WaitVisible(".done"))
	conf, err := os.ReadFile(s.conf)
	if err != nil || !strings.Contains(string(conf), "  yard:\n    main: rtsp://viewer:${file:secrets/yard.password}@") {
		t.Errorf("the configuration is %s, %v", conf, err)
	}
	if kept, err := os.ReadFile(filepath.Join(s.dir, "secrets", "yard.password")); err != nil || string(kept) != "s3cret-canary" {
		t.Errorf("the password is %q, %v", kept, err)
	}
	s.said("validate")
	if strings.Contains(s.log.String(), "s3cret-canary") || strings.Contains(said, "s3cret-canary") {
		t.Error("the password is shown")
	}
	b.nobodysPicture(s)
}

// nobodysPicture looks at alice's camera by its address, which shows its settings and nothing of its pictures.
func (b *tab) nobodysPicture(s *site) {
	b.t.Helper()
	b.looks(s.url, s.cams.URL("door", media.Main), "", "", ".facts")
	said := eval[string](b, `document.querySelector("main").innerText`)
	if n := eval[int](b, `document.querySelectorAll("video, form[action='/add-camera/write']").length`); n > 0 || !strings.Contains(said, "Pictures of it are for its owners") {
		b.t.Errorf("%d pictures and forms of another's camera: %s", n, said)
	}
	b.do(chromedp.Navigate(s.url + "/connections"))
	if said := eval[string](b, `document.querySelector("main").innerText`); !strings.Contains(said, "looked at by an administrator") || strings.Contains(said, "door") {
		b.t.Errorf("the connections are %s", said)
	}
}
