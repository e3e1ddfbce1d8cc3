package storage

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// epoch is when the tests' recordings begin.
var epoch = time.Date(2026, 11, 22, 13, 5, 20, 123456000, time.UTC)

// clock is a wall clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// kit is a store with cameras, and helpers to fill it.
type kit struct {
	testing.TB
	*Store
	clock *clock
	o     Options
	ids   map[string]media.CameraID
}

func testOptions(t testing.TB, c *clock) Options {
	dir := t.TempDir()
	return Options{
		Recordings: filepath.Join(dir, "recordings"), Data: filepath.Join(dir, "data"), MasterKey: [32]byte{1, 2, 3},
		SegmentDuration: 10 * time.Second, Now: c.Now, Logger: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelError + 1})),
	}
}

// testLog writes the log of a store to the log of the test.
type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", b)
	return len(b), nil
}

// newKit opens a new store with the named cameras.
func newKit(t testing.TB, names ...string) *kit {
	t.Helper()
	c := &clock{now: epoch}
	return openKit(t, c, testOptions(t, c), names...)
}

func openKit(t testing.TB, c *clock, o Options, names ...string) *kit {
	t.Helper()
	s, err := Open(t.Context(), o)
	ok(t, err)
	k := &kit{TB: t, Store: s, clock: c, o: o}
	t.Cleanup(func() { ok(t, s.Close()) })
	k.enrol(names...)
	return k
}

func (k *kit) enrol(names ...string) {
	k.Helper()
	var specs []CameraSpec
	for _, name := range names {
		specs = append(specs, CameraSpec{Name: name, Label: "Label of " + name})
	}
	var err error
	k.ids, err = k.Enrol(k.Context(), specs)
	ok(k, err)
}

// reopen closes the store and opens it again.
func (k *kit) reopen() {
	k.Helper()
	ok(k, k.Store.Close())
	k.openAgain()
}

func (k *kit) openAgain() {
	k.Helper()
	s, err := Open(k.Context(), k.o)
	ok(k, err)
	k.Store = s
	k.Cleanup(func() { ok(k, s.Close()) })
}

// kill leaves the store as a killed process would. Only the lock is released, as it ends with a process.
func (k *kit) kill() {
	k.Helper()
	s := k.Store
	ok(k, s.index.Close())
	ok(k, s.guard.Close())
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("error %v, want %v", got, want)
	}
}

var viewer = access.Viewer{Kind: access.AccountView, AccountID: 1, GrantID: 1, Name: "alice"}

// permit allows the action on the camera for a minute, including audio.
func (k *kit) permit(camera media.CameraID, a access.Action) access.Permit {
	k.Helper()
	p, err := access.Decide(viewer, camera, access.Grant{Rights: access.Owned}, a, k.clock.Now().Add(time.Minute))
	ok(k, err)
	return p
}

// deaf is permit without audio.
func (k *kit) deaf(camera media.CameraID, a access.Action) access.Permit {
	k.Helper()
	p, err := access.Decide(viewer, camera, access.Grant{Rights: access.Rights(access.Playback | access.Export)}, a, k.clock.Now().Add(time.Minute))
	ok(k, err)
	return p
}

// plainVideo is a video track that needs no encoder. Storage does not parse it.
var plainVideo = media.VideoTrack{Codec: media.H264, Width: 640, Height: 360, SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9}, PPS: []byte{0x68, 0xcb, 0x83, 0xcb}}

var plainAudio = media.AudioTrack{Codec: media.AAC, Config: []byte{0x11, 0x90}, SampleRate: 48000, Channels: 2}

// film describes test footage.
type film struct {
	start   time.Time
	seconds int
	gop     int // seconds between key frames; 2 if zero
	size    int // bytes per frame; 64 if zero
	video   media.VideoTrack
	audio   *media.AudioTrack
	quality media.Quality
}

// fragments makes a run of four frames a second, in fragments of half a second.
func (k *kit) fragments(camera media.CameraID, x film) (*media.Run, []*media.Fragment) {
	k.Helper()
	if x.gop == 0 {
		x.gop = 2
	}
	if x.size == 0 {
		x.size = 64
	}
	if x.video.SPS == nil {
		x.video = plainVideo
	}
	if x.quality == 0 {
		x.quality = media.Main
	}
	key := media.DeriveLabelKey(k.o.MasterKey, camera)
	run, err := media.NewRun(media.StreamID{Camera: camera, Quality: x.quality}, x.start, x.video, x.audio, key)
	ok(k, err)
	m := media.NewMuxer(run, key)
	var out []*media.Fragment
	add := func(u *media.Unit) {
		f, err := m.Write(u)
		ok(k, err)
		if f != nil {
			out = append(out, f)
		}
	}
	for n := range x.seconds * 4 {
		ticks := int64(n) * media.VideoTimescale / 4
		at := run.Start.Add(time.Duration(n) * time.Second / 4)
		nalu := make([]byte, x.size)
		for i := range nalu {
			nalu[i] = byte(n + i)
		}
		add(&media.Unit{Kind: media.Video, PTS: ticks, DTS: ticks, Arrived: at, Random: n%(x.gop*4) == 0, Data: [][]byte{nalu}})
		if x.audio != nil {
			at48 := int64(n) * 48000 / 4
			add(&media.Unit{Kind: media.Audio, PTS: at48, DTS: at48, Arrived: at, Random: true, Data: [][]byte{[]byte("sound"), []byte("!")}[:1]})
		}
	}
	f, err := m.Flush()
	ok(k, err)
	return run, append(out, f)
}

// record writes a whole run and ends it. The clock is set to its end.
func (k *kit) record(camera media.CameraID, x film) (*media.Run, []*media.Fragment) {
	k.Helper()
	run, fragments := k.fragments(camera, x)
	w := k.begin(run)
	k.append(w, fragments)
	ok(k, w.End(k.Context(), "test over"))
	return run, fragments
}

func (k *kit) begin(run *media.Run) *Writer {
	k.Helper()
	w, err := k.Begin(k.Context(), run)
	ok(k, err)
	return w
}

func (k *kit) append(w *Writer, fragments []*media.Fragment) {
	k.Helper()
	for _, f := range fragments {
		k.clock.set(f.End())
		ok(k, w.Append(k.Context(), f))
	}
}

// all reads a complete clip and closes it.
func all(t testing.TB, c *Clip, err error) []byte {
	t.Helper()
	ok(t, err)
	b, err := io.ReadAll(c)
	ok(t, err)
	ok(t, c.Close())
	if int64(len(b)) != c.Size() {
		t.Fatalf("read %d bytes of a clip of %d", len(b), c.Size())
	}
	return b
}

// timeline returns the main stream's timeline and checks that it adds up.
func (k *kit) timeline(camera media.CameraID, from, to time.Time) Timeline {
	k.Helper()
	tl, err := k.Timeline(k.Context(), k.permit(camera, access.Playback), media.Main, Span{from, to})
	ok(k, err)
	checkAddsUp(k, tl, from, to)
	return tl
}

// checkAddsUp fails unless spans and gaps divide the range.
func checkAddsUp(t testing.TB, tl Timeline, from, to time.Time) {
	t.Helper()
	at, s, g := from.UTC(), tl.Spans, tl.Gaps
	for len(s) > 0 || len(g) > 0 {
		switch {
		case len(s) > 0 && s[0].From.Equal(at) && s[0].From.Before(s[0].To):
			at, s = s[0].To, s[1:]
		case len(g) > 0 && g[0].From.Equal(at) && g[0].From.Before(g[0].To) && g[0].Reason != "":
			at, g = g[0].To, g[1:]
		default:
			t.Fatalf("at %v nothing, or two things, hold:\nspans %v\ngaps %v", at, tl.Spans, tl.Gaps)
		}
	}
	if !at.Equal(to) {
		t.Fatalf("the timeline ends at %v, want %v", at, to)
	}
}

// gapReasons lists the reasons of the gaps in order.
func gapReasons(tl Timeline) []string {
	var out []string
	for _, g := range tl.Gaps {
		out = append(out, g.Reason)
	}
	return out
}

// rowsOf lists the main stream's segments.
func (k *kit) rowsOf(camera media.CameraID) []index.Segment {
	k.Helper()
	c := k.Store.cameras[camera]
	st := index.Stream{Camera: c.row, Quality: media.Main}
	rows, err := k.index.BeginningIn(context.Background(), st, index.Interval{From: index.NoEnd, To: index.Forever})
	ok(k, err)
	return rows
}

// path returns the path of a file of the camera.
func (k *kit) path(camera media.CameraID, name string) string {
	return filepath.Join(k.o.Recordings, k.Store.cameras[camera].folder, name)
}
