package camera

import (
	"bytes"
	"errors"
	"image/jpeg"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
)

// JPEG (RFC 2435) and AV1 (RTP payload format for AV1) come as whole frames: the library's decoders return one when its last packet
// has come. There are no parameter sets and no reordering.

// takeWhole adds a packet to its frame.
func (v *video) takeWhole(pkt *rtp.Packet, t packetTime) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.damage = v.damage || v.begun && pkt.SequenceNumber != v.next
	v.begun, v.next = true, pkt.SequenceNumber+1
	if pkt.Marker {
		v.session.watch.saw(t.at)
	}
	data, err := v.decode(pkt)
	if err != nil {
		v.damage = v.damage || !slices.ContainsFunc(v.more, func(ordinary error) bool { return errors.Is(err, ordinary) })
		return
	}
	u := v.jpeg(data)
	if v.codec == media.AV1 {
		u = v.temporalUnit(data)
	}
	if u == nil || v.track == nil || !u.Random && !v.times.begun() {
		v.damage = true
		return
	}
	u.Kind, u.Whole, u.Pause, u.Arrived, u.Clock, u.Damaged = media.Video, true, t.pause, t.at, t.said, v.damage
	u.PTS = v.times.stamps.correct(t.pts, t.at, v.times.last)
	if v.times.begun() {
		u.PTS = max(u.PTS, v.times.last+1)
	}
	u.DTS, v.times.last, v.damage = u.PTS, u.PTS, false
	v.session.watch.passed(t.at)
	v.session.send(Item{Video: v.track, Unit: u})
}

// useless returns what to call a stream of which no picture can be recorded.
func (v *video) useless() error {
	if v.codec == media.JPEG {
		return errUnreadable
	}
	return errNoKeyFrame
}

// wholeTrack changes the track, if it is another one.
func (v *video) wholeTrack(t media.VideoTrack) {
	if v.track == nil || !v.track.Equal(t) {
		v.track = &t
	}
}

// jpeg returns the unit of a JPEG file, or nil for one that cannot be read.
func (v *video) jpeg(data [][]byte) *media.Unit {
	if v.codec != media.JPEG {
		return nil
	}
	size, err := jpeg.DecodeConfig(bytes.NewReader(data[0]))
	if err != nil || size.Width < 1 || size.Height < 1 {
		return nil
	}
	v.wholeTrack(media.VideoTrack{Codec: media.JPEG, Width: size.Width, Height: size.Height})
	return &media.Unit{Random: true, Data: data}
}

// temporalUnit returns the unit of OBUs without delimiter, or nil if they cannot be read (AV1 bitstream specification 5.3).
func (v *video) temporalUnit(obus [][]byte) *media.Unit {
	sequence, key := false, false
	var kept av1.Bitstream
	for _, obu := range obus {
		if len(obu) == 0 {
			return nil
		}
		kind := obu[0] >> 3 & 0xf
		if kind == byte(av1.OBUTypeTemporalDelimiter) {
			continue
		}
		kept = append(kept, obu)
		switch kind {
		case byte(av1.OBUTypeSequenceHeader):
			sequence = v.sequence(obu) || sequence
		case 3, 6: // frame header, frame
			key = key || startsKeyFrame(obu)
		}
	}
	data, err := kept.Marshal()
	if err != nil || len(data) == 0 {
		return nil
	}
	return &media.Unit{Random: sequence && key, Data: [][]byte{data}}
}

// sequence takes a sequence header. It reports whether that can be recorded.
func (v *video) sequence(obu []byte) bool {
	var h av1.SequenceHeader
	config, err := av1.Bitstream{obu}.Marshal()
	if err != nil || h.Unmarshal(config) != nil {
		return false
	}
	v.wholeTrack(media.VideoTrack{Codec: media.AV1, Width: h.Width(), Height: h.Height(), Config: config})
	return true
}

// startsKeyFrame reports whether a frame header is that of a key frame that is shown (5.9.2).
func startsKeyFrame(obu []byte) bool {
	at := 1
	if obu[0]&2 != 0 { // with its size
		var size av1.LEB128
		n, err := size.Unmarshal(obu[1:])
		if err != nil {
			return false
		}
		at += n
	}
	return at < len(obu) && obu[at]>>4 == 1 // show_existing_frame 0, frame_type 0, show_frame 1
}
