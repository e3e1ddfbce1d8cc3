package storage

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/planted/trialtest"
)

// openMedium opens a store with one camera, front-door, on a disk in memory.
func openMedium(t testing.TB, segment time.Duration) (*kit, *medium) {
	c := &clock{now: epoch}
	o := testOptions(t, c)
	o.SegmentDuration = segment
	m := newMedium(c.Now)
	s, err := open(t.Context(), o, onMedium(m, o, &faults{}))
	ok(t, err)
	k := &kit{TB: t, Store: s, clock: c, o: o}
	t.Cleanup(func() { ok(t, s.Close()) })
	k.enrol("front-door")
	return k, m
}

// TestNoBentBitIsServed bends one bit in each of many segments, anywhere in the file, and asks for each of them. Every one
// is found by reading all data, and what is handed out before it is noticed is what was recorded.
func TestNoBentBitIsServed(t *testing.T) {
	seed := trialtest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 1))
	count := trialtest.Rounds(t, 1000)
	k, m := openMedium(t, time.Second)
	id := k.ids["front-door"]
	for from := 0; from < count; from += 100 {
		k.record(id, film{start: epoch.Add(time.Duration(from) * time.Second), seconds: min(100, count-from), gop: 1})
	}
	rows := k.rowsOf(id)
	if len(rows) != count {
		t.Fatalf("%d segments of %d", len(rows), count)
	}
	found, served := 0, 0
	for _, row := range rows {
		n := m.at(k.cameras[id].folder + "/" + row.name())
		whole := append(bytes.Clone(n.content[:row.init]), k.fragmentsOf(n.content, row)...)
		bit := r.IntN(8 * len(n.content))
		n.content[bit/8] ^= 1 << (bit % 8)
		res, err := media.Scan(bytes.NewReader(n.content), int64(len(n.content)), id, k.LabelKey(id))
		if err != nil || res.Err != nil || !res.Closed {
			found++
		} else {
			t.Errorf("bit %d of byte %d of a segment of %d bytes goes unnoticed", bit%8, bit/8, len(n.content))
		}
		got, err := k.segments(id, Span{fromMicros(row.start), fromMicros(row.end)})
		if !bytes.HasPrefix(whole, got) {
			t.Errorf("bit %d of byte %d: %d bytes that nobody recorded were served", bit%8, bit/8, len(got))
		}
		if err == nil {
			served++ // the bit was in the table, of which nothing is handed out
			if len(got) != len(whole) {
				t.Errorf("bit %d of byte %d: %d bytes of %d without an error", bit%8, bit/8, len(got), len(whole))
			}
		}
	}
	trialtest.Report(t, "bit flips", "%d of %d found; of %d all was served, since only the table was bent, and of no other a wrong byte", found, count, served)
}

// fragmentsOf returns the bytes of a segment's fragments.
func (k *kit) fragmentsOf(b []byte, r segmentRow) (out []byte) {
	k.Helper()
	res, err := media.Scan(bytes.NewReader(b), int64(len(b)), k.ids["front-door"], k.LabelKey(k.ids["front-door"]))
	ok(k, err)
	return b[r.init:res.GoodSize]
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

// at returns the file or folder of a name.
func (m *medium) at(name string) *node {
	_, n := memory{m, m.root}.find(name)
	return n
}
