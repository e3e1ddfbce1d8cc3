package probe

import (
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
)

// maxKeys bounds the key frames that are noted.
const maxKeys = 1024

// measurer notes what the units of a stream say. Times are decoding times, so that a backlog at the start changes nothing.
type measurer struct {
	began    time.Time
	track    *media.VideoTrack // the newest; nil before the first key frame
	picture  *media.Unit       // a key frame without damage; nil before one
	pictured *media.VideoTrack // its parameters
	first    int64             // decoding time of the first picture
	last     int64             // of the newest
	shown    int64             // the latest presentation time
	frames   int
	bytes    int64      // without the newest picture, whose duration is unknown
	newest   int64      // bytes of the newest picture
	keys     []keyFrame // in order
	refresh  int        // of the newest key frame
	delay    int64      // for which B-frames waited in the camera for a picture that is shown later, ticks; 0 without
	changed  bool       // the parameters changed
	damaged  int
	clock    time.Duration // see Report
	clocked  bool
}

// time notes how far the camera's clock is ahead. A busy network or computer only makes it look behind, so the largest counts.
func (m *measurer) time(s *camera.Session) {
	if ahead, known := s.Clock(); known && (!m.clocked || ahead > m.clock) {
		m.clock, m.clocked = ahead, true
	}
}

// keyFrame is one key frame: its decoding time and number.
type keyFrame struct {
	at    int64
	frame int
}

func (m *measurer) add(it camera.Item) {
	u := it.Unit
	if u.Kind != media.Video || it.Video == nil {
		return
	}
	if m.track == nil && !u.Random {
		return
	}
	m.changed = m.changed || m.track != nil && m.track != it.Video
	if m.track == nil {
		m.first, m.shown = u.DTS, u.PTS
	}
	m.track, m.last = it.Video, u.DTS
	m.bytes, m.newest = m.bytes+m.newest, int64(u.Size())
	if u.Random {
		m.refresh = u.Refresh
		if len(m.keys) < maxKeys {
			m.keys = append(m.keys, keyFrame{u.DTS, m.frames})
		}
		if !u.Damaged && m.picture == nil {
			m.picture, m.pictured = u, it.Video
		}
	}
	m.frames++
	if u.Damaged {
		m.damaged++
	}
	m.delay, m.shown = max(m.delay, m.shown-u.PTS), max(m.shown, u.PTS)
}

func ticks(t int64) time.Duration { return time.Duration(t) * time.Second / media.VideoTimescale }

// enough reports whether longer watching would tell nothing more.
func (m *measurer) enough() bool {
	watched := time.Since(m.began)
	if len(m.keys) < enoughKeys || watched < enoughTime || !m.settled() {
		return false
	}
	return m.clocked || watched >= clockTime
}

// steps returns the distances of key frames. The first two say little: many cameras send a key frame because somebody connected.
func (m *measurer) steps() []int64 {
	var all []int64
	for i := 1; i < len(m.keys); i++ {
		all = append(all, m.keys[i].at-m.keys[i-1].at)
	}
	return all
}

// settled reports whether the newest two distances agree, or enough are known to say that they do not.
func (m *measurer) settled() bool {
	steps := m.steps()
	n := len(steps)
	return n >= enoughSteps || n >= 2 && !differ(steps[n-2:])
}

// differ reports whether distances are too different for a fixed interval.
func differ(steps []int64) bool {
	least, most := slices.Min(steps), slices.Max(steps)
	return most-least > most/4 && most-least > media.VideoTimescale/2
}

// report returns what was measured.
func (m *measurer) report() *Report {
	span := ticks(m.last - m.first)
	r := &Report{track: m.track, Codec: m.track.Codec.String(), Width: m.track.Width, Height: m.track.Height, Frames: m.frames,
		Watched: time.Since(m.began), Changed: m.changed, Damaged: m.damaged, Clock: m.clock, ClockKnown: m.clocked}
	if span > 0 && m.frames > 1 {
		r.FPS = float64(m.frames-1) / span.Seconds()
		r.BitsPerSecond = int64(float64(m.bytes) * 8 / span.Seconds())
	}
	r.Refresh = m.refresh
	r.Delay = ticks(m.delay)
	m.intervals(r)
	unit, track := m.picture, m.pictured
	if unit != nil {
		file, mime, err := pictureOf(*track, unit)
		if err == nil {
			r.Picture, r.PictureMIME = file, mime
			r.CodecString, _ = strings.CutPrefix(strings.TrimSuffix(mime, `"`), `video/mp4; codecs="`)
		}
	}
	return r
}

// intervals fills in the key frames' distances.
func (m *measurer) intervals(r *Report) {
	r.KeyFrames = len(m.keys)
	steps, longest := m.steps(), int64(0)
	for i, step := range steps {
		if step > longest {
			longest, r.GOPFrames = step, m.keys[i+1].frame-m.keys[i].frame
		}
	}
	open := m.last - m.keys[len(m.keys)-1].at // since the newest
	if open > longest+media.VideoTimescale/2 {
		r.GOP, r.GOPFrames, r.GOPAtLeast = ticks(open), 0, true
		return
	}
	r.GOP, r.GOPAtLeast = ticks(longest), len(m.keys) < 3
	if len(steps) >= 4 && differ(steps[2:]) {
		r.ShortestGOP = ticks(slices.Min(steps[2:]))
	}
}
