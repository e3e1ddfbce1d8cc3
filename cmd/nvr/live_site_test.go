package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/testcam"
)

// liveSite is a server with simulated cameras, which can be restarted on its port, behind a wire that can be cut.
type liveSite struct {
	t        *testing.T
	dir      string
	cams     *testcam.Server
	listen   string // of the server
	app      *app
	stop     func()
	password string
	wire     *wire
	url      string // by the wire
}

func newLiveSite(t *testing.T, cameras ...testcam.Camera) *liveSite {
	t.Helper()
	cams, err := testcam.Start(t.Context(), testcam.Options{Cameras: cameras, Location: time.Local})
	must(t, err)
	t.Cleanup(cams.Close)
	s := &liveSite{t: t, dir: t.TempDir(), cams: cams, listen: "127.0.0.1:0"}
	s.start()
	t.Cleanup(func() { s.stop() })
	s.wire = newWire(t, s.listen)
	s.url = "http://" + s.wire.listener.Addr().String()
	return s
}

// start starts the server where it was before.
func (s *liveSite) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.listen)
	must(s.t, err)
	s.listen = l.Addr().String()
	conf, err := demoConfig(s.dir, s.cams, s.listen)
	must(s.t, err)
	log := &buffer{}
	h, err := openApp(context.Background(), conf, slog.New(slog.NewTextHandler(log, nil)))
	must(s.t, err)
	if s.password == "" {
		s.password, err = demoAccount(context.Background(), h.people)
		must(s.t, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.run(ctx, h.pages(l)) }()
	s.app = h
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, h.close()); err != nil {
			s.t.Errorf("the server: %v", err)
		}
		if s.t.Failed() {
			s.t.Logf("the server said:\n%s", log.String())
		}
	})
}

// wire is the network between browser and server.
type wire struct {
	listener net.Listener
	to       string
	received atomic.Int64 // bytes on their way to the browser
	mu       sync.Mutex
	cut      chan struct{} // closed when the current connections go silent
	conns    []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &wire{listener: l, to: to, cut: make(chan struct{})}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { w.join(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		for _, c := range w.conns {
			_ = c.Close()
		}
		w.mu.Unlock()
		all.Wait()
	})
	return w
}

// join forwards one connection until it ends. Once the wire is cut, it forwards nothing.
func (w *wire) join(browser net.Conn) {
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		_ = browser.Close()
		return
	}
	w.mu.Lock()
	cut := w.cut
	w.conns = append(w.conns, browser, server)
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { carry(server, browser, cut, nil) })
	both.Go(func() { carry(browser, server, cut, &w.received) })
	both.Wait()
}

func carry(to, from net.Conn, cut <-chan struct{}, count *atomic.Int64) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-cut:
			if err != nil {
				return
			}
			continue // it is lost
		default:
		}
		if count != nil {
			count.Add(int64(n))
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			_ = to.Close()
			_ = from.Close()
			if err != nil && !errors.Is(err, io.EOF) {
				return
			}
			return
		}
	}
}

// silence stops all data on existing connections without closing them. New ones work normally.
func (w *wire) silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.cut)
	w.cut = make(chan struct{})
}

// watchedBy opens the site in a browser after running a script.
func (s *liveSite) watchedBy(width, height int, script string) *tab {
	s.t.Helper()
	b := newTab(s.t, width, height)
	if script != "" {
		_, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		must(s.t, err)
	}
	b.slowly(chromedp.Navigate(s.url + "/live"))
	b.signIn(s.password)
	return b
}

// slowly runs steps. Each may take as long as the first picture of a stream.
func (b *tab) slowly(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for i, step := range steps {
		ctx, stop := context.WithTimeout(b.ctx, liveWait)
		err := chromedp.Do(ctx, step)
		stop()
		if err != nil {
			b.t.Fatalf("step %d of %d: %v", i+1, len(steps), err)
		}
	}
}

// signIn fills in the login page and waits for the page that it leads to.
func (b *tab) signIn(password string) {
	b.t.Helper()
	b.slowly(chromedp.WaitVisible(`input[name=username]`))
	b.slowly(chromedp.SendKeys(`input[name=username]`, demoUser))
	b.slowly(chromedp.SendKeys(`input[name=password]`, password))
	b.slowly(chromedp.Submit(`input[name=password]`))
	b.slowly(chromedp.WaitVisible(`.tile`))
}

// in returns the content of a camera's tile.
func (b *tab) in(camera string) (testcam.Mark, bool) {
	b.t.Helper()
	r := b.rect(`.tile[data-camera=` + camera + `] .picture`)
	for _, s := range b.seen() {
		if r.holds(s) {
			if s.Mark.Camera != testcam.CodeOf(camera) {
				b.t.Fatalf("the tile of %s shows %v", camera, s.Mark)
			}
			return s.Mark, true
		}
	}
	return testcam.Mark{}, false
}

// liveWait is how long a picture may take to appear on a busy machine.
const liveWait = 60 * time.Second

// comes polls until the tile satisfies the condition.
func (b *tab) comes(camera, what string, ok func(testcam.Mark) bool) (last testcam.Mark) {
	b.t.Helper()
	if !poll(b.ctx, liveWait, func() bool {
		m, there := b.in(camera)
		if there {
			last = m
		}
		return there && ok(m)
	}) {
		b.t.Fatalf("%s: never %s; last %v; the page says %q", camera, what, last, eval[string](b, `document.body.innerText`))
	}
	return last
}

// goesOn polls until the tile shows a current picture, newer than the previous ones.
func (b *tab) goesOn(camera, after string) testcam.Mark {
	b.t.Helper()
	since := time.Now()
	return b.comes(camera, "goes on after "+after, func(m testcam.Mark) bool { return m.Time.After(since) })
}

// says polls until an element of the tile contains text.
func (b *tab) says(camera, part, words string) {
	b.t.Helper()
	expression := `document.querySelector('.tile[data-camera=` + camera + `] ` + part + `').textContent.includes("` + words + `")`
	if !poll(b.ctx, liveWait, func() bool { return eval[bool](b, expression) }) {
		b.t.Fatalf("the tile of %s never says %q in %s; the page says %q", camera, words, part, eval[string](b, `document.body.innerText`))
	}
}

func liveCameras(names ...string) []testcam.Camera {
	var list []testcam.Camera
	for _, name := range names {
		list = append(list, testcam.Camera{Name: name, Main: testcam.Video{FPS: 8}, Sub: testcam.Video{FPS: 8}})
	}
	return list
}
