package camera

import (
	"bytes"
	"errors"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
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
	more    []error // what decode returns in the ordinary course

	vps, sps, pps []byte // the newest seen
	track         *media.VideoTrack
	dts           interface {
		Extract(au [][]byte, pts int64) (int64, error)
	}
	waiting bool // for a key frame, since the start or since decoding times got lost
	lastDTS int64
}

// newVideo returns the depacketizer for the format, or nil when it is not one that we record.
func newVideo(s *Session, m *description.Media, f format.Format) (*video, error) {
	v := &video{session: s, medium: m, format: f, waiting: true}
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
	default:
		return nil, nil
	}
	v.resetTimes()
	return v, nil
}

func (v *video) resetTimes() {
	v.waiting = true
	if v.codec == media.H265 {
		d := &h265.DTSExtractor{}
		d.Initialize()
		v.dts = d
		return
	}
	d := &h264.DTSExtractor{}
	d.Initialize()
	v.dts = d
}

// packet is called by the library for each packet.
func (v *video) packet(pkt *rtp.Packet) {
	now := time.Now()
	pts, timed := v.session.client.PacketPTS(v.medium, pkt)
	au, err := v.decode(pkt)
	if err != nil {
		for _, ordinary := range v.more {
			if errors.Is(err, ordinary) {
				return
			}
		}
		v.session.damage.Store(true)
		return
	}
	if timed {
		v.unit(au, pts, now)
	}
}

// unit sends one access unit, its parameter sets taken out.
func (v *video) unit(au [][]byte, pts int64, now time.Time) {
	data := make([][]byte, 0, len(au))
	random, picture := false, false
	for _, nalu := range au {
		if len(nalu) == 0 {
			continue
		}
		set, key, coded := v.sort(nalu)
		if set != nil {
			*set = nalu
			continue
		}
		random, picture = random || key, picture || coded
		data = append(data, nalu)
	}
	if !picture || (v.waiting && !random) {
		return
	}
	if random && !v.newTrack() {
		return
	}
	if v.track == nil {
		return
	}
	dts, err := v.decodingTime(au, pts, random)
	if err != nil || (!v.waiting && dts <= v.lastDTS) {
		v.session.damage.Store(true)
		v.resetTimes()
		return
	}
	v.waiting, v.lastDTS = false, dts
	v.session.frame.Store(now.UnixNano())
	v.session.send(Item{Video: v.track, Unit: &media.Unit{Kind: media.Video, PTS: pts, DTS: dts, Arrived: now,
		Random: random, Damaged: v.session.damage.Swap(false), Data: data}})
}

// sort tells what a NAL unit is: where to keep it when it is a parameter set; else whether decoding can start at it, and
// whether it is part of a picture (H.264 table 7-1, H.265 table 7-1).
func (v *video) sort(nalu []byte) (set *[]byte, key, coded bool) {
	if v.codec == media.H264 {
		switch kind := h264.NALUType(nalu[0] & 0x1f); kind {
		case h264.NALUTypeSPS:
			return &v.sps, false, false
		case h264.NALUTypePPS:
			return &v.pps, false, false
		default:
			return nil, kind == h264.NALUTypeIDR, kind >= h264.NALUTypeNonIDR && kind <= h264.NALUTypeIDR
		}
	}
	switch kind := h265.NALUType(nalu[0] >> 1 & 0x3f); kind {
	case h265.NALUType_VPS_NUT:
		return &v.vps, false, false
	case h265.NALUType_SPS_NUT:
		return &v.sps, false, false
	case h265.NALUType_PPS_NUT:
		return &v.pps, false, false
	default:
		return nil, kind >= h265.NALUType_BLA_W_LP && kind <= h265.NALUType_CRA_NUT, kind < 32
	}
}

// newTrack makes the track that the newest parameter sets describe, if they changed, and reports whether there is one.
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

// decodingTime works out when the unit is to be decoded. The library wants parameter sets in front of each key frame.
func (v *video) decodingTime(au [][]byte, pts int64, random bool) (int64, error) {
	if random {
		sets := make([][]byte, 0, len(au)+3)
		if v.codec == media.H265 {
			sets = append(sets, v.vps)
		}
		au = append(append(sets, v.sps, v.pps), au...)
	}
	return v.dts.Extract(au, pts)
}
