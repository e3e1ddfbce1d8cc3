package camera

import (
	"bytes"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
)

// eachMarked sends NAL units as one picture, with the marker on every packet.
func (f *feeder) eachMarked(nalus ...[]byte) {
	for i, n := range nalus {
		f.picture(0, true, n)
		if i < len(nalus)-1 {
			f.n--
		}
	}
}

func TestAMarkerOnEverySliceTearsNoPicture(t *testing.T) {
	for _, h265 := range []bool{false, true} {
		codec, options := "libx264", []string{"-bf", "0", "-g", "8", "-x264-params", "slices=4"}
		if h265 {
			codec, options = "libx265", []string{"-x265-params", "log-level=none:slices=3:bframes=0:keyint=8"}
		}
		src := mediatest.Clip(t, "1", codec, false, options...)
		f := newFeeder(t, h265)
		slices := 0
		for _, u := range src.Units {
			nalus := u.Data
			if u.Random {
				nalus = append([][]byte{src.Video.SPS, src.Video.PPS}, nalus...)
				if h265 {
					nalus = append([][]byte{src.Video.VPS}, nalus...)
				}
			}
			slices = max(slices, len(u.Data))
			f.eachMarked(nalus...)
		}
		items := f.v.flushed()
		checkUnits(t, items)
		if len(items) != len(src.Units) || slices < 3 {
			t.Errorf("H.265 %t: %d pictures of %d with up to %d slices", h265, len(items), len(src.Units), slices)
			continue
		}
		for i, it := range items {
			if want := bytes.Join(src.Units[i].Data, nil); !bytes.Equal(bytes.Join(it.Unit.Data, nil), want) || it.Unit.PTS != int64(i)*3600 {
				t.Errorf("H.265 %t: picture %d has %d NAL units at %d", h265, i, len(it.Unit.Data), it.Unit.PTS)
			}
		}
	}
}

func TestAPictureMayHaveMoreSlicesThanTheLibraryTakes(t *testing.T) {
	sps, pps, _ := sets(t)
	f := newFeeder(t, false)
	nalus := [][]byte{sps, pps, idr}
	for range 300 {
		nalus = append(nalus, more)
	}
	f.picture(0, true, nalus...)
	if items := f.v.flushed(); len(items) != 1 || len(items[0].Unit.Data) != 301 {
		t.Errorf("%d pictures", len(items))
	}
}

// With a marker that can be relied on, a picture is passed on when its last packet comes, and not when the next one begins.
func TestAReliableMarkerEndsAPictureAtOnce(t *testing.T) {
	sps, pps, _ := sets(t)
	f := newFeeder(t, false)
	f.picture(0, true, sps, pps, idr)
	for range enoughMarkers + 3 {
		f.picture(0, true, delta, more)
	}
	if n := len(f.s.drain()); n != enoughMarkers+4 {
		t.Errorf("%d pictures have come of %d", n, enoughMarkers+4)
	}
	f.eachMarked(delta, more) // from here on the marker is on each slice
	f.eachMarked(delta, more)
	f.eachMarked(delta, more)
	if items := f.v.flushed(); len(items) != 4 { // the first of these is torn: nothing told before
		t.Errorf("%d pictures", len(items))
	}
}

func TestTheTwoFieldsOfAFrameAreOnePicture(t *testing.T) {
	src := mediatest.Clip(t, "0.2", "libx264", false, "-flags", "+ildct+ilme", "-x264-params", "bframes=0:interlaced=1")
	if len(src.Units) == 0 {
		t.Fatal("nothing is encoded")
	}
	f := newFeeder(t, false)
	for i, u := range src.Units {
		nalus := u.Data
		if i == 0 {
			nalus = append([][]byte{src.Video.SPS, src.Video.PPS}, nalus...)
		}
		f.picture(0, true, nalus...)
	}
	if items := f.v.flushed(); len(items) != len(src.Units) {
		t.Errorf("%d pictures of %d", len(items), len(src.Units))
	}
	// Fields of their own, as a slice header says: frame_num 3, field_pic_flag 1, and the bottom one.
	v := newTestVideo(t, lone(), h264Format())
	v.sps = src.Video.SPS
	v.codec = media.H264
	top, bottom := fieldSlice(t, v, false, 3), fieldSlice(t, v, true, 3)
	if !v.sameFrame(top, bottom) || v.sameFrame(top, top) || v.sameFrame(top, fieldSlice(t, v, true, 4)) {
		t.Error("fields are not told apart")
	}
}

// fieldSlice returns the beginning of a slice of a field.
func fieldSlice(t *testing.T, v *video, bottom bool, number uint64) []byte {
	t.Helper()
	var sps h264.SPS
	if err := sps.Unmarshal(v.sps); err != nil || sps.FrameMbsOnlyFlag {
		t.Fatalf("%v, only frames %t", err, sps.FrameMbsOnlyFlag)
	}
	b, pos := make([]byte, 16), 0
	for range 3 {
		bits.WriteFlagUnsafe(b, &pos, true) // 0
	}
	bits.WriteBitsUnsafe(b, &pos, number, int(sps.Log2MaxFrameNumMinus4+4))
	bits.WriteFlagUnsafe(b, &pos, true)
	bits.WriteFlagUnsafe(b, &pos, bottom)
	bits.WriteBitsUnsafe(b, &pos, 1, 1)
	return append([]byte{0x41}, b...)
}
