package camera

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestACameraThatCountsSamplesDespiteItsDescriptionIsFollowed(t *testing.T) {
	usable, _ := repairDescription([]byte(sdpHead + sdpVideo + soundMedium("97", "MPEG4-GENERIC/8000/1", "97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408")))
	s := lone()
	s.dialer = &dialer{}
	s.dialer.understood(usable, nil)
	m := described(t, string(usable)).Medias[1]
	a := newAudio(s, m, m.Formats[0])
	const n = 400
	for i := range n {
		p := &rtp.Packet{Header: rtp.Header{Marker: true, SequenceNumber: uint16(65500 + i), Timestamp: uint32(1024 * i)}, Payload: []byte{0, 16, 0, 16, 1, 2}}
		a.take(p, packetTime{stamp: p.Timestamp, pts: int64(p.Timestamp), at: time.Now().Add(time.Duration(i) * 64 * time.Millisecond)})
	}
	items := s.drain()
	for i := n / 2; i < n; i++ {
		if d := items[i].Unit.DTS - items[i-1].Unit.DTS; d != 1024 {
			t.Fatalf("frame %d comes %d ticks after the one before", i, d)
		}
	}
	if all := items[n-1].Unit.DTS - items[0].Unit.DTS; all < 1024*(n-12) || all > 1024*(n+12) {
		t.Errorf("%d frames last %d ticks", n, all)
	}
}

func TestSoundIsTimedByTheClockOfItsDescription(t *testing.T) {
	const aac = "97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408" // of 16 kHz
	for _, c := range []struct {
		text         string
		ticks, lasts int64 // between two packets: of their timestamps, and of the track
		payloads     []byte
	}{
		{text: soundMedium("97", "MPEG4-GENERIC/16000/1", aac), ticks: 1024, lasts: 1024, payloads: []byte{0, 16, 0, 16, 1, 2}},
		{text: soundMedium("97", "MPEG4-GENERIC/8000/1", aac), ticks: 512, lasts: 1024, payloads: []byte{0, 16, 0, 16, 1, 2}},
		{text: soundMedium("97", "MPEG4-GENERIC/90000/1", aac), ticks: 5760, lasts: 1024, payloads: []byte{0, 16, 0, 16, 1, 2}},
		{text: soundMedium("9", "G722/8000", ""), ticks: 160, lasts: 320, payloads: make([]byte, 160)},
		{text: soundMedium("9", "G722/16000", ""), ticks: 320, lasts: 320, payloads: make([]byte, 160)},
		{text: soundMedium("9", "", ""), ticks: 160, lasts: 320, payloads: make([]byte, 160)},
		{text: soundMedium("97", "PCMU/16000", ""), ticks: 160, lasts: 160, payloads: make([]byte, 160)},
	} {
		usable, _ := repairDescription([]byte(sdpHead + sdpVideo + c.text))
		s := lone()
		s.dialer = &dialer{}
		s.dialer.understood(usable, nil)
		m := described(t, string(usable)).Medias[1]
		a := newAudio(s, m, m.Formats[0])
		if a == nil {
			t.Fatalf("not recorded: %s", c.text)
		}
		rate := time.Duration(a.track.SampleRate)
		for i := range 50 {
			pts := int64(i) * c.ticks
			p := &rtp.Packet{Header: rtp.Header{Marker: true, SequenceNumber: uint16(i), Timestamp: uint32(pts)}, Payload: c.payloads}
			a.take(p, packetTime{stamp: p.Timestamp, pts: pts, at: time.Now().Add(time.Duration(i) * time.Duration(c.lasts) * time.Second / rate)})
		}
		items := s.drain()
		if len(items) != 50 {
			t.Errorf("%d frames: %s", len(items), c.text)
		}
		for i := 1; i < len(items); i++ {
			if d := items[i].Unit.DTS - items[i-1].Unit.DTS; d != c.lasts {
				t.Errorf("frame %d comes %d ticks after the one before, want %d: %s", i, d, c.lasts, c.text)
				break
			}
		}
	}
}

func TestACameraThatSetsItsClockBetweenPacketsOfSeveralFramesGoesOnEvenly(t *testing.T) {
	s := lone()
	a := newTestAudio(t, s)
	base, frames := time.Now(), int64(0)
	for i := range 100 {
		n := int64(1 + i%3) // frames in the packet
		pts := frames * 1024
		if i >= 50 {
			pts += 5 * 3600 * 16000
		}
		payload := []byte{0, byte(16 * n)}
		for range n {
			payload = append(payload, 0, 16) // two bytes each, RFC 3640 section 3.2.1
		}
		frames += n
		a.take(&rtp.Packet{Header: rtp.Header{Marker: true, SequenceNumber: uint16(i)}, Payload: append(payload, make([]byte, 2*n)...)},
			packetTime{pts: pts, at: base.Add(time.Duration(frames) * 64 * time.Millisecond)}) // when its last frame is complete
	}
	items := s.drain()
	if int64(len(items)) != frames {
		t.Fatalf("%d of %d frames", len(items), frames)
	}
	for i := 1; i < len(items); i++ {
		if d := items[i].Unit.DTS - items[i-1].Unit.DTS; d != 1024 {
			t.Errorf("frame %d comes %d ticks after the one before", i, d)
		}
	}
}
