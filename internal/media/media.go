// Package media is the vocabulary of video: the IDs of cameras and streams, the unit that a camera sends, the run that units
// belong to, and the fragment that disk, live video and playback share.
//
// It reads and writes fragmented MP4 (ISO/IEC 14496-12) and the label of every fragment: camera, run, time, and a MAC under
// that camera's key. It knows nothing of networks, files, databases or people; those belong to camera, storage and
// accounts.
package media

import (
	"bytes"
	"time"
)

// Codec is a video or audio codec.
type Codec uint8

// The codecs that can be recorded. Databases store their numbers, which never change.
const (
	H264 Codec = 1 // ITU-T H.264, ISO/IEC 14496-10
	H265 Codec = 2 // ITU-T H.265, ISO/IEC 23008-2
	AAC  Codec = 3 // ISO/IEC 14496-3
	FLAC Codec = 4 // RFC 9639
	Opus Codec = 5 // RFC 6716
	JPEG Codec = 6 // ITU-T T.81; each frame is a key frame
	AV1  Codec = 7 // AV1 bitstream specification
)

// String returns the common name of the codec.
func (c Codec) String() string {
	switch c {
	case H264:
		return "H.264"
	case H265:
		return "H.265"
	case JPEG:
		return "JPEG"
	case AV1:
		return "AV1"
	case AAC:
		return "AAC"
	case FLAC:
		return "FLAC"
	case Opus:
		return "Opus"
	}
	return "unknown"
}

// VideoTimescale is the number of ticks a second of video timestamps, as in RTP (RFC 6184 section 8.2.1).
const VideoTimescale = 90000

// Kind is video or audio.
type Kind uint8

// The kinds of unit.
const (
	Video Kind = 1
	Audio Kind = 2
)

// VideoTrack holds the parameters of a video elementary stream. It is immutable.
type VideoTrack struct {
	Codec         Codec
	Width, Height int    // of the displayed picture, in pixels
	VPS           []byte // H.265 only; a NAL unit without start code
	SPS, PPS      []byte // NAL units without start codes; H.264 and H.265 only
	Config        []byte // AV1 only: the sequence header, an OBU with its size
}

// Equal reports whether fragments of both tracks can share one init header.
func (t VideoTrack) Equal(o VideoTrack) bool {
	return t.Codec == o.Codec && bytes.Equal(t.VPS, o.VPS) && bytes.Equal(t.SPS, o.SPS) && bytes.Equal(t.PPS, o.PPS) &&
		bytes.Equal(t.Config, o.Config) && (t.Codec != JPEG || t.Width == o.Width && t.Height == o.Height)
}

// AudioTrack holds the parameters of an audio elementary stream. It is immutable.
type AudioTrack struct {
	Codec      Codec
	Config     []byte // AAC: AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1; FLAC: STREAMINFO, RFC 9639 8.2; Opus: empty
	SampleRate int    // in Hz; also the number of ticks a second of the track's timestamps
	Channels   int
}

// Equal reports whether fragments of both tracks can share one init header.
func (t AudioTrack) Equal(o AudioTrack) bool {
	return t.Codec == o.Codec && t.SampleRate == o.SampleRate && bytes.Equal(t.Config, o.Config)
}

// Unit is one access unit from a camera: an encoded frame or a packet of audio. It is immutable once sent.
type Unit struct {
	Kind    Kind
	PTS     int64         // presentation time: 1/VideoTimescale s, or 1/SampleRate s for audio; zero is arbitrary, and a camera has another for audio
	DTS     int64         // decoding time, same ticks and zero
	Arrived time.Time     // when its last packet arrived, by the server's clock
	Pause   time.Duration // for which nothing had arrived from the camera before its first packet
	Clock   time.Time     // what the camera's clock said at PTS, from its sender reports; zero if unknown
	Random  bool          // decoding can start here (H.264 IDR or recovery point, H.265 IRAP or recovery point); always true for audio
	Open    bool          // units may follow that are shown before it and cannot be decoded if decoding starts here (open GOP)
	Refresh int           // decoding that starts here is exact after so many more frames (intra refresh); 0 if at once
	Damaged bool          // packets were lost
	// Data holds the NAL units of a frame in order, without start codes, lengths or parameter sets. If Whole is set and for audio it
	// holds one slice, the raw frame: a JPEG file, or the OBUs of an AV1 temporal unit with their sizes and without its delimiter.
	Data  [][]byte
	Whole bool
	// Samples is how long audio lasts, in ticks; 0 for an AAC frame, which has 1024.
	Samples int
}

// Fresh reports whether the unit came after a pause as long as between units that are step apart. Before units of a backlog there is
// none, and after a stall it is longer: both say nothing of the camera's clock.
func (u *Unit) Fresh(step time.Duration) bool { return u.Pause >= step/4 && u.Pause <= 2*step }

// Size returns the size of the unit in an mdat box. In video each NAL unit has a four-byte length.
func (u *Unit) Size() int {
	n := 0
	for _, d := range u.Data {
		n += len(d)
	}
	if u.Kind == Video && !u.Whole {
		n += 4 * len(u.Data)
	}
	return n
}

// Run is an unbroken part of one stream with constant codec parameters. It is immutable. Every reconnect and every change of
// parameters makes a new one.
type Run struct {
	ID     RunID
	Stream StreamID
	Start  time.Time // wall clock of decoding time zero, UTC, whole microseconds
	Video  VideoTrack
	Audio  *AudioTrack // nil without audio
	Init   []byte      // the init header: ftyp, moov and their label
	// Shift is how much later Start is than the server's clock, because that had been set back. Labels do not contain it.
	Shift time.Duration
}

// Fragment is at most half a second of one run: [label][moof][mdat]. It is immutable and shared by reference between the
// disk writer and all live viewers.
type Fragment struct {
	Run      *Run
	Seq      uint64        // 1 for the first of its run, then consecutive
	Start    time.Time     // wall clock, UTC, whole microseconds
	Duration time.Duration // wall clock; Start of the next fragment is Start+Duration
	Random   bool          // begins with a key frame
	Refresh  int           // decoding that starts here is exact after so many more frames; 0 if at once
	Frames   int           // of video
	Damaged  bool          // holds a damaged unit, or depends on one
	Bytes    []byte
}

// End returns the wall time at which the fragment's last frame ends.
func (f *Fragment) End() time.Time { return f.Start.Add(f.Duration) }
