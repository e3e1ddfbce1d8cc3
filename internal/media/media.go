// Package media is the vocabulary of moving pictures: cameras and streams by identity, the unit that a camera delivers,
// the run that units belong to, and the fragment that disk, live view and playback share.
//
// It writes and reads the bytes of fragmented MP4 (ISO/IEC 14496-12) and the label that every fragment carries: which
// camera, which run, when, and a MAC that only the holder of that camera's key can make. It knows nothing of networks,
// files, databases or people; those belong to camera, storage and accounts.
package media

import (
	"bytes"
	"time"
)

// Codec is a coding of pictures or sound.
type Codec uint8

// The codecs that can be recorded. Their numbers stand in databases and never change.
const (
	H264 Codec = 1 // ITU-T H.264, ISO/IEC 14496-10
	H265 Codec = 2 // ITU-T H.265, ISO/IEC 23008-2
	AAC  Codec = 3 // ISO/IEC 14496-3
)

// String returns the name that people know.
func (c Codec) String() string {
	switch c {
	case H264:
		return "H.264"
	case H265:
		return "H.265"
	case AAC:
		return "AAC"
	}
	return "unknown"
}

// VideoTimescale is the number of ticks a second of video timestamps, as in RTP (RFC 6184 section 8.2.1).
const VideoTimescale = 90000

// Kind tells pictures from sound.
type Kind uint8

// The kinds of unit.
const (
	Video Kind = 1
	Audio Kind = 2
)

// VideoTrack holds the parameters of a video elementary stream. It is immutable.
type VideoTrack struct {
	Codec         Codec
	Width, Height int    // of the picture that is shown, in pixels
	VPS           []byte // H.265 only; a NAL unit without start code
	SPS, PPS      []byte // NAL units without start codes
}

// Equal reports whether both describe the same coding, so that fragments of both can share one init header.
func (t VideoTrack) Equal(o VideoTrack) bool {
	return t.Codec == o.Codec && bytes.Equal(t.VPS, o.VPS) && bytes.Equal(t.SPS, o.SPS) && bytes.Equal(t.PPS, o.PPS)
}

// AudioTrack holds the parameters of an audio elementary stream. It is immutable.
type AudioTrack struct {
	Codec      Codec
	Config     []byte // AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1
	SampleRate int    // in Hz; also the number of ticks a second of the track's timestamps
	Channels   int
}

// Equal reports whether both describe the same coding.
func (t AudioTrack) Equal(o AudioTrack) bool {
	return t.Codec == o.Codec && t.SampleRate == o.SampleRate && bytes.Equal(t.Config, o.Config)
}

// Unit is one access unit as it came from a camera: a coded picture, or a packet of sound. It is immutable once sent.
type Unit struct {
	Kind    Kind
	PTS     int64     // presentation time: 1/VideoTimescale s, or 1/SampleRate s for audio; zero is arbitrary
	DTS     int64     // decoding time, same ticks and zero
	Arrived time.Time // when its last packet reached us, by our clock
	Random  bool      // decoding can start here (H.264 IDR, H.265 IRAP); always true for audio
	Damaged bool      // packets were lost on the way
	// Data holds, for video, the NAL units in order without start codes or lengths, parameter sets left out; for audio
	// one slice, the raw frame.
	Data [][]byte
}

// Size returns the number of bytes the unit takes in an mdat box: for video each NAL unit has a four-byte length.
func (u *Unit) Size() int {
	n := 0
	for _, d := range u.Data {
		n += len(d)
	}
	if u.Kind == Video {
		n += 4 * len(u.Data)
	}
	return n
}

// Run is an unbroken stretch of one stream with constant codec parameters. It is immutable; every reconnect and every
// change of parameters makes a new one.
type Run struct {
	ID     RunID
	Stream StreamID
	Start  time.Time // wall clock of decoding time zero, UTC, whole microseconds
	Video  VideoTrack
	Audio  *AudioTrack // nil without sound
	Init   []byte      // the init header: ftyp, moov and their label
	// Shift is by how much Start is later than our clock said, because that had been set back; no label knows it.
	Shift time.Duration
}

// Fragment is at most half a second of one run: [label][moof][mdat]. It is immutable and shared by reference: the disk
// writer and every live viewer hand on the same bytes.
type Fragment struct {
	Run      *Run
	Seq      uint64        // 1 for the first of its run, then without a hole
	Start    time.Time     // wall clock, UTC, whole microseconds
	Duration time.Duration // wall clock; Start of the next fragment is Start+Duration
	Random   bool          // begins with a key frame
	Damaged  bool          // holds a damaged unit, or depends on one
	Bytes    []byte
}

// End returns the wall clock at which the fragment's last picture ends.
func (f *Fragment) End() time.Time { return f.Start.Add(f.Duration) }
