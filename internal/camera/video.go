package camera

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpav1"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph265"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmjpeg"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
)

// video turns the RTP packets of one medium into units. It runs on the library's network loop and never waits.
type video struct {
	session *Session
	medium  *description.Media
	format  format.Format
	codec   media.Codec
	decode  func(*rtp.Packet) ([][]byte, error)
	more    []error // errors that decode returns normally

	mu      sync.Mutex // of all below
	ticker  ticker
	open    picture
	markers markers
	next    uint16 // sequence number of the next packet
	begun   bool   // next is known
	held    int    // bytes of packets since the last unit, which its NAL units may keep in memory

	vps, sps, pps []byte // the newest
	track         *media.VideoTrack
	pending       [][]byte // NAL units without a frame, for the next frame
	damage        bool     // packets were lost since the last unit
	point         recovery // of the next frame
	passedOver    bool     // the newest recovery point was, see canBegin
	joined        joined
	times         decodingTimes
}

// packetTime is the time of a packet's frame.
type packetTime struct {
	stamp uint32
	pts   int64
	said  time.Time     // what the camera's clock said; zero if unknown
	at    time.Time     // of arrival
	pause time.Duration // since the packet before, of any medium
}

// newVideo returns the depacketizer for the format, or nil for an unsupported format.
func newVideo(s *Session, m *description.Media, f format.Format) (*video, error) {
	v := &video{session: s, medium: m, format: f}
	switch f := f.(type) {
	case *format.H264:
		d, err := f.CreateDecoder()
		if err != nil {
			return nil, err
		}
		v.codec, v.decode = media.H264, d.Decode
		v.more = []error{rtph264.ErrMorePacketsNeeded, rtph264.ErrNonStartingPacketAndNoPrevious}
		v.sps, v.pps = f.SPS, f.PPS
	case *format.H265:
		d, err := f.CreateDecoder()
		if err != nil {
			return nil, err
		}
		v.codec, v.decode = media.H265, d.Decode
		v.more = []error{rtph265.ErrMorePacketsNeeded, rtph265.ErrNonStartingPacketAndNoPrevious}
		v.vps, v.sps, v.pps = f.VPS, f.SPS, f.PPS
	case *format.MJPEG:
		d, err := f.CreateDecoder()
		if err != nil {
			return nil, err
		}
		v.codec, v.more = media.JPEG, []error{rtpmjpeg.ErrMorePacketsNeeded, rtpmjpeg.ErrNonStartingPacketAndNoPrevious}
		v.decode = (&jpegReader{decoder: d}).decode
	case *format.AV1:
		d, err := f.CreateDecoder()
		if err != nil {
			return nil, err
		}
		v.codec, v.decode, v.more = media.AV1, d.Decode, []error{rtpav1.ErrMorePacketsNeeded, rtpav1.ErrNonStartingPacketAndNoPrevious}
	default:
		return nil, nil
	}
	v.ticker.rate = media.VideoTimescale
	v.times = decodingTimes{codec: v.codec, stamps: stamps{rate: media.VideoTimescale}, last: math.MinInt64}
	return v, nil
}

// packet is called by the library for each packet.
func (v *video) packet(pkt *rtp.Packet) {
	v.mu.Lock()
	pts := v.ticker.unwrap(pkt.SSRC, pkt.Timestamp)
	t := packetTime{stamp: pkt.Timestamp, pts: pts, said: v.ticker.said(pts), at: time.Now()}
	v.mu.Unlock()
	t.pause = v.session.paused(t.at)
	if pkt.Marker && !t.said.IsZero() {
		off := t.said.Sub(t.at.Round(0))
		v.session.clock.Store(&off)
	}
	v.take(pkt, t)
}

// report is called by the library for each RTCP packet.
func (v *video) report(p rtcp.Packet) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ticker.report(p)
}

// take adds a packet to its picture.
func (v *video) take(pkt *rtp.Packet, t packetTime) {
	if v.codec == media.JPEG || v.codec == media.AV1 {
		v.takeWhole(pkt, t)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	lost, another := v.begun && pkt.SequenceNumber != v.next, v.open.begun && v.open.time.stamp != t.stamp
	v.begun, v.next = true, pkt.SequenceNumber+1
	if another && v.open.marked { // whole, so that what was lost is of the next one
		v.finish()
	}
	v.damage = v.damage || lost
	if another {
		v.finish()
	}
	v.begin(t)
	v.open.last = t.at
	v.held += len(pkt.Payload)
	single := *pkt
	single.Marker = true // each NAL unit is wanted as soon as it is complete
	nalus, err := v.decode(&single)
	if err != nil && !slices.ContainsFunc(v.more, func(ordinary error) bool { return errors.Is(err, ordinary) }) {
		v.damage = true
	}
	for _, nalu := range nalus {
		v.add(nalu, t)
	}
	if pkt.Marker {
		v.mark()
	}
}

// unit sends the access unit of a picture, without its parameter sets.
func (v *video) unit(p *picture) {
	a := v.sortOut(p.nalus)
	switch {
	case !a.picture:
		v.postpone(append(a.changed, a.data...))
		return
	case a.random && !v.newTrack():
		return
	case v.track == nil:
		return
	case !a.random && v.joined.leaves(a, p.time.pts):
		return
	}
	if a.random {
		v.joined.begin(a, p.time.pts, !v.times.begun())
	} else {
		a.data = append(a.changed, a.data...) // the header changes at the next key frame
	}
	a.data = append(v.pending, a.data...)
	v.pending = nil
	u := &media.Unit{Kind: media.Video, Pause: p.time.pause, Arrived: p.last, Clock: p.time.said, Damaged: v.damage, Data: a.data,
		Random: a.random, Open: a.open, Refresh: a.refresh}
	u.PTS, u.DTS = v.times.of(v.withSets(a), p.time.pts, p.last)
	v.damage = false
	if v.held > 2*u.Size()+maxSlack {
		for i, d := range u.Data {
			u.Data[i] = bytes.Clone(d)
		}
	}
	v.session.watch.passed(p.last)
	v.session.send(Item{Video: v.track, Unit: u})
}

const (
	// maxSlack is how much memory a unit may keep allocated beyond twice its size.
	maxSlack = 8 << 10
	// maxPending and maxPendingBytes bound the NAL units that wait for a frame.
	maxPending      = 16
	maxPendingBytes = 64 << 10
)

// postpone keeps NAL units for the next frame, since some cameras mark the end of a frame after each of them.
func (v *video) postpone(nalus [][]byte) {
	size := 0
	for _, n := range v.pending {
		size += len(n)
	}
	for _, n := range nalus {
		if size += len(n); len(v.pending) < maxPending && size <= maxPendingBytes {
			v.pending = append(v.pending, bytes.Clone(n))
		}
	}
}

// withSets returns the unit's NAL units, with parameter sets before a key frame, as the computation of decoding times needs
// them.
func (v *video) withSets(a accessUnit) [][]byte {
	if !a.random {
		return a.data
	}
	sets := make([][]byte, 0, len(a.data)+3)
	if v.codec == media.H265 {
		sets = append(sets, v.vps)
	}
	return append(append(sets, v.sps, v.pps), a.data...)
}

// newTrack makes a track from the newest parameter sets if they changed. It reports whether there is a track.
func (v *video) newTrack() bool {
	t := media.VideoTrack{Codec: v.codec, VPS: v.vps, SPS: v.sps, PPS: v.pps}
	if v.track != nil && v.track.Equal(t) {
		return true
	}
	switch v.codec {
	case media.H264:
		var sps h264.SPS
		if sps.Unmarshal(v.sps) != nil || len(v.pps) == 0 {
			return false
		}
		t.Width, t.Height = sps.Width(), sps.Height()
	case media.H265:
		var sps h265.SPS
		if sps.Unmarshal(v.sps) != nil || len(v.pps) == 0 || len(v.vps) == 0 {
			return false
		}
		t.Width, t.Height = sps.Width(), sps.Height()
	}
	t.VPS, t.SPS, t.PPS = bytes.Clone(t.VPS), bytes.Clone(t.SPS), bytes.Clone(t.PPS)
	v.track = &t
	return true
}
