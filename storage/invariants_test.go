package storage

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// checkWhole fails unless the store of one camera, front-door, satisfies its invariants and has every fragment that was
// acknowledged and not deleted by retention.
func checkWhole(k *kit, acked []*media.Fragment) {
	k.Helper()
	ctx := k.Context()
	ok(k, k.finishDeleting(ctx))
	ok(k, k.Reconcile(ctx))
	id := k.ids["front-door"]
	flaws, err := k.index.Flaws(ctx)
	ok(k, err)
	for _, flaw := range flaws {
		k.Error(flaw)
	}
	rows := k.rowsOf(id)
	noted := map[string]bool{}
	var sum int64
	for _, r := range rows {
		noted[k.path(id, r.Name())] = true
		sum += r.Size
		checkSegment(k, id, r)
	}
	err = filepath.WalkDir(k.path(id, "."), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".mp4") && !strings.Contains(path, "/sub/") && !noted[path] {
			k.Errorf("a file without a row: %s", path)
		}
		return err
	})
	ok(k, err)
	totals, err := k.index.StreamTotals(ctx)
	ok(k, err)
	if t := totals[index.Stream{Camera: k.cameras[id].row, Quality: media.Main}]; t.Bytes != sum || t.Segments != int64(len(rows)) {
		k.Errorf("the stream adds up to %+v, its rows to %d bytes in %d", t, sum, len(rows))
	}
	checkLedger(k, id, rows, acked)
}

// checkSegment fails unless the row is closed and describes its file (I2).
func checkSegment(k *kit, id media.CameraID, r index.Segment) {
	k.Helper()
	if r.State != index.StateClosed {
		k.Errorf("segment %s in state %d", r.Name(), r.State)
		return
	}
	f, err := os.Open(k.path(id, r.Name()))
	if err != nil {
		k.Errorf("a row without a file: %v", err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	ok(k, err)
	res, err := media.Scan(f, info.Size(), id, k.LabelKey(id))
	if err != nil || len(res.Table.Entries) == 0 {
		k.Errorf("segment %s: %v", r.Name(), err)
		return
	}
	n := len(res.Table.Entries)
	if info.Size() != r.Size || !res.Closed && res.GoodSize != r.Size ||
		index.Micros(res.Table.Entries[0].Start) != r.Start || index.Micros(res.Table.Entries[n-1].End()) != r.End {
		k.Errorf("segment %s of %d bytes is not what its row says: %+v", r.Name(), info.Size(), r)
	}
}

// checkLedger fails unless the timeline has footage exactly where segments are, including everything acknowledged.
func checkLedger(k *kit, id media.CameraID, rows []index.Segment, acked []*media.Fragment) {
	k.Helper()
	from, to := epoch.Add(-time.Minute), k.clock.Now().Add(time.Minute)
	tl := k.timeline(id, from, to)
	var covered, segments time.Duration
	for _, s := range tl.Spans {
		covered += s.To.Sub(s.From)
	}
	for _, r := range rows {
		segments += time.Duration(r.End-r.Start) * time.Microsecond
		if !within(tl, r.Start, r.End) {
			k.Errorf("segment %s is not on the timeline: %+v", r.Name(), tl)
		}
	}
	if covered != segments {
		k.Errorf("the timeline has %v of footage, the segments %v: %+v, %+v", covered, segments, tl, rows)
	}
	for _, g := range tl.Gaps {
		if strings.Contains(g.Reason, "unknown") {
			k.Errorf("a gap that nobody can explain: %+v", g)
		}
	}
	for _, f := range acked {
		if !within(tl, index.Micros(f.Start), index.Micros(f.End())) && !deleted(tl, index.Micros(f.Start)) {
			k.Errorf("fragment %d at %v was acknowledged and is lost: %+v", f.Seq, f.Start, tl)
			return
		}
	}
	if len(tl.Spans) > 0 {
		c, err := k.OpenClip(k.Context(), k.permit(id, access.Export), media.Main, Span{tl.Spans[0].From, tl.Spans[0].From.Add(time.Hour)})
		all(k, c, err)
	}
}

func within(tl Timeline, from, to int64) bool {
	for _, s := range tl.Spans {
		if index.Micros(s.From) <= from && to <= index.Micros(s.To) {
			return true
		}
	}
	return false
}

func deleted(tl Timeline, at int64) bool {
	for _, g := range tl.Gaps {
		if index.Micros(g.From) <= at && at < index.Micros(g.To) {
			return g.Reason == ReasonDeleted
		}
	}
	return false
}
