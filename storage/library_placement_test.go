package storage

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
)

// TestAPlacementIsWhatTheBytesAre compares the Placement of every fragment with the bytes from OpenStored: with several segments,
// runs with and without audio, a gap, and key frames so rare that segments begin without one; for viewers with and without the right
// to audio, and with a window.
func TestAPlacementIsWhatTheBytesAre(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 35, audio: &plainAudio, size: 300})
	k.record(id, film{start: at(60), seconds: 57, gop: 100, audio: &plainAudio})
	run, fragments := k.fragments(id, film{start: at(120), seconds: 12})
	w := k.begin(run)
	k.append(w, fragments[:8]) // and its segment stays open
	bound, err := access.Decide(viewer, id, access.Grant{Rights: access.Owned, Window: access.Window{From: at(3.3), To: at(115.2)}},
		access.Playback, k.clock.Now().Add(time.Minute))
	ok(t, err)
	for name, p := range map[string]access.Permit{"loud": k.permit(id, access.Playback), "deaf": k.deaf(id, access.Export), "bound": bound} {
		placement, err := k.Placement(t.Context(), p, media.Main, Span{at(5.2), at(200)})
		ok(t, err)
		segments, breaks, keyless := 0, 0, 0
		end := time.Time{}
		for i, s := range placement {
			k.sameBytes(p, s)
			segments++
			for n, f := range s.Fragments {
				if f.Start.Before(end) || f.Plays != 500*time.Millisecond || !p.Window().Covers(f.Start, f.Start.Add(f.Plays)) {
					t.Fatalf("%s: fragment %d of segment %d: %+v after %v", name, n, i, f, end)
				}
				end = f.Start.Add(f.Plays)
				if !f.Continues {
					breaks++
				}
			}
			if s.Fragments[0].KeyBytes == 0 {
				keyless++
			}
		}
		wantBreaks := map[string]int{"loud": 3, "deaf": 3, "bound": 2}[name]
		if first := placement[0].Fragments[0]; breaks != wantBreaks || keyless == 0 || segments < 6 || !first.Start.Equal(at(4)) || first.KeyBytes == 0 {
			t.Errorf("%s: %d segments, %d of them begin without a key frame, %d breaks, from %v", name, segments, keyless, breaks, first.Start)
		}
	}
	ok(t, w.End(t.Context(), "over"))
	if n := len(k.holds.open); n != 0 {
		t.Errorf("%d holds are left", n)
	}
}

// sameBytes opens a segment by its placement, and reads every fragment and key frame at its position.
func (k *kit) sameBytes(p access.Permit, s SegmentPlacement) {
	k.Helper()
	c, err := k.OpenStored(k.Context(), p, media.Main, Span{s.From, s.To})
	b := all(k, c, err)
	if int64(len(b)) != s.Bytes || c.MIME() != s.MIME || c.Run() != s.Run || !c.Start().Equal(s.From) || !c.End().Equal(s.To) {
		k.Fatalf("%d bytes of %s, %v to %v; the placement is %+v", len(b), c.MIME(), c.Start(), c.End(), s)
	}
	next := s.HeadBytes
	for _, f := range s.Fragments {
		label, err := media.ParseLabel(b[f.Offset:])
		ok(k, err)
		if f.Offset != next || int64(label.ContentSize)+media.LabelSize != f.Bytes || !label.Start.Equal(f.Start) || label.Random != (f.KeyBytes > 0) {
			k.Fatalf("%+v stands where the placement has %+v", label, f)
		}
		if f.KeyBytes > 0 {
			k.endsWithPicture(b[f.Offset:f.Offset+f.KeyBytes], b[f.Offset+f.KeyBytes:f.Offset+f.Bytes])
		}
		next += f.Bytes
	}
	if next != s.Bytes {
		k.Fatalf("the fragments end at %d of %d bytes", next, s.Bytes)
	}
}

// TestAStoredSegmentKeepsToTheTimeOfAShare opens segments that extend beyond the window of a share at either end.
func TestAStoredSegmentKeepsToTheTimeOfAShare(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 8})
	bound, err := access.Decide(viewer, id, access.Grant{Rights: access.Owned, Window: access.Window{From: at(2), To: at(5)}},
		access.Playback, k.clock.Now().Add(time.Minute))
	ok(t, err)
	_, err = k.OpenStored(t.Context(), bound, media.Main, Span{epoch, at(8)})
	wantErr(t, err, ErrNoFootage)
	c, err := k.OpenStored(t.Context(), bound, media.Main, Span{at(2), at(8)})
	b := all(t, c, err)
	if !c.Start().Equal(at(2)) || !c.End().Equal(at(5)) {
		t.Errorf("from %v to %v", c.Start(), c.End())
	}
	for rest := b; ; {
		i := bytes.Index(rest, []byte("moof"))
		if i < 0 {
			break
		}
		label, err := media.ParseLabel(rest[i-4-media.LabelSize:])
		ok(t, err)
		if label.Start.Before(at(2)) || label.Start.Add(label.Duration).After(at(5)) {
			t.Errorf("a fragment from %v to %v left", label.Start, label.Start.Add(label.Duration))
		}
		rest = rest[i+4:]
	}
}

// endsWithPicture fails unless the first bytes contain exactly one frame of film, complete, at their end.
func (k *kit) endsWithPicture(first, rest []byte) {
	k.Helper()
	mdat := bytes.Index(first, []byte("mdat"))
	size := int(binary.BigEndian.Uint32(first[mdat+4:])) // before the NAL unit
	if mdat < 0 || mdat+4+4+size != len(first) || len(rest) < size {
		k.Fatalf("%d bytes up to the end of the key frame, whose picture of %d bytes begins at %d", len(first), size, mdat+8)
	}
}

// TestAStoredSegmentIsThereAsItWasOrNotAtAll takes a placement while the newest segment is open, and reads with it after more was
// written, after the segment was closed, and after the oldest was deleted.
func TestAStoredSegmentIsThereAsItWasOrNotAtAll(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	run, fragments := k.fragments(id, film{start: epoch, seconds: 60, audio: &plainAudio, size: 200})
	w := k.begin(run)
	k.append(w, fragments[:70])
	p := k.permit(id, access.Playback)
	placement, err := k.Placement(t.Context(), p, media.Main, Span{epoch, at(60)})
	ok(t, err)
	read := func(s SegmentPlacement) []byte {
		t.Helper()
		c, err := k.OpenStored(t.Context(), k.permit(id, access.Playback), media.Main, Span{s.From, s.To})
		return all(t, c, err)
	}
	var before [][]byte
	for _, s := range placement {
		before = append(before, read(s))
	}
	if len(before) < 4 {
		t.Fatalf("%d segments", len(before))
	}
	k.append(w, fragments[70:])
	ok(t, w.End(t.Context(), "over"))
	_, err = k.DeleteFootage(t.Context(), k.permit(id, access.Manage), Span{epoch, at(1)})
	ok(t, err)
	for i, s := range placement {
		if i > 0 && !bytes.Equal(read(s), before[i]) {
			t.Errorf("segment %d changed", i)
		}
	}
	for _, gone := range []Span{{placement[0].From, placement[0].To}, {placement[1].From.Add(time.Microsecond), placement[1].To}, {placement[0].From, placement[2].To}} {
		_, err = k.OpenStored(t.Context(), k.permit(id, access.Playback), media.Main, gone)
		wantErr(t, err, ErrNoFootage)
	}
	_, err = k.Placement(t.Context(), k.permit(id, access.Live), media.Main, Span{epoch, at(60)})
	wantErr(t, err, access.ErrDenied)
	_, err = k.OpenStored(t.Context(), k.permit(id, access.Manage), media.Main, Span{placement[1].From, placement[1].To})
	wantErr(t, err, access.ErrDenied)
}
