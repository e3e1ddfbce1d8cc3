package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestAPageElsewhereGetsNothingOutOfTheBrowserOfAnOwner opens, in a browser that is signed in, a page of another site and
// one of another port of the same host, and lets them try.
func TestAPageElsewhereGetsNothingOutOfTheBrowserOfAnOwner(t *testing.T) {
	w := filmed(t)
	w.recording("front", "attic")
	var mu sync.Mutex
	var got []string // answered requests of other sites
	inner := w.server.Handler()
	w.http.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		seen := &statusOnly{ResponseWriter: rw}
		inner.ServeHTTP(seen, r)
		if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && seen.status < 400 && r.Header.Get("Sec-Fetch-Dest") != "document" {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprintf("%s %s for %s: %d", r.Method, r.URL.Path, site, seen.status))
		}
	})
	evil := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprint(rw, "<!DOCTYPE html><title>elsewhere</title><body>elsewhere</body>")
	}))
	defer evil.Close()
	port := evil.URL[strings.LastIndex(evil.URL, ":"):]
	target := w.http.URL[strings.LastIndex(w.http.URL, ":"):]
	b := newTab(t, chromedp.Flag("host-resolver-rules", "MAP *.evil.com 127.0.0.1, MAP evil.com 127.0.0.1"))
	b.signIn(w, "alice")
	media := w.http.URL + "/api/v1/cameras/front/clip.mp4?" + w.span(1, 5)
	for _, from := range []string{"http://evil.com" + port, evil.URL} {
		b.do(chromedp.Navigate(from))
		for what, js := range map[string]string{
			"fetch":     `fetch(%q, {credentials: "include"}).then(r => "answer " + r.status, () => "")`,
			"blind":     `fetch(%q, {credentials: "include", mode: "no-cors", method: "POST", body: "x"}).then(() => "", () => "")`,
			"image":     `new Promise(d => { const i = new Image(); i.onload = () => d("loaded"); i.onerror = () => d(""); i.src = %q; })`,
			"script":    `new Promise(d => { const i = document.createElement("script"); i.onload = () => d("loaded"); i.onerror = () => d(""); i.src = %q; document.body.append(i); })`,
			"video":     `new Promise(d => { const i = document.createElement("video"); i.onloadedmetadata = () => d("loaded"); i.onerror = () => d(""); i.src = %q; document.body.append(i); })`,
			"frame":     `new Promise(d => { const i = document.createElement("iframe"); i.onload = () => { try { d(i.contentWindow.document.body.innerText.includes("Front") ? "read" : ""); } catch { d(""); } }; i.src = %q; document.body.append(i); })`,
			"WebSocket": `new Promise(d => { const s = new WebSocket(%q.replace("http", "ws")); s.onopen = () => d("open"); s.onerror = () => d(""); })`,
		} {
			for _, url := range []string{media, w.http.URL + "/api/v1/me", w.http.URL + "/cameras/front", w.http.URL + "/api/v1/live"} {
				if got := eval[string](b, fmt.Sprintf(js, url)); got != "" {
					t.Errorf("%s from %s of %s: %s", what, from, url, got)
				}
			}
		}
		b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void document.body.insertAdjacentHTML("beforeend", '<form id=f method=post action="%s/logout"></form>')`, w.http.URL)),
			chromedp.Evaluate[chromedp.Void](`void document.getElementById("f").submit()`), chromedp.WaitVisible(`.sheet`))
	}
	for _, name := range []string{"evil.com", "rebind.evil.com", "nvr.evil.com"} { // names that lead here now
		b.do(chromedp.Navigate("http://" + name + target + "/cameras/front"))
		if words := eval[string](b, `document.body.innerText`); strings.Contains(words, "Front") || !strings.Contains(words, "web.hosts") {
			t.Errorf("under the name %s: %s", name, words)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) > 0 {
		t.Errorf("answered: %v", got)
	}
	b.do(chromedp.Navigate(w.http.URL + "/live"))
	if !poll(5*time.Second, func() bool { return strings.HasSuffix(eval[string](b, `location.pathname`), "/live") }) {
		t.Error("alice was signed out")
	}
}

// statusOnly remembers the status.
type statusOnly struct {
	http.ResponseWriter
	status int
}

func (s *statusOnly) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *statusOnly) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// poll waits until ok, or returns false.
func poll(limit time.Duration, ok func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-tick.C {
		if ok() {
			return true
		}
	}
	return ok()
}
