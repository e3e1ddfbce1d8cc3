package storage

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/planted/trialtest"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
)

// swapStore is a store of two cameras that recorded the same seconds, with the original footage of each.
type swapStore struct {
	*kit
	log    *syncLog
	honest map[media.CameraID]map[string][]byte // by way and segment
	keys   map[media.CameraID][][]byte          // every key frame
	at     map[string]string                    // folders
	rows   [2]int64                             // of front-door and garage in the index
}

// syncLog is a log that tests read.
type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *syncLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	swapSegments = 3
	swapLength   = 10 * time.Second // of a segment
)

func newSwapStore(t *testing.T) *swapStore {
	t.Helper()
	c := &clock{now: epoch}
	log := &syncLog{}
	o := testOptions(t, c)
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	s := &swapStore{openKit(t, c, o, "front-door", "garage"), log, map[media.CameraID]map[string][]byte{}, map[media.CameraID][][]byte{}, map[string]string{}, [2]int64{}}
	for name, id := range s.ids {
		s.at[name] = filepath.Join(o.Recordings, s.cameras[id].folder)
		s.record(id, film{start: epoch, seconds: swapSegments * 10, size: 64 + 32*len(name)}) // frame sizes tell them apart
	}
	s.rows = [2]int64{s.cameras[s.ids["front-door"]].row, s.cameras[s.ids["garage"]].row}
	for _, id := range s.ids {
		s.honest[id] = map[string][]byte{}
		s.each(id, func(what string, read func() ([]byte, error)) {
			b, err := read()
			ok(t, err)
			s.honest[id][what] = b
		})
		for n := range swapSegments * int(swapLength/time.Second) {
			c, err := s.OpenKeyFrame(t.Context(), s.permit(id, access.Playback), media.Main, epoch.Add(time.Duration(n)*time.Second))
			s.keys[id] = append(s.keys[id], all(t, c, err))
		}
	}
	return s
}

// each calls f with every way to read each segment of a camera.
func (s *swapStore) each(id media.CameraID, f func(string, func() ([]byte, error))) {
	for n := range swapSegments {
		from := epoch.Add(time.Duration(n) * swapLength)
		p := s.permit(id, access.Playback)
		for way, read := range s.reads(s.Context(), p, Span{from, from.Add(swapLength)}) {
			if way != "timeline" && way != "days" {
				f(fmt.Sprint(way, " ", n), read)
			}
		}
	}
}

// served reads everything of both cameras. It returns how much was served and refused, and fails at a byte of the other camera.
func (s *swapStore) served(t *testing.T, how string) (whole, refused int) {
	t.Helper()
	for name, id := range s.ids {
		s.each(id, func(what string, read func() ([]byte, error)) {
			b, err := read()
			same := func(mine []byte) bool { return bytes.Equal(mine, b) }
			switch {
			case err != nil && bytes.HasPrefix(s.honest[id][what], b):
				refused++
			case err != nil || !slices.ContainsFunc(s.own(id, what), same):
				t.Errorf("%s: %s of %s: %d bytes that are not its own, %v", how, what, name, len(b), err)
			default:
				whole++
			}
		})
	}
	return whole, refused
}

// opens reopens the store. It returns false if that is refused with an error that names a camera's folder.
func (s *swapStore) opens(t *testing.T) bool {
	t.Helper()
	again, err := Open(t.Context(), s.o)
	if err != nil {
		if !strings.Contains(err.Error(), "the folder "+filepath.Base(s.at["front-door"])) && !strings.Contains(err.Error(), "the folder "+filepath.Base(s.at["garage"])) {
			t.Errorf("the store does not say what is wrong: %v", err)
		}
		return false
	}
	s.Store = again
	t.Cleanup(func() { ok(t, again.Close()) })
	s.enrol("front-door", "garage")
	return true
}

// own reports whether the bytes may be served: the requested footage or, if that was set aside, an earlier key frame.
func (s *swapStore) own(id media.CameraID, what string) [][]byte {
	if strings.HasPrefix(what, "key frame") {
		return s.keys[id]
	}
	return [][]byte{s.honest[id][what]}
}

// exchange swaps two paths.
func exchange(t *testing.T, a, b string) {
	t.Helper()
	ok(t, os.Rename(a, a+".x"))
	ok(t, os.Rename(b, a))
	ok(t, os.Rename(a+".x", b))
}

// edit changes a file of a camera.
func edit(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	ok(t, err)
	ok(t, os.WriteFile(path, f(b), 0o640))
}

// labelCamera is the offset of the camera in a label.
const labelCamera = 32

// renamed writes another camera's UUID into all labels or the first.
func renamed(b []byte, from, to media.CameraID, n int) []byte {
	return bytes.Replace(b, append(make([]byte, 0, 16), from[:]...), to[:], n)
}

// swap is one manipulation by somebody with access to the disk.
type swap struct {
	when swapTime
	do   func(*testing.T, *swapStore)
}

// swapTime is the state of the store during a swap.
type swapTime uint8

const (
	running   swapTime = iota // it keeps running
	off                       // it is closed before and reopened after
	restarted                 // it keeps running and is reopened after
)

func swaps() map[string]swap {
	segment := func(s *swapStore, name string, n int) string {
		return filepath.Join(s.at[name], index.SegmentName(media.Main, index.Micros(epoch.Add(time.Duration(n)*swapLength))))
	}
	files := func(t *testing.T, s *swapStore) {
		for n := range swapSegments {
			exchange(t, segment(s, "front-door", n), segment(s, "garage", n))
		}
	}
	sub := func(path string) func(*testing.T, *swapStore) {
		return func(t *testing.T, s *swapStore) {
			exchange(t, filepath.Join(s.at["front-door"], path), filepath.Join(s.at["garage"], path))
		}
	}
	labels := func(n int) func(*testing.T, *swapStore) {
		return func(t *testing.T, s *swapStore) {
			theirs, err := os.ReadFile(segment(s, "garage", 0))
			ok(t, err)
			ok(t, os.WriteFile(segment(s, "front-door", 0), renamed(theirs, s.ids["garage"], s.ids["front-door"], n), 0o640))
		}
	}
	noIndex := func(t *testing.T, s *swapStore) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(filepath.Join(s.o.Data, "index.db"+suffix)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	rows := func(queries ...string) func(*testing.T, *swapStore) {
		return func(t *testing.T, s *swapStore) {
			execAll(t, s, queries)
		}
	}
	return map[string]swap{
		"files, at once":               {running, files},
		"files, while it is off":       {off, files},
		"files, and the index is lost": {off, func(t *testing.T, s *swapStore) { files(t, s); noIndex(t, s) }},
		"folders of streams":           {running, sub("main")},
		"folders of streams, while it is off, and the index is lost": {off, func(t *testing.T, s *swapStore) { sub("main")(t, s); noIndex(t, s) }},
		"folders of a day":           {running, sub("main/" + epoch.Format(time.DateOnly))},
		"whole folders, at once":     {running, sub("")},
		"whole folders, while off":   {off, sub("")},
		"whole folders and no index": {off, func(t *testing.T, s *swapStore) { sub("")(t, s); noIndex(t, s) }},
		"camera.json":                {off, sub("camera.json")},
		"camera.json, and no index":  {off, func(t *testing.T, s *swapStore) { sub("camera.json")(t, s); noIndex(t, s) }},
		"all labels rewritten":       {running, labels(-1)},
		"the first label rewritten":  {running, labels(1)},
		"a fragment spliced in": {running, func(t *testing.T, s *swapStore) {
			theirs, err := os.ReadFile(segment(s, "garage", 1))
			ok(t, err)
			edit(t, segment(s, "front-door", 1), func(b []byte) []byte {
				for i := range b {
					if media.LabelSize+i < len(b) && bytes.HasPrefix(b[i+labelCamera:], cameraBytes(s.ids["front-door"])) && i > 2000 {
						return append(b[:i], theirs[min(i, len(theirs)):]...)
					}
				}
				return b
			})
		}},
		"runs exchanged in the index": {running, rows("DROP TRIGGER run_keeps_camera", "DROP TRIGGER segment_keeps_camera",
			"UPDATE run SET uuid = (SELECT r.uuid FROM run r WHERE r.camera = ?2) WHERE camera = ?1")},
		"identities exchanged in the index": {restarted, rows("DROP TRIGGER camera_keeps_identity", "UPDATE camera SET uuid = zeroblob(16) WHERE id = ?1",
			"UPDATE camera SET uuid = (SELECT uuid FROM camera_was WHERE id = ?1) WHERE id = ?2", "UPDATE camera SET uuid = (SELECT uuid FROM camera_was WHERE id = ?2) WHERE id = ?1")},
		"folders exchanged in the index": {restarted, rows("DROP TRIGGER camera_keeps_identity", "UPDATE camera SET folder = '-' WHERE id = ?1",
			"UPDATE camera SET folder = (SELECT folder FROM camera_was WHERE id = ?1) WHERE id = ?2", "UPDATE camera SET folder = (SELECT folder FROM camera_was WHERE id = ?2) WHERE id = ?1")},
	}
}

func cameraBytes(id media.CameraID) []byte { return id[:] }

// execAll runs the statements on the index, with a copy of the original camera table.
func execAll(t *testing.T, s *swapStore, queries []string) {
	path := filepath.Join(s.o.Data, index.FileName)
	indextest.Exec(t, path, "CREATE TABLE camera_was AS SELECT * FROM camera")
	for _, query := range append(queries, "DROP TABLE camera_was") {
		args := []any{s.rows[0], s.rows[1]}
		if !strings.Contains(query, "?2") {
			args = args[:strings.Count(query, "?1")]
		}
		indextest.Exec(t, path, query, args...)
	}
}

// TestExchangedFootageIsNeverServedUnderAnotherCamera manipulates a store as somebody with its disk could, and reads everything.
// Nothing of the other camera may be served, and refused footage must be named in the log. Invariant I6.
func TestExchangedFootageIsNeverServedUnderAnotherCamera(t *testing.T) {
	whole, refused, ways := 0, 0, 0
	for how, swap := range swaps() {
		t.Run(how, func(t *testing.T) {
			s := newSwapStore(t)
			if swap.when == off {
				ok(t, s.Store.Close())
			}
			swap.do(t, s)
			if swap.when == restarted {
				ok(t, s.Store.Close())
			}
			if swap.when != running && !s.opens(t) {
				refused, ways = refused+2*3*swapSegments, ways+1
				return
			}
			w, r := s.served(t, how)
			again, _ := s.served(t, how+", asked again")
			if again > w {
				t.Errorf("what was refused at first is served when asked again")
			}
			if log := s.log.String(); r > 0 && !strings.Contains(log, "front-door") && !strings.Contains(log, "garage") {
				t.Errorf("nothing in the log names a camera:\n%s", log)
			}
			whole, refused, ways = whole+w, refused+r, ways+1
			t.Logf("%d answers whole, %d refused", w, r)
		})
	}
	trialtest.Report(t, "Footage exchanged on the disk or in the index", "%d ways: %d answers refused, %d served whole to their own camera, 0 foreign bytes", ways, refused, whole)
	if refused == 0 || whole == 0 {
		t.Error("nothing was refused, or everything")
	}
}
