package storage

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/planted/trialtest"
	"keepwatch.internal/storage/index"
)

// TestNoBentBitIsServed flips one bit anywhere in each of many segments. Reading all data must find every one, and the first
// reader must get only what was recorded.
func TestNoBentBitIsServed(t *testing.T) {
	seed := trialtest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 1))
	count := trialtest.Rounds(t, 1000)
	c := &clock{now: epoch}
	o := testOptions(t, c)
	o.SegmentDuration = time.Second
	k := openKit(t, c, o, "front-door")
	id := k.ids["front-door"]
	for from := 0; from < count; from += 100 {
		k.record(id, film{start: epoch.Add(time.Duration(from) * time.Second), seconds: min(100, count-from), gop: 1})
	}
	rows := k.rowsOf(id)
	if len(rows) != count {
		t.Fatalf("%d segments of %d", len(rows), count)
	}
	var whole [][]byte
	for _, row := range rows {
		path := k.path(id, row.Name())
		b, err := os.ReadFile(path)
		ok(t, err)
		whole = append(whole, k.fragmentsOf(b))
		bit := r.IntN(8 * len(b))
		b[bit/8] ^= 1 << (bit % 8)
		ok(t, os.WriteFile(path, b, 0o640))
	}
	ok(t, k.Store.Close())
	report, err := runCheck(t.Context(), CheckCall{ReadData: true, Store: o})
	ok(t, err)
	if len(report.Errors)+report.Omitted != count {
		t.Errorf("%d segments are found of %d that are bent", len(report.Errors), count)
	}
	k.openAgain()
	bytesServed := 0
	for i, row := range rows {
		got, err := k.segments(id, Span{index.FromMicros(row.Start), index.FromMicros(row.End)})
		bytesServed += len(got)
		if !bytes.HasPrefix(whole[i], got) || err == nil && len(got) != len(whole[i]) {
			t.Errorf("segment %s: %d bytes were served that nobody recorded, of %d: %v", row.Name(), len(got), len(whole[i]), err)
		}
	}
	trialtest.Report(t, "bit flips", "%d of %d found by check -read-data; asked for, no wrong byte of them was served", len(report.Errors)+report.Omitted, count)
}

// fragmentsOf returns the header and the fragments of a segment.
func (k *kit) fragmentsOf(b []byte) []byte {
	k.Helper()
	res, err := media.Scan(bytes.NewReader(b), int64(len(b)), k.ids["front-door"], k.LabelKey(k.ids["front-door"]))
	ok(k, err)
	return b[:res.GoodSize]
}

// segments reads the fragments of a span, as far as that goes.
func (k *kit) segments(id media.CameraID, span Span) ([]byte, error) {
	k.Helper()
	c, err := k.OpenSegments(context.Background(), k.permit(id, access.Playback), media.Main, span)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(c)
	ok(k, c.Close())
	return b, err
}
