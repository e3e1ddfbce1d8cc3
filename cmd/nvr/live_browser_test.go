package main

import (
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/browsertest"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

func of(q media.Quality) func(testcam.Mark) bool {
	return func(m testcam.Mark) bool { return m.Quality == q }
}

// darkest measures the brightest point of the tile's picture in every frame that the page draws, and keeps the minimum.
const darkest = `(camera => {
	const canvas = document.createElement("canvas");
	canvas.width = canvas.height = 16;
	const pen = canvas.getContext("2d", { willReadFrequently: true });
	window.darkest = 255; window.drawn = 0; window.streams = new Set();
	const look = () => {
		const tile = document.querySelector('.tile[data-camera=' + camera + ']');
		const layer = tile?.querySelector(".layer[data-shown]");
		pen.clearRect(0, 0, 16, 16);
		if (layer && tile.dataset.life === "live" && getComputedStyle(layer).opacity === "1") pen.drawImage(layer.querySelector("video"), 0, 0, 16, 16);
		window.darkest = Math.min(window.darkest, Math.max(...pen.getImageData(0, 0, 16, 16).data.filter((_, i) => i % 4 !== 3)));
		window.streams.add(layer?.dataset.stream);
		window.drawn++;
		requestAnimationFrame(look);
	};
	look();
})`

func TestTheLargeTileTurnsToTheFullPictureWithoutBlack(t *testing.T) {
	cameras := liveCameras("front-door", "garden", "garage")
	for i := range cameras {
		cameras[i].Audio = testcam.AAC
	}
	s := newLiveSite(t, cameras...)
	b := s.watchedBy(1440, 900, "")
	b.comes("garden", "the small picture", of(media.Sub))
	b.slowly(chromedp.Click(`#shape-focus`), chromedp.WaitVisible(`.focus`))
	b.comes("front-door", "the full picture", of(media.Main))
	b.comes("garden", "the small picture", of(media.Sub))

	eval[any](b, darkest+`("garden")`)
	b.slowly(chromedp.Click(`.tile[data-camera=garden] .picture`), chromedp.WaitVisible(`.tile[data-camera=garden][data-large]`))
	b.comes("garden", "the full picture", of(media.Main))
	b.comes("front-door", "the small picture again", of(media.Sub))
	if least := eval[int](b, `window.darkest`); least < 40 {
		t.Errorf("the picture went down to %d of 255 on the way, in %d frames", least, eval[int](b, `window.drawn`))
	}
	if n := eval[int](b, `window.streams.size`); n != 2 {
		t.Errorf("the page showed %d streams of the camera", n)
	}
	if got := eval[string](b, `location.search`); got != "?big=garden&layout=focus" {
		t.Errorf("the address is %s", got)
	}
	b.slowly(chromedp.Evaluate[chromedp.Void](`history.back()`), chromedp.WaitVisible(`.tile[data-camera=front-door][data-large]`))
	b.savesThePictureThatIsShown()
	b.hearsOneAtATime()
	b.hiddenCostsNothing(s)
}

// savesThePictureThatIsShown saves a tile's picture and reads the mark from the file.
func (b *tab) savesThePictureThatIsShown() {
	b.t.Helper()
	downloads := browsertest.Save(b.t, b.ctx)
	before := b.comes("front-door", "the full picture", of(media.Main))
	b.slowly(chromedp.Evaluate[chromedp.Void](`document.querySelector(".tile[data-camera=front-door] [data-do=snapshot]").click()`))
	path := downloads.Next("*.png", liveWait)
	m := regexp.MustCompile(`^front-door_(\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.\d{3}[+-]\d{4})\.png$`).FindStringSubmatch(filepath.Base(path))
	if m == nil {
		b.t.Fatalf("the file is named %s", filepath.Base(path))
	}
	named, err := time.Parse("2006-01-02_15-04-05.000-0700", m[1])
	must(b.t, err)
	f, err := os.Open(path)
	must(b.t, err)
	defer f.Close()
	img, err := png.Decode(f)
	must(b.t, err)
	seen := testcam.ReadImages(img)
	if size := img.Bounds().Size(); size.X != 640 || size.Y != 360 || len(seen) != 1 {
		b.t.Fatalf("the file is %v, with %d marks", size, len(seen))
	}
	mark := seen[0].Mark
	if mark.Camera != testcam.CodeOf("front-door") || mark.Quality != media.Main || mark.Frame < before.Frame {
		b.t.Errorf("the file shows %v; before it was %v", mark, before)
	}
	if off := named.Sub(mark.Time); off < -2*time.Second || off > 1500*time.Millisecond {
		b.t.Errorf("the file is named %v, and its picture is of %v", named, mark.Time)
	}
}

// hearsOneAtATime turns audio on in two tiles.
func (b *tab) hearsOneAtATime() {
	b.t.Helper()
	const audible = `[...document.querySelectorAll(".tile")].filter(t => [...t.querySelectorAll("video")].some(v => !v.muted)).map(t => t.dataset.camera).join(" ")`
	press := func(camera string) {
		b.slowly(chromedp.Evaluate[chromedp.Void](`document.querySelector(".tile[data-camera=` + camera + `] [data-do=sound]").click()`))
	}
	steps := []struct {
		camera, want string
	}{{"", ""}, {"garden", "garden"}, {"garage", "garage"}, {"garage", ""}, {"front-door", "front-door"}}
	for _, step := range steps {
		if step.camera != "" {
			press(step.camera)
		}
		if got := eval[string](b, audible); got != step.want {
			b.t.Errorf("after %q: heard %q, want %q", step.camera, got, step.want)
		}
	}
	b.slowly(chromedp.KeyEvent("m"))
	if got := eval[string](b, audible); got != "" {
		b.t.Errorf("after M: heard %q", got)
	}
}

// hiddenCostsNothing hides all tiles but one, and then the whole page, and counts the bytes that still arrive.
func (b *tab) hiddenCostsNothing(s *liveSite) {
	b.t.Helper()
	rate := func() int64 { // bytes, over a time with at least one heartbeat of the server
		last, from, to := s.wire.received.Load(), s.wire.received.Load(), time.Now().Add(6*time.Second)
		poll(b.ctx, time.Minute, func() bool { last = s.wire.received.Load(); return time.Now().After(to) })
		return last - from
	}
	b.slowly(chromedp.Evaluate[chromedp.Void](`document.querySelector(".grid").style.marginTop = "300vh"`))
	until(b.t, liveWait, "nothing of tiles out of sight", func() bool { return rate() < 1500 })
	b.slowly(chromedp.Evaluate[chromedp.Void](`document.querySelector(".grid").style.marginTop = ""`))
	b.goesOn("garden", "being out of sight")
	if seen := rate(); seen < 20_000 {
		b.t.Errorf("three tiles that are seen cost %d bytes", seen)
	}
}

func TestTilesAreArrangedByButtonsKeysAndDraggingAndStaySo(t *testing.T) {
	s := newLiveSite(t, liveCameras("front-door", "garden", "garage", "street")...)
	b := s.watchedBy(1440, 900, "")
	order := func(b *tab) string {
		return eval[string](b, `[...document.querySelectorAll(".tile")].map(t => t.dataset.camera).join(" ")`)
	}
	becomes := func(want string) {
		t.Helper()
		if !poll(b.ctx, liveWait, func() bool { return order(b) == want }) {
			t.Fatalf("the order is %s, want %s", order(b), want)
		}
	}
	first := b.goesOn("garden", "login")
	eval[any](b, `window.same = true`)
	b.slowly(chromedp.Click(`#arrange`), chromedp.WaitVisible(`#after-front-door`), chromedp.Click(`#after-front-door`))
	becomes("garden front-door garage street")
	if id := eval[string](b, `document.activeElement.id`); id != "after-front-door" {
		t.Errorf("the focus went to %q", id)
	}
	b.slowly(chromedp.KeyEvent("\r"))
	becomes("garden garage front-door street")
	from, to := b.rect(`.tile[data-camera=street] .grip`), b.rect(`.tile[data-camera=garden] .picture`)
	b.slowly(chromedp.MouseEvent(chromedp.MousePressed, from.X+from.Width/2, from.Y+from.Height/2, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, from.X, from.Y-40, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, to.X+to.Width/2, to.Y+to.Height/2, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseReleased, to.X+to.Width/2, to.Y+to.Height/2, chromedp.ButtonLeft))
	becomes("street garden garage front-door")
	if !eval[bool](b, `window.same === true`) {
		t.Error("the page was loaded anew")
	}
	if last := b.goesOn("garden", "arranging"); last.Run != first.Run || last.Frame <= first.Frame {
		t.Errorf("%v, after %v", last, first)
	}
	b.slowly(chromedp.SendKeys(`.group-editor form:last-of-type input[name=name]`, "Outside"),
		chromedp.Click(`.group-editor form:last-of-type input[value=street]`), chromedp.Click(`.group-editor form:last-of-type input[value=garden]`),
		chromedp.Click(`.group-editor form:last-of-type .buttons button`), chromedp.WaitVisible(`.groups`), chromedp.Click(`#shape-4`),
		chromedp.WaitVisible(`#shape-4[aria-pressed=true]`))

	b.slowly(chromedp.Navigate("about:blank")) // frees the CPU
	other := s.watchedBy(390, 844, "")
	if got := order(other); got != "street garden garage front-door" {
		t.Errorf("another browser shows %s", got)
	}
	if !eval[bool](other, `document.querySelector("#shape-4").getAttribute("aria-pressed") === "true"`) {
		t.Error("another browser has another layout")
	}
	other.slowly(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll(".groups a")].find(a => a.textContent === "Outside").click()`))
	until(t, liveWait, "the group", func() bool { return order(other) == "street garden" })
	other.goesOn("garden", "showing a group")
	other.slowly(chromedp.Click(`#shape-1`), chromedp.WaitVisible(`#page-after`), chromedp.Click(`#page-after`), chromedp.WaitVisible(`#page-before`))
	if got, address := order(other), eval[string](other, `location.search`); got != "garden" || address != "?group=Outside&layout=1&page=2" {
		t.Errorf("the second page shows %s at %s", got, address)
	}
	other.comes("garden", "the full picture", of(media.Main))
}

// shifted makes the browser's clock wrong by some hours. window.clockSet changes it while the page is open.
const shifted = `(() => {
	const real = Date.now.bind(Date), Real = Date;
	let by = -5 * 3600e3;
	window.clockSet = (hours) => { by = hours * 3600e3; };
	window.Date = class extends Real { constructor(...a) { if (a.length) super(...a); else super(real() + by); } static now() { return real() + by; } };
})()`

func TestTheLivePictureComesBackByItself(t *testing.T) {
	s := newLiveSite(t, liveCameras("front-door", "garden")...)
	b := s.watchedBy(1440, 900, shifted)
	b.goesOn("garden", "login")
	eval[any](b, `window.same = true`)
	b.agesAreRight("garden")
	for _, hours := range []string{"7", "-3", "0"} {
		eval[any](b, `window.clockSet(`+hours+`)`)
		b.goesOn("garden", "the clock being set")
		b.agesAreRight("garden")
	}

	garden := s.cams.Camera("garden")
	must(t, garden.Refuse(true))
	garden.Drop()
	b.says("garden", ".notice-words", "offline")
	b.neverLooksLive("garden")
	b.goesOn("front-door", "the other camera vanishing")
	must(t, garden.Refuse(false))
	b.goesOn("garden", "coming back")

	s.stop()
	b.says("garden", ".notice-words", "no connection to the recorder")
	b.says("garden", ".notice-age", "frozen")
	b.neverLooksLive("garden")
	s.start()
	b.goesOn("garden", "the server's restart")
	b.goesOn("front-door", "the server's restart")

	s.wire.silence()
	b.says("front-door", ".notice-age", "frozen")
	b.neverLooksLive("front-door")
	b.goesOn("front-door", "a network that went without a word")

	b.sleeps(s)
	b.goesOn("garden", "a sleep")
	if !eval[bool](b, `window.same === true`) {
		t.Error("the page was loaded anew on the way")
	}
	b.comesBackAfterLogin(s)
}

// agesAreRight compares the age on a tile with the clock in its picture.
func (b *tab) agesAreRight(camera string) {
	b.t.Helper()
	var told float64
	var painted time.Duration
	if !poll(b.ctx, liveWait, func() bool {
		told = eval[float64](b, `parseFloat((document.querySelector('.tile[data-camera=`+camera+`] .age').textContent.match(/live · ([0-9.]+) s/) ?? [])[1] ?? "99")`)
		m, there := b.in(camera)
		painted = time.Since(m.Time)
		return there && told < 4 && painted.Seconds()-told < 2.5
	}) {
		b.t.Errorf("the tile of %s says %.1f s, its picture is of %v ago", camera, told, painted)
	}
}

// neverLooksLive fails if an old picture is shown as live.
func (b *tab) neverLooksLive(camera string) {
	b.t.Helper()
	tile := `document.querySelector('.tile[data-camera=` + camera + `]')`
	if life := eval[string](b, tile+`.dataset.life`); life == "live" {
		b.t.Errorf("the tile of %s looks live: %s", camera, eval[string](b, tile+`.innerText`))
	}
	layer := tile + `.querySelector(".layer[data-shown]")`
	opacity := `getComputedStyle(` + layer + `).opacity * getComputedStyle(` + layer + `.querySelector("video")).opacity`
	if !poll(b.ctx, liveWait, func() bool { return eval[float64](b, opacity) < 0.5 }) { // it fades
		b.t.Errorf("the old picture of %s is shown as a new one is", camera)
	}
}

// sleeps simulates a closed laptop: the page is hidden, the network goes silent and the clock jumps. Headless Chromium never shows
// a hidden page again, so the page is only told that it is hidden.
func (b *tab) sleeps(s *liveSite) {
	b.t.Helper()
	const turn = `window.away = %t; document.dispatchEvent(new Event("visibilitychange"))`
	eval[any](b, `Object.defineProperty(document, "hidden", { get: () => window.away })`)
	eval[any](b, fmt.Sprintf(turn, true))
	last := s.wire.received.Load()
	until(b.t, liveWait, "nothing of a hidden page", func() bool {
		from, to := s.wire.received.Load(), time.Now().Add(3*time.Second)
		poll(b.ctx, time.Minute, func() bool { last = s.wire.received.Load(); return time.Now().After(to) })
		return last-from < 1000
	})
	s.wire.silence()
	eval[any](b, `window.clockSet(0.2)`)
	const life = `; document.querySelector(".tile[data-camera=garden]").dataset.life` // in the same evaluation
	if got := eval[string](b, fmt.Sprintf(turn, false)+life); got == "live" {
		b.t.Error("a picture of before the sleep looks live")
	}
}

// comesBackAfterLogin ends the session while live video plays.
func (b *tab) comesBackAfterLogin(s *liveSite) {
	b.t.Helper()
	b.slowly(chromedp.Click(`#shape-focus`), chromedp.WaitVisible(`.focus`))
	must(b.t, s.app.people.SetPassword(b.t.Context(), demoUser, s.password))
	b.slowly(chromedp.WaitVisible(`input[name=password]`))
	if got := eval[string](b, `document.body.innerText`); !regexp.MustCompile(`(?i)session`).MatchString(got) {
		b.t.Errorf("the page says %q", got)
	}
	b.signIn(s.password)
	if got := eval[string](b, `location.pathname + location.search`); got != "/live?layout=focus" {
		b.t.Errorf("after the login the page is %s", got)
	}
	b.goesOn("front-door", "the login")
}

// liar makes the browser claim that it plays H.265, and accept some.
const liar = `(() => {
	MediaSource.isTypeSupported = () => true;
	const add = MediaSource.prototype.addSourceBuffer;
	MediaSource.prototype.addSourceBuffer = function (mime) { return add.call(this, mime.replace(/(hvc1|hev1)[^,"]*/, "avc1.64001f")); };
})()`

func TestWhatTheBrowserCannotPlayIsReplacedAndSaid(t *testing.T) {
	clip := filepath.Join(t.TempDir(), "hall.mp4")
	made, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=15:duration=4", "-pix_fmt", "yuv420p",
		"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=15:bframes=0:log-level=error", clip).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, made)
	}
	s := newLiveSite(t, testcam.Camera{Name: "hall", File: clip}, testcam.Camera{Name: "garden"})
	for name, script := range map[string]string{"a browser that knows itself": "", "one that lies": liar} {
		b := s.watchedBy(800, 600, script)
		b.comes("hall", name+": the small picture in the grid", of(media.Sub))
		b.slowly(chromedp.Click(`#shape-1`))
		b.says("hall", ".age", "low resolution")
		b.goesOn("hall", "the full picture was refused: "+name)
		if got := eval[string](b, `document.querySelector("#toast").textContent`); !regexp.MustCompile(`cannot play .* H\.265 stream\. Showing the low-resolution stream`).MatchString(got) {
			t.Errorf("%s: the page says %q", name, got)
		}
		b.slowly(chromedp.Navigate("about:blank"))
	}
	b := s.watchedBy(800, 600, `delete window.MediaSource; delete window.ManagedMediaSource`)
	b.slowly(chromedp.Navigate(s.url+"/live?layout=1&page=2"), chromedp.WaitVisible(`.tile[data-camera=garden]`))
	first := b.comes("garden", "a single picture", of(media.Sub))
	b.says("garden", ".age", "key frames only")
	b.comes("garden", "the next single picture", func(m testcam.Mark) bool { return m.Frame > first.Frame && time.Since(m.Time) < 10*time.Second })
}
