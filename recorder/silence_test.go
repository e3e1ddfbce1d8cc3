package recorder

import (
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
)

// fillTrial feeds a soundFill and checks that what comes out is without holes.
type fillTrial struct {
	t     *testing.T
	f     soundFill
	end   int64 // of the sound so far, ticks
	heard int   // units of the camera's own sound
	lost  int   // of them, left out
	made  int64 // silence, ticks
}

func newFillTrial(t *testing.T, track *media.AudioTrack) *fillTrial {
	x := &fillTrial{t: t, f: soundFill{track: track}}
	x.f.begin(&media.Unit{Kind: media.Video})
	return x
}

// picture passes on the picture of a moment.
func (x *fillTrial) picture(at time.Duration) {
	silence, _ := x.f.put(&media.Unit{Kind: media.Video, DTS: int64(at) * media.VideoTimescale / int64(time.Second)})
	x.take(silence)
}

// sound passes on the sound of a moment, which lasts samples ticks.
func (x *fillTrial) sound(at time.Duration, samples int64) {
	x.t.Helper()
	u := &media.Unit{Kind: media.Audio, DTS: x.f.of(at), Samples: int(samples)}
	silence, late := x.f.put(u)
	x.take(silence)
	x.heard++
	if late {
		x.lost++
		return
	}
	if hole := u.DTS - x.end; hole >= x.f.of(aHole)+1024 && x.f.track.Codec != media.FLAC || hole >= x.f.of(aHole) && x.f.track.Codec == media.FLAC {
		x.t.Errorf("a hole of %d ticks before %v", hole, at)
	}
	x.end = u.DTS + samples
}

func (x *fillTrial) take(silence []*media.Unit) {
	x.t.Helper()
	for _, u := range silence {
		if u.DTS < x.end || u.DTS-x.end > x.f.of(aHole) {
			x.t.Errorf("silence at %d after sound up to %d", u.DTS, x.end)
		}
		x.end = u.DTS + u.Length()
		x.made += u.Length()
	}
}

const fillPicture = 40 * time.Millisecond

// run passes on pictures and sound from a moment to another. The sound comes late after its pictures, and only where comes says so.
func (x *fillTrial) run(from, to, late time.Duration, comes func(time.Duration) bool) {
	x.t.Helper()
	samples := int64(320)
	if x.f.track.Codec == media.AAC {
		samples = 1024
	}
	each := time.Duration(samples) * time.Second / time.Duration(x.f.track.SampleRate)
	heard := from - late
	for at := from; at < to; at += fillPicture {
		for ; heard <= at-late; heard += each {
			if heard >= 0 && comes(heard) {
				x.sound(heard, samples)
			}
		}
		x.picture(at)
	}
}

func fillTracks() map[string]*media.AudioTrack {
	return map[string]*media.AudioTrack{
		"AAC":  {Codec: media.AAC, Config: []byte{0x14, 0x08}, SampleRate: 16000, Channels: 1},
		"FLAC": {Codec: media.FLAC, SampleRate: 8000, Channels: 1},
		"Opus": {Codec: media.Opus, SampleRate: 48000, Channels: 2},
	}
}

func always(time.Duration) bool { return true }

func TestSoundThatComesIsLeftAlone(t *testing.T) {
	for name, track := range fillTracks() {
		if track.Codec == media.Opus {
			continue // its packets have another length
		}
		for _, late := range []time.Duration{0, 300 * time.Millisecond, 900 * time.Millisecond} {
			x := newFillTrial(t, track)
			x.run(0, time.Minute, late, always)
			if x.made != 0 || x.lost != 0 {
				t.Errorf("%s, %v late: %d ticks of silence, %d of %d units lost", name, late, x.made, x.lost, x.heard)
			}
		}
	}
}

func TestHolesOfSoundAreFilledWithSilence(t *testing.T) {
	for name, track := range fillTracks() {
		for _, late := range []time.Duration{0, 300 * time.Millisecond, 900 * time.Millisecond, 2 * time.Second} {
			x := newFillTrial(t, track)
			away := func(at time.Duration) bool {
				return at < 30*time.Second || at > 60*time.Second && (at < 70*time.Second || at > 70500*time.Millisecond) && at/time.Second != 80
			}
			if track.Codec == media.Opus {
				away = func(time.Duration) bool { return false }
			}
			x.run(0, 90*time.Second, late, away)
			if behind := x.f.newest - x.end; behind > x.f.of(late+1600*time.Millisecond) {
				t.Errorf("%s, %v late: sound ends %d ticks before the pictures", name, late, behind)
			}
			if late < time.Second && x.lost > 40 { // in the first second nobody knows how late it comes
				t.Errorf("%s, %v late: %d of %d units lost", name, late, x.lost, x.heard)
			}
			if track.Codec != media.Opus && x.made < x.f.of(29*time.Second) {
				t.Errorf("%s: %d ticks of silence in half a minute", name, x.made)
			}
		}
	}
}

func TestSoundThatComesVeryLateIsLearnt(t *testing.T) {
	x := newFillTrial(t, fillTracks()["FLAC"])
	x.run(0, 20*time.Second, 2*time.Second, always)
	lost := x.lost
	x.run(20*time.Second, 60*time.Second, 2*time.Second, always)
	if x.lost != lost {
		t.Errorf("%d units are lost after the first %d", x.lost-lost, lost)
	}
}

func TestAWrongStampOfSoundFillsNoMemory(t *testing.T) {
	x := newFillTrial(t, fillTracks()["FLAC"])
	x.run(0, 2*time.Second, 0, always)
	x.f.put(&media.Unit{Kind: media.Audio, DTS: x.f.of(1000 * time.Hour), Samples: 160})
	if x.made > 0 || x.f.next > x.f.of(3*time.Second) {
		t.Errorf("a stamp far ahead is followed up to %d", x.f.next)
	}
	silence, _ := x.f.put(&media.Unit{Kind: media.Video, DTS: 1000 * 3600 * media.VideoTimescale})
	if sum := int64(len(silence)) * 800; sum > x.f.of(longestFill)+800 {
		t.Errorf("%d ticks of silence after a picture far ahead", sum)
	}
}

func TestSilenceDecodes(t *testing.T) {
	for name, track := range fillTracks() {
		data, ticks := camera.Silence(track, 5000)
		if len(data) == 0 || ticks <= 0 || ticks > 5000 {
			t.Errorf("%s: %x for %d ticks", name, data, ticks)
		}
		if data, ticks := camera.Silence(track, 0); data != nil || ticks != 0 {
			t.Errorf("%s: %x for nothing", name, data)
		}
	}
}

func TestSoundThatStopsWhileItIsHeldCountsAsMissing(t *testing.T) {
	a, now := newAlignment(8000), time.Now()
	if a.holdsSound(now) {
		t.Error("nothing is held")
	}
	a.put(camera.Item{Unit: &media.Unit{Kind: media.Audio, Arrived: now, Samples: 160, Data: [][]byte{{1}}}})
	if !a.holdsSound(now.Add(time.Second)) {
		t.Error("the first sound is not held")
	}
	if a.holdsSound(now.Add(longestSettle + time.Second)) {
		t.Error("sound that came once is waited for")
	}
}

func TestSoundReachesTheLastPictureOfARun(t *testing.T) {
	x := newFillTrial(t, fillTracks()["FLAC"])
	x.run(0, 5*time.Second, 900*time.Millisecond, always)
	if x.f.newest-x.end < x.f.of(500*time.Millisecond) {
		t.Fatal("sound is not late")
	}
	x.take(x.f.rest())
	if x.end != x.f.newest {
		t.Errorf("sound ends at %d, the last picture begins at %d", x.end, x.f.newest)
	}
	if empty := (&soundFill{}); empty.rest() != nil {
		t.Error("silence in a run without sound")
	}
}
