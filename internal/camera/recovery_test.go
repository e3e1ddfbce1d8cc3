package camera

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
)

// x265 describes an intra refresh nowhere: the message stands before its first picture, each time. recovery_poc_cnt is 24.
var refreshSEI = []byte{0x4e, 0x01, 6, 2, 0x06, 0x04, 0x80}

var joinedStreams = map[string]struct {
	codec, params string
	refresh       int
	open          bool
	lost          int // pictures of the source from the recovery point on, in the order of display, that are not exact
}{
	"H.264, open GOP":              {codec: "libx264", params: "open-gop=1:keyint=50:min-keyint=50:bframes=3:b-adapt=0:b-pyramid=none:scenecut=0", open: true},
	"H.264, open GOP with pyramid": {codec: "libx264", params: "open-gop=1:keyint=50:min-keyint=50:bframes=3:b-adapt=0:scenecut=0", open: true},
	"H.264, intra refresh":         {codec: "libx264", params: "intra-refresh=1:keyint=50:bframes=0", refresh: 18, open: true, lost: 18},
	"H.264, closed GOP":            {codec: "libx264", params: "keyint=50:min-keyint=50:bframes=3:scenecut=0"},
	"H.265, open GOP":              {codec: "libx265", params: "log-level=error:open-gop=1:keyint=50:min-keyint=50:bframes=3:b-adapt=0:scenecut=0", open: true},
	"H.265, closed GOP":            {codec: "libx265", params: "log-level=error:open-gop=0:keyint=50:min-keyint=50:bframes=3:scenecut=0"},
}

// Whoever joins such a stream gets each picture from the recovery point on, bit by bit as its encoder meant it.
func TestAStreamJoinedMidwayIsRecordedFromItsNextRecoveryPoint(t *testing.T) {
	for name, c := range joinedStreams {
		t.Run(name, func(t *testing.T) {
			src := mediatest.Clip(t, "8", c.codec, false, "-x264-params", c.params, "-x265-params", c.params)
			whole := framesOf(t, write(t, src.Video, src.Units))
			items := join(t, src, 30)
			checkUnits(t, items)
			u := items[0].Unit
			if u.Open != c.open || u.Refresh != c.refresh {
				t.Errorf("begins with open %v and a refresh of %d pictures, want %v and %d", u.Open, u.Refresh, c.open, c.refresh)
			}
			var units []*media.Unit
			randoms := 0
			for i, it := range items {
				units = append(units, it.Unit)
				if it.Unit.PTS < items[0].Unit.PTS {
					t.Errorf("picture %d is shown before the first one", i)
				}
				if it.Unit.Random {
					randoms++
				}
				if i > 25 && it.Unit.DTS-items[i-1].Unit.DTS != 3600 {
					t.Errorf("picture %d is decoded %d ticks after the one before", i, it.Unit.DTS-items[i-1].Unit.DTS)
				}
			}
			got := framesOf(t, write(t, *items[0].Video, units))
			if want := len(units) - c.lost; randoms != 3 || len(units) < 140 || len(got) != want {
				t.Fatalf("%d recovery points; %d pictures decode of %d recorded ones, want %d", randoms, len(got), len(units), want)
			}
			for i, sum := range whole[len(whole)-len(got):] {
				if got[i] != sum {
					t.Fatalf("picture %d of %d differs from its source", i, len(got))
				}
			}
		})
	}
}

// join sends the source from one of its pictures on, as RTP packets, with parameter sets before each picture that might need them.
func join(t *testing.T, src mediatest.Source, from int) []Item {
	t.Helper()
	f := newFeeder(t, src.Video.Codec == media.H265)
	for _, u := range src.Units[from:] {
		au := u.Data
		if u.Random || f.v.recoveryAmong(au) {
			au = append(slicesOf(src.Video), au...)
		}
		for i, nalu := range au {
			p := &rtp.Packet{Header: rtp.Header{Marker: i == len(au)-1, SequenceNumber: f.seq, Timestamp: uint32(u.PTS)}, Payload: nalu}
			f.v.take(p, packetTime{stamp: p.Timestamp, pts: u.PTS, at: u.Arrived})
			f.seq++
		}
	}
	return f.v.flushed()
}

func (v *video) recoveryAmong(au [][]byte) bool {
	for _, nalu := range au {
		if v.recoveryIn(nalu).known {
			return true
		}
	}
	return false
}

func slicesOf(t media.VideoTrack) [][]byte {
	if t.Codec == media.H265 {
		return [][]byte{t.VPS, t.SPS, t.PPS}
	}
	return [][]byte{t.SPS, t.PPS}
}

// write records the units as a run, and returns its file.
func write(t *testing.T, track media.VideoTrack, units []*media.Unit) string {
	t.Helper()
	id := media.StreamID{Camera: media.CameraID{1}, Quality: media.Main}
	key := media.DeriveLabelKey([32]byte{}, id.Camera)
	run, err := media.NewRun(id, time.Now(), track, nil, key)
	if err != nil {
		t.Fatal(err)
	}
	m, file := media.NewMuxer(run, key), bytes.Clone(run.Init)
	add := func(f *media.Fragment, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if f != nil {
			file = append(file, f.Bytes...)
		}
	}
	for _, u := range units {
		add(m.Write(u))
	}
	add(m.Flush())
	path := filepath.Join(t.TempDir(), "run.mp4")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// framesOf has ffmpeg decode a file and returns the MD5 of each frame.
func framesOf(t *testing.T, path string) (sums []string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "fatal", "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			fields := strings.Split(strings.TrimSpace(line), ",")
			sums = append(sums, strings.TrimSpace(fields[len(fields)-1]))
		}
	}
	return sums
}

// x265 refreshes, and does not say so. With the message before it, the stream is recorded; without, nothing can be known.
func TestARefreshOfH265IsKnownByItsMessageOnly(t *testing.T) {
	src := mediatest.Clip(t, "6", "libx265", false, "-x265-params", "log-level=error:intra-refresh=1:keyint=25:bframes=0")
	if items := join(t, src, 30); len(items) != 0 {
		t.Fatalf("%d pictures of a stream without a recovery point", len(items))
	}
	for i := 25; i < len(src.Units); i += 25 {
		u := *src.Units[i]
		u.Data = append([][]byte{refreshSEI}, u.Data...)
		src.Units[i] = &u
	}
	items := join(t, src, 30)
	if len(items) == 0 || len(items) != len(src.Units)-50 || items[0].Unit.Refresh != 24 {
		t.Fatalf("%d pictures of %d, or another refresh than 24", len(items), len(src.Units)-50)
	}
	var units []*media.Unit
	for i, it := range items {
		units = append(units, it.Unit)
		if i > 1 && it.Unit.DTS-items[i-1].Unit.DTS != 3600 {
			t.Errorf("picture %d is decoded %d ticks after the one before", i, it.Unit.DTS-items[i-1].Unit.DTS)
		}
	}
	if got := framesOf(t, write(t, *items[0].Video, units)); len(got) != len(units) { // x265 never gets as far as exact pictures
		t.Errorf("%d pictures decode of %d", len(got), len(units))
	}
}

func TestRecoveryPointsOfEachKind(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec media.Codec
		nalu  []byte
		want  recovery
	}{
		{"at once", media.H264, []byte{6, 6, 1, 0xc4, 0x80}, recovery{true, 0}},
		{"after 18", media.H264, []byte{6, 6, 2, 0x09, 0xc4, 0x80}, recovery{true, 18}},
		{"behind another message", media.H264, []byte{6, 5, 3, 1, 2, 3, 6, 1, 0xc4, 0x80}, recovery{true, 0}},
		{"behind a long message", media.H264, append(append([]byte{6, 5, 255, 1}, bytes.Repeat([]byte{7}, 256)...), 6, 1, 0xc4, 0x80), recovery{true, 0}},
		{"another message", media.H264, []byte{6, 5, 1, 0xc4, 0x80}, recovery{}},
		{"cut off", media.H264, []byte{6, 6, 9, 0xc4, 0x80}, recovery{}},
		{"never", media.H264, []byte{6, 6, 5, 0, 3, 0, 3, 0, 0x80}, recovery{}},
		{"H.265, after 24", media.H265, refreshSEI, recovery{true, 24}},
		{"H.265, behind it", media.H265, []byte{0x4e, 1, 6, 1, 0x78, 0x80}, recovery{true, 0}},
		{"H.265, at once", media.H265, []byte{0x4e, 1, 6, 1, 0xd0, 0x80}, recovery{true, 0}},
		{"H.265, behind its picture", media.H265, []byte{0x50, 1, 6, 1, 0xd0, 0x80}, recovery{}},
	} {
		if got := (&video{codec: c.codec}).recoveryIn(c.nalu); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Some encoders say that each picture is a recovery point. Only what needs no other picture is believed at once.
func TestAPictureThatRefersToOthersIsNoRecoveryPointByItsMessageAlone(t *testing.T) {
	sps, pps, _ := sets(t)
	f := newFeeder(t, false)
	point := []byte{6, 6, 1, 0xc4, 0x80}
	for range 5 {
		f.picture(0, true, sps, pps, point, delta)
	}
	if items := f.v.flushed(); len(items) > 0 {
		t.Fatalf("recording begins with a picture that refers to others")
	}
	f.picture(0, true, sps, pps, point, []byte{0x41, 0xb8, 0x24, 0, 1}) // slice_type 2
	f.picture(0, true, point, delta)
	items := f.v.flushed()
	if len(items) != 2 || !items[0].Unit.Random || items[1].Unit.Random {
		t.Fatal(fmt.Sprint(len(items), " pictures"))
	}
}

func FuzzRecoveryPoint(f *testing.F) {
	f.Add([]byte{6, 6, 1, 0xc4, 0x80}, false)
	f.Add([]byte{6, 5, 255, 255, 6, 2, 0x09, 0xc4, 0x80}, false)
	f.Add(refreshSEI, true)
	f.Fuzz(func(t *testing.T, nalu []byte, hevc bool) {
		v := &video{codec: media.H264}
		if hevc {
			v.codec = media.H265
		}
		if len(nalu) <= v.headerSize() {
			return
		}
		if p := v.recoveryIn(nalu); p.pictures < 0 || p.pictures > longestRefresh || !p.known && p.pictures != 0 {
			t.Errorf("%+v", p)
		}
		v.pps = nalu
		v.onlyIntra(nalu)
	})
}

func TestWhatIsNotRecordedIsRefusedWithWhatToDo(t *testing.T) {
	for want, err := range map[string]*codecError{
		"the camera offers JPEG, which is not recorded; set this stream's codec to H.264 or H.265 in the camera":                                {offered: []string{"JPEG"}},
		"the camera offers sound only, and sound is recorded only beside video; switch its video on, or use the address of a stream with video": {sound: true},
		"the camera offers no video at this address; use the address of a stream with video":                                                    {},
	} {
		if kind, reason := sort(err); kind != Unsupported || reason != want {
			t.Errorf("kind %d, %q, want %q", kind, reason, want)
		}
	}
}

// Decoders give up at the recovery points of a refresh whose frame_num is 0: here each eighth, as FFmpeg shows.
func TestNobodyBeginsAtARefreshWhoseNumberIsZero(t *testing.T) {
	src := mediatest.Clip(t, "16", "libx264", false, "-x264-params", "intra-refresh=1:keyint=20:bframes=0:threads=1")
	v := newTestVideo(t, lone(), h264Format())
	v.sps = src.Video.SPS
	var sps h264.SPS
	if err := sps.Unmarshal(src.Video.SPS); err != nil {
		t.Fatal(err)
	}
	zero, others := 0, 0
	for i, u := range src.Units {
		a := v.sortOut(u.Data)
		if i == 0 || !slices.ContainsFunc(u.Data, func(nalu []byte) bool { return v.recoveryIn(nalu).known }) {
			continue
		}
		head, err := parseSlice(u.Data[len(u.Data)-1], &sps)
		if err != nil {
			t.Fatal(err)
		}
		if a.random != (head.number != 0) {
			t.Errorf("picture %d with number %d: can begin %v", i, head.number, a.random)
		}
		if head.number == 0 {
			zero++
		} else {
			others++
		}
	}
	if zero < 2 || others < 14 {
		t.Errorf("%d recovery points with number 0 and %d others", zero, others)
	}
	for i := range 4 { // a camera whose refreshes all begin with number 0
		v.point = recovery{known: true, pictures: 19}
		if can := v.canBegin([]byte{0x41, 0x9a, 0, 0, 0, 0, 0, 0, 0}); can != (i%2 == 1) {
			t.Errorf("recovery point %d: can begin %v", i, can)
		}
	}
}
