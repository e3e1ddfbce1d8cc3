package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math"
	"time"
)

const (
	// maxFragment is the longest fragment, in ticks of video: half a second. A single longer frame makes a longer fragment.
	maxFragment = VideoTimescale / 2
	// maxSkewPPM bounds the correction of a camera's clock (docs/time.md), in millionths.
	maxSkewPPM = 500
	// MaxReturnPPM bounds the correction of a run that is filed later than it happened, in millionths.
	MaxReturnPPM = 100_000
	// returnTime is how long the return of such a run takes, if it is not bounded.
	returnTime = 20 * time.Second
	// skewWindow is the number of fragments in each measurement of the camera's clock.
	skewWindow = 60
	// maxSkew is how far a camera's clock may drift before its run has to end.
	maxSkew = 5 * time.Second
	// maxFragmentBytes bounds the memory of a fragment while its units are collected, counting unitBytes for each unit in
	// addition to its content.
	maxFragmentBytes = 64 << 20
	unitBytes        = 256
	// maxLeading bounds the frames at the start of a run that are shown before its first one.
	maxLeading = 16
	// maxApart is how many seconds audio may be apart from the video it comes with, and a frame's presentation from its
	// decoding. Larger distances are wrong timestamps.
	maxApart = 5
)

var (
	// ErrTimestamps is returned by Muxer.Write if decoding times do not advance in small steps. The run must end.
	ErrTimestamps = errors.New("the camera's timestamps jumped")
	// ErrClock is returned by Muxer.Write if the camera's clock drifted too far from the server's, or the server's was set.
	// The run must end.
	ErrClock = errors.New("the camera's clock drifted away from this computer's")
	// ErrTooLarge is returned by Muxer.Write if half a second has more bytes than any real camera sends.
	ErrTooLarge = errors.New("a fragment grew too large")
)

// Muxer turns the units of one run into fragments. It buffers the units of one fragment. It is not safe for concurrent
// use.
type Muxer struct {
	run     *Run
	mac     hash.Hash
	seq     uint64
	started bool
	zero    int64 // video decoding time that is the run's time zero
	video   []*Unit
	audio   []*Unit
	bytes   int
	step    uint32 // last known duration of a frame, ticks
	heard   int64  // decoding time of the newest audio that was kept, in audio ticks from the run's time zero; -1 at first
	damaged bool   // since the last key frame
	healing int    // after so many more frames the damage is gone; 0 if that is not known
	start   time.Time
	skew    skew
	apart   bool  // the clocks diverged; the run ends at the next key frame
	shown   int64 // presentation time of the first frame
	leading int   // frames that may still be dropped because they are shown before it
}

// NewMuxer returns a Muxer for the run. Its first fragment begins at the first key frame that is written.
func NewMuxer(run *Run, key LabelKey) *Muxer {
	return &Muxer{run: run, mac: key.mac(), step: VideoTimescale / 15, heard: -1, start: run.Start}
}

// Write takes the next unit, in decoding order, and returns the fragment that it completes, or nil. Units before the
// first key frame are dropped. The Muxer keeps u until its fragment is complete. After an error the run is over; Flush
// still returns the buffered units.
func (m *Muxer) Write(u *Unit) (*Fragment, error) {
	if m.bytes += u.Size() + unitBytes; m.bytes > maxFragmentBytes {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, m.bytes)
	}
	if u.Kind == Audio {
		if m.started && m.run.Audio != nil {
			m.audio = append(m.audio, u)
		}
		return nil, nil
	}
	if !m.started {
		if !u.Random {
			m.bytes = 0
			return nil, nil
		}
		m.started, m.zero, m.bytes, m.shown = true, u.DTS, u.Size()+unitBytes, u.PTS
		if u.Open {
			m.leading = maxLeading
		}
	} else if m.leads(u) {
		m.bytes -= u.Size() + unitBytes
		return nil, nil
	}
	if len(m.video) == 0 {
		m.video = append(m.video, u)
		return nil, nil
	}
	step := u.DTS - m.video[len(m.video)-1].DTS
	if step <= 0 || step > 10*VideoTimescale {
		return nil, fmt.Errorf("%w by %.3f s", ErrTimestamps, float64(step)/VideoTimescale)
	}
	m.step = uint32(step)
	m.skew.measure(u.Arrived.Sub(m.wall(u.DTS)), u.Fresh(time.Duration(step)*time.Second/VideoTimescale))
	if (!u.Random || m.run.Video.Codec == JPEG) && u.DTS-m.video[0].DTS+step <= maxFragment { // any JPEG is a key frame
		m.video = append(m.video, u)
		return nil, nil
	}
	m.apart = !m.skew.advance(time.Duration(u.DTS-m.video[0].DTS)*time.Second/VideoTimescale) || m.apart
	if m.apart && u.Random { // the next run can begin with it, so that no frame is lost
		return nil, ErrClock
	}
	f, err := m.cut(u.DTS)
	m.video, m.bytes = append(m.video, u), u.Size()+unitBytes
	return f, err
}

// leads reports whether a frame is shown before the first one, which it follows, and cannot be decoded for want of what was before
// (open GOP: H.264 D.2.8, H.265 RASL).
func (m *Muxer) leads(u *Unit) bool {
	if m.leading--; m.leading < 0 || u.PTS >= m.shown {
		m.leading = 0
		return false
	}
	return true
}

// Slewed returns how much has been added to the run's own time so far.
func (m *Muxer) Slewed() time.Duration { return m.skew.slew }

// Flush returns the buffered units as a last fragment, or nil if there are none.
func (m *Muxer) Flush() (*Fragment, error) {
	if len(m.video) == 0 {
		return nil, nil
	}
	return m.cut(m.video[len(m.video)-1].DTS + int64(m.step))
}

// wall returns the wall time of a decoding time: the run's anchor, plus the ticks since, plus the correction so far.
func (m *Muxer) wall(dts int64) time.Time {
	return m.run.Start.Add(time.Duration((dts-m.zero)*100/9)*time.Microsecond + m.skew.slew.Truncate(time.Microsecond))
}

// cut makes a fragment of the buffered units; end is the decoding time at which it ends.
func (m *Muxer) cut(end int64) (*Fragment, error) {
	c := contents{videoBase: uint64(m.video[0].DTS - m.zero), video: m.videoSamples(end)}
	audio := m.takeAudio(&c, end)
	wallEnd := m.wall(end)
	m.seq++
	m.heal()
	f := &Fragment{Run: m.run, Seq: m.seq, Start: m.start, Duration: wallEnd.Sub(m.start), Random: m.video[0].Random, Frames: len(m.video), Damaged: m.damaged}
	if f.Random {
		f.Refresh = min(m.video[0].Refresh, math.MaxUint16)
	}
	c.label = Label{Kind: LabelFragment, Quality: m.run.Stream.Quality, Camera: m.run.Stream.Camera, Run: m.run.ID,
		Random: f.Random, Refresh: f.Refresh, Damaged: f.Damaged, Seq: f.Seq, Start: f.Start, Duration: f.Duration}
	var err error
	f.Bytes, err = c.encode(m.mac, func(dst []byte) { fill(dst, m.video, audio) })
	if m.start = wallEnd; m.healing > 0 {
		if m.healing -= len(m.video); m.healing <= 0 {
			m.damaged = false
		}
	}
	clear(m.video)
	m.video = m.video[:0]
	return f, err
}

// heal notes damage in the buffered frames, and that a key frame ends it: at once, or with the last frame of its refresh.
func (m *Muxer) heal() {
	if first := m.video[0]; first.Random && first.Refresh == 0 {
		m.damaged, m.healing = false, 0
	} else if first.Random && m.damaged && m.healing <= 0 {
		m.healing = first.Refresh
	}
	for _, u := range m.video {
		if u.Damaged {
			m.damaged, m.healing = true, 0
		}
	}
}

func (m *Muxer) videoSamples(end int64) []Sample {
	samples := make([]Sample, len(m.video))
	for i, u := range m.video {
		next := end
		if i+1 < len(m.video) {
			next = m.video[i+1].DTS
		}
		samples[i] = Sample{Size: uint32(u.Size()), Duration: uint32(next - u.DTS), Offset: compositionOffset(u), Random: u.Random}
	}
	return samples
}

// compositionOffset returns how much later a frame is shown than decoded, in ticks, or zero for an implausible value.
func compositionOffset(u *Unit) int32 {
	if off := u.PTS - u.DTS; off >= -maxApart*VideoTimescale && off <= maxApart*VideoTimescale {
		return int32(off)
	}
	return 0
}

// takeAudio moves the buffered audio to c. It drops audio before the run's time zero, far from the video, or out of order.
// The video ends at the decoding time end.
func (m *Muxer) takeAudio(c *contents, end int64) []*Unit {
	if len(m.audio) == 0 {
		return nil
	}
	rate := int64(m.run.Audio.SampleRate)
	ticks := func(dts int64) int64 { return dts/VideoTimescale*rate + dts%VideoTimescale*rate/VideoTimescale }
	zero := ticks(m.zero)
	first, last := ticks(m.video[0].DTS)-maxApart*rate, ticks(end)+maxApart*rate
	kept := m.audio[:0]
	for _, u := range m.audio {
		if u.DTS >= max(zero, first) && u.DTS <= last && u.DTS-zero > m.heard {
			kept, m.heard = append(kept, u), u.DTS-zero
		}
	}
	m.audio = nil
	if len(kept) == 0 {
		return nil
	}
	c.audioBase, c.audio = uint64(kept[0].DTS-zero), make([]Sample, len(kept))
	for i, u := range kept {
		duration := u.Length()
		if i+1 < len(kept) {
			duration = kept[i+1].DTS - u.DTS
		}
		c.audio[i] = Sample{Size: uint32(u.Size()), Duration: uint32(duration), Random: true}
	}
	return kept
}

// fill writes the units' bytes: NAL units with four-byte lengths (ISO/IEC 14496-15 4.3.2), then audio frames.
func fill(dst []byte, video, audio []*Unit) {
	for _, u := range video {
		for _, nalu := range u.Data {
			if u.Whole {
				dst = dst[copy(dst, nalu):]
				continue
			}
			binary.BigEndian.PutUint32(dst, uint32(len(nalu)))
			dst = dst[4+copy(dst[4:], nalu):]
		}
	}
	for _, u := range audio {
		for _, frame := range u.Data {
			dst = dst[copy(dst, frame):]
		}
	}
}

// skew follows a camera's clock by the server's. The network can only delay, so the smallest delay of a window is the reliable one.
// The wall time is then slewed towards it.
type skew struct {
	slew     time.Duration // added to the run's own time
	target   time.Duration // still to be added
	least    time.Duration // smallest delay in the open window
	measured int           // delays in it
	passed   int           // fragments in it
}

// measure takes how much later a unit came than it is filed. fresh says that it did not come out of a backlog. A unit that comes before the time under which it is filed is a proof in any case.
func (s *skew) measure(late time.Duration, fresh bool) {
	if late < min(s.target, 0) {
		s.target = late
	}
	if !fresh {
		return
	}
	if s.measured == 0 || late < s.least {
		s.least = late
	}
	s.measured++
}

// advance slews while a fragment of the given length passes: slowly, as clocks drift, unless footage is filed later than it happened.
// It reports whether both clocks are still close enough.
func (s *skew) advance(length time.Duration) bool {
	if s.passed++; s.passed >= skewWindow {
		if s.measured > 0 {
			s.target = s.least
		}
		s.measured, s.passed = 0, 0
		if s.target > maxSkew {
			return false
		}
	}
	most := length * maxSkewPPM / 1e6
	back := max(most, min(length*MaxReturnPPM/1e6, time.Duration(float64(length)*float64(-s.target)/float64(returnTime))))
	step := min(max(s.target, -back), most)
	s.slew += step
	s.target -= step
	s.least -= step
	return true
}
