package web

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
)

// share gives bob some rights on alice's front camera. It writes the row directly, since accounts would refuse some of them.
func (w *world) share(actions access.Action, until time.Time) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.people+"?_pragma=busy_timeout(5000)")
	check(w.t, err)
	defer func() { check(w.t, db.Close()) }()
	_, err = db.ExecContext(w.t.Context(), `DELETE FROM shares`)
	check(w.t, err)
	camera := w.cameras["front"].ID
	_, err = db.ExecContext(w.t.Context(), `INSERT INTO shares (camera, actions, granted_by, account_id, label, created_us, until_us)
		SELECT ?, ?, a.id, b.id, '', 1, ? FROM accounts a, accounts b WHERE a.name = 'alice' AND b.name = 'bob'`, camera[:], int(actions), until.UnixMicro())
	check(w.t, err)
}

func TestEachActionOpensWhatItNamesAndNothingElse(t *testing.T) {
	w := filmed(t)
	w.transmit(w.cameras["front"], media.Main, 20*time.Millisecond)
	span, at := w.span(2, 4), "at="+w.start.Add(3*time.Second).Format(time.RFC3339)
	needs := map[string]access.Action{
		"timeline?" + span: access.Playback, "clip.mp4?" + span: access.Playback, "segments.mp4?" + span: access.Playback, "hls/index.m3u8?" + span: access.Playback, "hls/media.m3u8?" + span: access.Playback,
		"hls/keyframes.m3u8?" + span: access.Playback, "clip.json?" + span: access.Export, "keyframe.mp4?" + at: access.Playback,
		"activity?" + span: access.Playback, "days": access.Playback,
		"clip.mp4?download=1&" + span: access.Export, "live.mp4": access.Live,
	}
	const all = access.Live | access.Playback | access.Export | access.Audio | access.Share
	for held := access.Action(1); held <= all; held++ {
		w.share(held, time.Now().Add(time.Hour))
		for path, need := range needs {
			want := http.StatusNotFound
			if held&need != 0 {
				want = http.StatusOK
			}
			if got := w.frontStatus(path); got != want {
				t.Errorf("with rights %06b: %s: status %d, want %d", held, path, got, want)
			}
		}
	}
	w.share(all, time.Now().Add(-time.Second))
	for path := range needs {
		if got := w.frontStatus(path); got != http.StatusNotFound {
			t.Errorf("after the share has ended: %s: status %d", path, got)
		}
	}
}

// frontStatus requests something of alice's front camera as bob and returns the status.
func (w *world) frontStatus(path string) int {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	resp := w.open(ctx, w.as("bob", ask{path: "/api/v1/cameras/front/" + path}))
	resp.Body.Close()
	return resp.StatusCode
}

func TestWhoMayNotHearGetsNoSound(t *testing.T) {
	w := filmed(t)
	w.transmit(w.cameras["front"], media.Main, 20*time.Millisecond)
	for _, hear := range []access.Action{0, access.Audio} {
		w.share(access.Live|access.Playback|access.Export|hear, time.Now().Add(time.Hour))
		for _, path := range []string{"clip.mp4?" + w.span(2, 8), "segments.mp4?" + w.span(2, 8), "live.mp4"} {
			ctx, cancel := context.WithCancel(t.Context())
			resp := w.open(ctx, w.as("bob", ask{path: "/api/v1/cameras/front/" + path}))
			var body bytes.Buffer
			_, _ = io.CopyN(&body, resp.Body, 40_000)
			resp.Body.Close()
			cancel()
			if got := bytes.Contains(body.Bytes(), []byte("sound of")); got != (hear != 0) || body.Len() < 40_000 {
				t.Errorf("%s with rights to hear %v: sound %t in %d bytes", path, hear, got, body.Len())
			}
			if path != "clip.mp4?"+w.span(2, 8) && strings.Contains(resp.Header.Get("Content-Type"), "mp4a") != (hear != 0) {
				t.Errorf("%s with rights to hear %v: type %s", path, hear, resp.Header.Get("Content-Type"))
			}
		}
		end := w.socket("bob")
		end.watch(tileRequest{1, "front", "main"})
		if e := end.until("init", 1); strings.Contains(e.MIME, "mp4a") != (hear != 0) {
			t.Errorf("a tile with rights to hear %v: %s", hear, e.MIME)
		}
		key := w.store.LabelKey(w.cameras["front"].ID)
		_, init := end.next()
		if _, err := media.OpenRun(init[binaryHeader:], w.cameras["front"].ID, key); err != nil {
			t.Error(err)
		}
		for range 5 {
			_, b := end.next()
			if b == nil {
				continue
			}
			if _, err := key.VerifyFragment(w.cameras["front"].ID, b[binaryHeader:]); err != nil || bytes.Contains(b, []byte("sound of")) && hear == 0 {
				t.Errorf("a fragment with rights to hear %v: %v", hear, err)
			}
		}
	}
}

func TestTakingTheSoundAwayTakesItFromATileAtOnce(t *testing.T) {
	w := filmed(t)
	w.transmit(w.cameras["front"], media.Main, 20*time.Millisecond)
	w.share(access.Live|access.Audio, time.Now().Add(time.Hour))
	end := w.socket("bob")
	end.watch(tileRequest{1, "front", "main"})
	if e := end.until("init", 1); !strings.Contains(e.MIME, "mp4a") {
		t.Fatalf("%+v", e)
	}
	w.share(access.Live, time.Now().Add(time.Hour))
	watch := newStopwatch(t)
	if e := end.until("init", 1); strings.Contains(e.MIME, "mp4a") || watch.took() > time.Second {
		t.Errorf("after %v: %+v", watch.took(), e)
	}
	for range 20 {
		if _, b := end.next(); bytes.Contains(b, []byte("sound of")) {
			t.Fatal("sound")
		}
	}
}

func TestAShareThatEndsCutsWhatIsOpen(t *testing.T) {
	w := large(t, "front")
	w.share(access.Live|access.Playback, time.Now().Add(3*time.Second))
	end := w.socket("bob")
	end.watch(tileRequest{1, "front", "main"})
	resp := w.open(t.Context(), w.as("bob", ask{path: "/api/v1/cameras/front/clip.mp4?" + w.span(0, filmLength)}))
	defer resp.Body.Close()
	check(t, readSome(resp.Body))
	end.until("gone", 1)
	w.cutWithin(resp, time.Second)
	var seen []string
	for _, path := range []string{"/api/v1/me", "/api/v1/cameras"} {
		_, body := w.do(w.as("bob", ask{path: path}))
		if bytes.Contains(body, []byte("front")) {
			seen = append(seen, fmt.Sprintf("%s: %s", path, body))
		}
	}
	if len(seen) > 0 {
		t.Errorf("still named: %v", seen)
	}
}
