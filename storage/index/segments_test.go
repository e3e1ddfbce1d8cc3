package index

import (
	"testing"

	"keepwatch.internal/internal/media"
)

// TestASegmentsNameSaysItsStreamAndMillisecond parses names as they are made, and refuses what is not quite one.
func TestASegmentsNameSaysItsStreamAndMillisecond(t *testing.T) {
	const start = 1_795_352_720_123_456
	for _, q := range []media.Quality{media.Main, media.Sub} {
		name := SegmentName(q, start)
		quality, from, ok := ParseSegmentName(name)
		if !ok || quality != q || from != start-456 {
			t.Errorf("%s: %v, %d, %v", name, quality, from, ok)
		}
		for _, other := range []string{"", name + "x", "x" + name, name[:len(name)-4] + ".mp5", q.String() + "/2026-11-22/13-05-20Z.mp4"} {
			if _, _, ok := ParseSegmentName(other); ok {
				t.Errorf("%q is taken for a segment's name", other)
			}
		}
	}
}

// TestTheLedgerMergesEqualNeighboursAndFindsGaps enters spans beside and over each other.
func TestTheLedgerMergesEqualNeighboursAndFindsGaps(t *testing.T) {
	db := testDB(t)
	err := db.Write(t.Context(), func(tx *Tx) error {
		st := testStream(t, tx)
		deleted, offline := Gap("deleted", "deleted"), Gap("offline", "offline")
		for _, x := range []struct {
			span Interval
			e    LedgerEntry
		}{{Interval{10, 20}, Footage(1)}, {Interval{20, 30}, offline}, {Interval{30, 40}, deleted}, {Interval{40, 50}, deleted}} {
			if err := tx.Enter(t.Context(), st, x.span.From, x.span.To, x.e); err != nil {
				return err
			}
		}
		if e, since, err := tx.LedgerAt(t.Context(), st, 45); err != nil || e != deleted || since != 30 {
			t.Errorf("at 45: %+v since %d, %v", e, since, err)
		}
		for span, want := range map[Interval]bool{{0, 30}: false, {29, 31}: true, {35, 36}: true, {50, 60}: false} {
			if any, err := tx.AnyGap(t.Context(), st, span, deleted.Code); err != nil || any != want {
				t.Errorf("deleted in %v: %v, %v", span, any, err)
			}
		}
		for to, want := range map[int64]int64{50: 30, 30: 30, 20: 20} {
			if from, err := tx.MergedGapBegin(t.Context(), st, to, deleted); err != nil || from != want {
				t.Errorf("a deletion's gap before %d begins at %d, want %d, %v", to, from, want, err)
			}
		}
		return errUndo
	})
	if err != errUndo {
		t.Fatal(err)
	}
}
