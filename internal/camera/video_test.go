package camera

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
)

// feeder sends frames to a video like a camera: one packet per NAL unit, 25 frames a second.
type feeder struct {
	v    *video
	s    *Session
	seq  uint16
	n    int64
	base time.Time
}

func newFeeder(t *testing.T, h265 bool) *feeder {
	t.Helper()
	s, of := lone(), h264Format
	if h265 {
		of = h265Format
	}
	return &feeder{v: newTestVideo(t, s, of()), s: s, base: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// picture sends the NAL units as one frame, with a stamp that is off by some ticks.
func (f *feeder) picture(off int64, marker bool, nalus ...[]byte) {
	pts := f.n*3600 + off
	for i, n := range nalus {
		p := &rtp.Packet{Header: rtp.Header{Marker: marker && i == len(nalus)-1, SequenceNumber: f.seq, Timestamp: uint32(pts)}, Payload: n}
		f.v.take(p, packetTime{stamp: p.Timestamp, pts: pts, at: f.base.Add(time.Duration(f.n) * 40 * time.Millisecond)})
		f.seq++
	}
	f.n++
}

// Parameter sets of x264: frames of 320×240, no reordering. pps0 and pps1 differ in their number.
func sets(t testing.TB, options ...string) (sps, pps0, pps1 []byte) {
	t.Helper()
	src := mediatest.Clip(t, "0.1", "libx264", false, append([]string{"-profile:v", "baseline", "-bf", "0"}, options...)...)
	return src.Video.SPS, src.Video.PPS, append([]byte{src.Video.PPS[0], 0x40 | src.Video.PPS[1]&0x3f}, src.Video.PPS[2:]...)
}

var (
	idr   = []byte{0x65, 0x88, 0x84, 0, 1}
	delta = []byte{0x41, 0x9a, 0x24, 0, 1}
	more  = []byte{0x41, 0x40, 0x24, 0, 1} // another slice of the same picture
	sei   = []byte{0x06, 5, 1, 7, 0x80}
)

func TestAStampThatIsHoursAwayOrBackwardsLosesNoPicture(t *testing.T) {
	sps, pps, _ := sets(t)
	const hour = 3600 * media.VideoTimescale
	for _, c := range []struct {
		name string
		off  func(n int64) int64
	}{
		{"one ahead", func(n int64) int64 { return map[int64]int64{30: 5 * hour}[n] }},
		{"one behind", func(n int64) int64 { return map[int64]int64{30: -5 * hour}[n] }},
		{"now and then", func(n int64) int64 {
			if n%7 == 3 {
				return hour * (n%3 - 1) * 4
			}
			return 0
		}},
		{"a new count", func(n int64) int64 {
			if n >= 30 {
				return -7 * hour
			}
			return 0
		}},
		{"a new count far ahead", func(n int64) int64 {
			if n >= 30 {
				return 9 * hour
			}
			return 0
		}},
		{"pairs of equal stamps", func(n int64) int64 { return -(n % 2) * 3600 }},
		{"always the same stamp", func(n int64) int64 { return -n * 3600 }},
		{"a second back", func(n int64) int64 {
			if n >= 30 {
				return -media.VideoTimescale
			}
			return 0
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFeeder(t, false)
			for n := range int64(100) {
				if n%25 == 0 {
					f.picture(c.off(n), true, sps, pps, idr)
				} else {
					f.picture(c.off(n), true, delta)
				}
			}
			items := f.v.flushed()
			checkUnits(t, items)
			if len(items) != 100 {
				t.Fatalf("%d pictures of 100", len(items))
			}
			for n, it := range items {
				if off := it.Unit.PTS - items[0].Unit.PTS - int64(n)*3600; off > 9000 || off < -9000 {
					t.Fatalf("picture %d is %d ticks off", n, off)
				}
			}
		})
	}
}

// The network holds up the first unit with the new count. That must not become a hole in the media.
func TestACameraThatSetsItsClockWhileTheNetworkStallsGoesOnEvenly(t *testing.T) {
	const step = 1024
	for _, jump := range []int64{5 * 3600 * 16000, -5 * 3600 * 16000} {
		s := stamps{rate: 16000}
		base, last := time.Now(), int64(math.MinInt64)
		for n := range int64(200) {
			raw, at := n*step, time.Duration(n)*64*time.Millisecond
			if n >= 100 {
				raw += jump
			}
			if n >= 100 && n < 115 {
				at = 115 * 64 * time.Millisecond // almost a second comes at once
			}
			given := s.correct(raw, base.Add(at), last)
			if n > 0 && given != last+step {
				t.Fatalf("unit %d is %d ticks after the one before, want %d", n, given-last, step)
			}
			last = given
		}
	}
}

// Stamps that never make sense are left to the arrival, which no usual step may outrun or lag behind for long.
func TestStampsThatNeverMakeSenseFollowTheArrival(t *testing.T) {
	for _, apart := range []time.Duration{16 * time.Millisecond, 200 * time.Millisecond} { // 64 before
		s := stamps{rate: 16000}
		base, at, last := time.Now(), time.Duration(0), int64(math.MinInt64)
		for n := range int64(1000) {
			raw := n * 1024
			if at += 64 * time.Millisecond; n >= 100 {
				at += apart - 64*time.Millisecond
				raw = n * n * n % 97 * 3600 * 16000 // hours apart, each from the one before
			}
			last = s.correct(raw, base.Add(at), last)
			if off := time.Duration(last)*time.Second/16000 - at; off > time.Second || off < -maxEarly-time.Second {
				t.Fatalf("%v apart: unit %d is %v off", apart, n, off)
			}
		}
	}
}

func TestADelayedNetworkChangesNoStamps(t *testing.T) {
	sps, pps, _ := sets(t)
	f := newFeeder(t, false)
	f.picture(0, true, sps, pps, idr)
	for n := int64(1); n < 500; n++ {
		p := &rtp.Packet{Header: rtp.Header{Marker: true, SequenceNumber: f.seq}, Payload: delta}
		f.seq++
		at := time.Duration(n) * 40 * time.Millisecond
		if n > 100 && n < 300 {
			at = 12 * time.Second // eight seconds come at once
		}
		if n%50 < 10 {
			n += 10 // and some not at all
		}
		p.Timestamp = uint32(n * 3600)
		f.v.take(p, packetTime{stamp: p.Timestamp, pts: n * 3600, at: f.base.Add(at)})
	}
	for _, it := range f.v.flushed() {
		if it.Unit.PTS%3600 != 0 || it.Unit.PTS != it.Unit.DTS {
			t.Fatalf("a picture is stamped %d, decoded at %d", it.Unit.PTS, it.Unit.DTS)
		}
	}
}

// A recorder scales them. Here they must not count as single wrong stamps.
func TestStampsAtASteadyWrongRateAreBelieved(t *testing.T) {
	sps, pps, _ := sets(t)
	for _, apart := range []time.Duration{32 * time.Millisecond, 48 * time.Millisecond} { // 40 are stamped
		f := newFeeder(t, false)
		f.picture(0, true, sps, pps, idr)
		for n := int64(1); n < 15000; n++ {
			p := &rtp.Packet{Header: rtp.Header{Marker: true, SequenceNumber: f.seq, Timestamp: uint32(n * 3600)}, Payload: delta}
			f.seq++
			f.v.take(p, packetTime{stamp: p.Timestamp, pts: n * 3600, at: f.base.Add(time.Duration(n) * apart)})
		}
		items := f.v.flushed()
		if len(items) != 15000 {
			t.Fatalf("%d pictures of 15000", len(items))
		}
		for n, it := range items {
			if it.Unit.DTS != int64(n)*3600 {
				t.Fatalf("%v apart: picture %d is to be decoded at %d", apart, n, it.Unit.DTS)
			}
		}
	}
}

func TestALostMarkerEndsAPictureAtTheNextStamp(t *testing.T) {
	sps, pps, _ := sets(t)
	for _, always := range []bool{false, true} {
		f := newFeeder(t, false)
		f.picture(0, true, sps, pps, idr)
		for n := int64(1); n < 50; n++ {
			f.picture(0, !always && n != 20, delta, more)
			if n == 20 {
				f.seq++ // the packet with the marker
			}
		}
		f.picture(0, true, delta)
		items := f.v.flushed()
		if len(items) != 51 {
			t.Fatalf("no marker ever %v: %d pictures of 51", always, len(items))
		}
		for n, it := range items {
			if it.Unit.PTS != int64(n)*3600 || it.Unit.Damaged != (n == 20) {
				t.Errorf("no marker ever %v: picture %d is stamped %d, damaged %v", always, n, it.Unit.PTS, it.Unit.Damaged)
			}
		}
	}
}

func TestLostPacketsDamageThePictureThatLacksThem(t *testing.T) {
	sps, pps, _ := sets(t)
	f := newFeeder(t, false)
	f.picture(0, true, sps, pps, idr)
	f.seq += 3
	f.picture(0, true, delta)
	f.picture(0, true, delta)
	for n, it := range f.v.flushed() {
		if it.Unit.Damaged != (n == 1) {
			t.Errorf("picture %d: damaged %v", n, it.Unit.Damaged)
		}
	}
}

func TestNothingIsLostOfOddlyPackedPictures(t *testing.T) {
	sps, pps0, pps1 := sets(t)
	changed := append(bytes.Clone(pps0), 0x80)
	stap := []byte{24, 0, byte(len(sps))}
	stap = append(append(append(stap, sps...), 0, byte(len(pps0))), pps0...)
	for _, c := range []struct {
		name string
		send func(f *feeder)
		want [][][]byte // NAL units of each picture
		runs int
	}{
		{"sets in one packet", func(f *feeder) { f.picture(0, true, stap, idr); f.picture(0, true, delta) }, [][][]byte{{idr}, {delta}}, 1},
		{"marker on each", func(f *feeder) {
			f.picture(0, true, sps)
			f.n--
			f.picture(0, true, pps0)
			f.n--
			f.picture(0, true, sei)
			f.n--
			f.picture(0, true, idr)
		}, [][][]byte{{sei, idr}}, 1},
		{"empty and one-byte units", func(f *feeder) { f.picture(0, true, sps, pps0, []byte{}, []byte{9}, idr) }, [][][]byte{{idr}}, 1},
		{"no key frame at first", func(f *feeder) { f.picture(0, true, delta); f.picture(0, true, sps, pps0, idr) }, [][][]byte{{idr}}, 1},
		{"no parameter sets at first", func(f *feeder) { f.picture(0, true, idr); f.picture(0, true, sps, pps0, idr) }, [][][]byte{{idr}}, 1},
		{"two picture parameter sets", func(f *feeder) {
			f.picture(0, true, sps, pps0, pps1, idr)
			f.picture(0, true, delta)
			f.picture(0, true, sps, pps0, pps1, idr)
		}, [][][]byte{{pps1, idr}, {delta}, {pps1, idr}}, 1},
		{"a picture parameter set changes between key frames", func(f *feeder) {
			f.picture(0, true, sps, pps0, idr)
			f.picture(0, true, changed, delta)
			f.picture(0, true, delta)
			f.picture(0, true, sps, changed, idr)
		}, [][][]byte{{idr}, {changed, delta}, {delta}, {idr}}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFeeder(t, false)
			c.send(f)
			items := f.v.flushed()
			checkUnits(t, items)
			if len(items) != len(c.want) {
				t.Fatalf("%d pictures, want %d", len(items), len(c.want))
			}
			runs := map[*media.VideoTrack]bool{}
			for i, it := range items {
				runs[it.Video] = true
				if got, want := bytes.Join(it.Unit.Data, []byte("|")), bytes.Join(c.want[i], []byte("|")); !bytes.Equal(got, want) {
					t.Errorf("picture %d holds %x, want %x", i, got, want)
				}
			}
			if len(runs) != c.runs {
				t.Errorf("%d tracks, want %d", len(runs), c.runs)
			}
		})
	}
}

func TestAnotherSizeOfPictureIsAnotherTrackFromTheKeyFrameOn(t *testing.T) {
	sps, pps, _ := sets(t)
	larger, largerPPS, _ := sets(t, "-vf", "scale=640:480")
	f := newFeeder(t, false)
	f.picture(0, true, sps, pps, idr)
	f.picture(0, true, larger, largerPPS, delta)
	f.picture(0, true, larger, largerPPS, idr)
	items := f.v.flushed()
	if len(items) != 3 || items[0].Video != items[1].Video || items[2].Video.Width != 640 || items[0].Video.Width != 320 {
		t.Fatalf("%d pictures, widths %d and %d", len(items), items[0].Video.Width, items[2].Video.Width)
	}
}

func TestPicturesThatReferToWhatWasBeforeTheStartAreLeftOut(t *testing.T) {
	src := mediatest.Clip(t, "0.1", "libx265", false, "-x265-params", "log-level=none")
	f := newFeeder(t, true)
	cra, rasl, trail := []byte{21 << 1, 1, 0xac, 0x40, 1}, []byte{9 << 1, 1, 0xd0, 1, 1}, []byte{1 << 1, 1, 0xd0, 1, 1}
	keyed := [][]byte{src.Video.VPS, src.Video.SPS, src.Video.PPS, cra}
	f.picture(0, true, keyed...)
	f.picture(0, true, rasl)
	f.picture(0, true, trail)
	f.picture(0, true, keyed...)
	f.picture(0, true, rasl)
	items := f.v.flushed()
	checkUnits(t, items)
	if len(items) != 4 || items[1].Unit.Data[0][0] != trail[0] || items[3].Unit.Data[0][0] != rasl[0] {
		t.Errorf("%d pictures", len(items))
	}
}

func TestAUnitKeepsNoMoreMemoryThanItNeeds(t *testing.T) {
	sps, pps, _ := sets(t)
	f := newFeeder(t, false)
	packet := bytes.Repeat([]byte{1}, 60000)
	packet = append([]byte{24, byte(len(packet) >> 8), byte(len(packet) & 0xff), 7}, packet[1:]...)
	packet = append(append(packet, 0, byte(len(delta))), delta...)
	f.picture(0, true, sps, pps, idr)
	f.picture(0, true, packet)
	last := f.v.flushed()[1].Unit.Data[0]
	if &last[0] == &packet[len(packet)-len(delta)] {
		t.Error("a small picture keeps a large packet in memory")
	}
}
