package recorder

import (
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
)

const (
	// patient is how long sound may be behind pictures before it counts as missing, and mostPatient how long if it usually comes late.
	// Beyond that a muxer does not take it.
	patient     = time.Second
	mostPatient = 4 * time.Second
	// aHole is the shortest stretch between two units of sound that is filled. Some cameras stamp sound by its arrival, which jitters.
	aHole = 60 * time.Millisecond
	// lateWindow is how long it counts how late sound came, in media time: until the end of the next such window.
	lateWindow = 10 * time.Second
	// longestFill bounds what is filled at once. Only a wrong timestamp leaves a longer hole.
	longestFill = 10 * time.Second
)

// soundFill fills the holes of a session's sound with silence: of lost packets, of a camera that sends none while it is quiet, and of one
// that announces sound and does not send it. Browsers play only as far as both tracks reach, so that a hole would stop the pictures.
//
// It counts in media time. Whatever the network holds up, both come.
type soundFill struct {
	track   *media.AudioTrack // nil without sound
	begun   bool
	next    int64    // where the next sound belongs, ticks
	newest  int64    // time of the newest picture, ticks of sound
	from    int64    // of the open window
	behind  [2]int64 // how far sound was behind pictures at most, ticks: in the open window, and in the one before
	filled  bool     // the newest sound is silence of our own
	missing bool     // no sound comes
}

// begin begins a run with a picture.
func (f *soundFill) begin(picture *media.Unit) {
	if f.track == nil {
		return
	}
	f.newest = f.ticks(picture.DTS)
	if !f.begun || f.next < f.newest {
		f.begun, f.next, f.filled = true, f.newest, false
	}
}

// ticks converts a time of pictures.
func (f *soundFill) ticks(dts int64) int64 {
	rate := int64(f.track.SampleRate)
	return dts/media.VideoTimescale*rate + dts%media.VideoTimescale*rate/media.VideoTimescale
}

func (f *soundFill) of(d time.Duration) int64 {
	return int64(d) * int64(f.track.SampleRate) / int64(time.Second)
}

// put takes the next unit of a run and returns the silence that belongs before it. If the unit is sound for which silence has been
// recorded already, it must be left out.
func (f *soundFill) put(u *media.Unit) (silence []*media.Unit, late bool) {
	if f.track == nil || !f.begun {
		return nil, false
	}
	if u.Kind == media.Video {
		f.newest = f.ticks(u.DTS)
		return f.picture(u), false
	}
	f.measure(u)
	if late = f.filled && u.DTS < f.next-f.of(aHole) || u.DTS > f.newest+f.of(longestFill); late {
		return nil, true
	}
	f.missing = false
	if u.DTS-f.next >= f.of(aHole) {
		silence = f.until(u.DTS, u.Arrived)
	}
	f.next, f.filled = u.DTS+u.Length(), false
	return silence, false
}

// measure notes how far sound is behind pictures.
func (f *soundFill) measure(u *media.Unit) {
	if passed := u.DTS - f.from; passed > f.of(lateWindow) || passed < 0 {
		f.from, f.behind = u.DTS, [2]int64{0, f.behind[0]}
	}
	f.behind[0] = min(max(f.behind[0], f.newest-u.DTS), f.of(mostPatient))
}

// picture fills up to where sound could still come, once it is missing.
func (f *soundFill) picture(u *media.Unit) []*media.Unit {
	behind := max(f.behind[0], f.behind[1])
	f.missing = f.missing || f.newest-f.next > min(max(f.of(patient), behind+f.of(patient)/2), f.of(mostPatient))
	if !f.missing {
		return nil
	}
	return f.until(f.newest-behind, u.Arrived)
}

// rest returns the silence that is missing at the end of a run, up to its last picture.
func (f *soundFill) rest() []*media.Unit {
	if f.track == nil || !f.begun {
		return nil
	}
	return f.until(f.newest, time.Time{})
}

// until returns silence from where sound is missing up to a time.
func (f *soundFill) until(end int64, arrived time.Time) (silence []*media.Unit) {
	if end-f.next > f.of(longestFill) {
		f.next = end - f.of(longestFill)
	}
	for {
		data, ticks := camera.Silence(f.track, end-f.next)
		if data == nil {
			return silence
		}
		silence = append(silence, &media.Unit{Kind: media.Audio, PTS: f.next, DTS: f.next, Arrived: arrived, Random: true, Data: [][]byte{data}, Samples: int(ticks)})
		f.next, f.filled = f.next+ticks, true
	}
}

// fillSound writes the silence that belongs before a unit, and reports whether the unit itself is to be recorded.
func (r *Recorder) fillSound(u *media.Unit) bool {
	if u.Kind == media.Video && r.align.holdsSound(u.Arrived) {
		return true
	}
	silence, late := r.sound.put(u)
	for _, x := range silence {
		if _, err := r.muxer.Write(x); err != nil {
			break // the muxer says the same of the unit
		}
	}
	return !late
}

// soundOf returns what people see of a session's sound.
func (r *Recorder) soundOf(s session) camera.Sound {
	x := camera.SoundOf(s.Sounds())
	switch {
	case x.Recorded && r.sound.missing:
		x.Why = "the camera announces sound and sends none at present; silence is recorded in its place"
	case !x.Recorded && r.soundOff && x.Codec != "":
		x.Off, x.Why = false, "the camera sent no pictures after it had refused its sound, so it is no longer asked for it"
	}
	return x
}
