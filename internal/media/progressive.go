package media

import (
	"fmt"
	"math"
)

// maxClipSamples bounds the memory that the header of a clip takes: a day at 60 frames a second.
const maxClipSamples = 24 * 3600 * 60

// ProgressiveHeader returns the beginning of a plain MP4 file (ISO/IEC 14496-12): ftyp, moov and the header of its mdat. The
// payload must follow: for each entry its video bytes and then, if there is audio, its audio bytes, nothing else. All
// entries must be in order, from runs with the same codec parameters as run. Pauses between entries are cut out.
func ProgressiveHeader(run *Run, entries []Entry, audio bool) ([]byte, error) {
	if len(entries) == 0 {
		return nil, fmt.Errorf("%w: clip without fragments", ErrFormat)
	}
	p := &progressive{run: run, entries: entries, audio: audio && run.Audio != nil}
	p.measure()
	if p.videoSamples > maxClipSamples {
		return nil, fmt.Errorf("%w: clip of %d pictures", ErrFormat, p.videoSamples)
	}
	// The header's length depends only on whether offsets need 64 bits.
	p.wide = p.payload > math.MaxUint32-(64<<20)
	first := p.encode(64<<10 + 4*p.videoSamples + 12*len(entries))
	p.dataStart = int64(len(first))
	return p.encode(len(first)), nil
}

// progressive holds the data for the boxes of one clip.
type progressive struct {
	run          *Run
	entries      []Entry
	audio        bool
	wide         bool // offsets of 64 bits
	payload      int64
	dataStart    int64
	videoSamples int
	videoTicks   uint64
	audioTicks   uint64
	audioDelta   []int64 // correction of the last audio sample of each entry, which keeps audio in sync
	audioLead    int64   // when the audio begins, in audio ticks from the first frame's decoding time
}

// measure adds up the tracks and finds how the audio of each entry must be stretched to begin with its video.
func (p *progressive) measure() {
	p.audioDelta = make([]int64, len(p.entries))
	lastWithAudio := -1
	for i := range p.entries {
		e := &p.entries[i]
		p.payload += e.VideoBytes()
		p.videoSamples += len(e.Video)
		if p.audio && len(e.Audio) > 0 {
			p.payload += e.AudioBytes()
			rate := int64(p.run.Audio.SampleRate)
			at := int64(p.videoTicks)*rate/VideoTimescale + int64(e.AudioBase) - int64(e.VideoBase)*rate/VideoTimescale
			if lastWithAudio < 0 {
				p.audioLead = at
			} else {
				last := &p.entries[lastWithAudio]
				final := int64(last.Audio[len(last.Audio)-1].Duration)
				delta := max(at-p.audioLead-int64(p.audioTicks), 1-final)
				p.audioDelta[lastWithAudio] = delta
				p.audioTicks += uint64(delta)
			}
			for _, s := range e.Audio {
				p.audioTicks += uint64(s.Duration)
			}
			lastWithAudio = i
		}
		for _, s := range e.Video {
			p.videoTicks += uint64(s.Duration)
		}
	}
	p.audio = lastWithAudio >= 0
}

// encode returns the header, for which it allocates room bytes.
func (p *progressive) encode(room int) []byte {
	w := &boxes{b: make([]byte, 0, room)}
	w.fileType("isom", "isom", "iso2", "mp41")
	w.box("moov", func() {
		w.movieHeader(p.videoTicks)
		v := p.run.Video
		w.track(trackHead{id: videoTrackID, handler: "vide", width: v.Width, height: v.Height, timescale: VideoTimescale,
			duration: p.videoTicks, entry: v.entry, edits: p.videoEdits(), tables: p.videoTables})
		if p.audio {
			a := p.run.Audio
			w.track(trackHead{id: audioTrackID, handler: "soun", timescale: uint32(a.SampleRate),
				duration: p.audioTicks, entry: a.entry, edits: p.audioEdits(), tables: p.audioTables})
		}
	})
	if p.wide {
		w.u32(1)
		w.str("mdat")
		w.u64(uint64(p.payload) + 16)
	} else {
		w.u32(uint32(p.payload + 8))
		w.str("mdat")
	}
	return w.b
}

// editList appends an elst box (ISO/IEC 14496-12 8.6.6): an optional pause, then the track from mediaTime on. The times
// of edits are in the movie's timescale, mediaTime in the track's.
func (w *boxes) editList(pause, duration uint64, mediaTime int64) {
	w.full("elst", 1, 0, func() {
		if pause == 0 {
			w.u32(1)
		} else {
			w.u32(2)
			w.u64(pause)
			w.u64(math.MaxUint64) // -1: an empty edit
			w.u32(0x10000)
		}
		w.u64(duration)
		w.u64(uint64(mediaTime))
		w.u32(0x10000)
	})
}

// videoEdits makes presentation begin with the first frame, which reordering may have moved after time zero.
func (p *progressive) videoEdits() func(*boxes) {
	first := p.entries[0].Video[0].Offset
	if first <= 0 {
		return nil
	}
	return func(w *boxes) { w.editList(0, p.videoTicks, int64(first)) }
}

// audioEdits keeps the audio in sync with the video.
func (p *progressive) audioEdits() func(*boxes) {
	rate := int64(p.run.Audio.SampleRate)
	lead := p.audioLead - max(int64(p.entries[0].Video[0].Offset), 0)*rate/VideoTimescale
	duration := p.audioTicks * VideoTimescale / uint64(rate)
	switch {
	case lead > 0:
		return func(w *boxes) { w.editList(uint64(lead)*VideoTimescale/uint64(rate), duration, 0) }
	case lead < 0:
		return func(w *boxes) { w.editList(0, duration, -lead) }
	}
	return nil
}

// runLengths groups equal neighbours, as stts, ctts and stsc need them.
type runLengths []struct{ count, value uint32 }

func (r *runLengths) add(value uint32) {
	if n := len(*r); n > 0 && (*r)[n-1].value == value {
		(*r)[n-1].count++
		return
	}
	*r = append(*r, struct{ count, value uint32 }{1, value})
}

func (r runLengths) box(w *boxes, kind string, version byte) {
	w.full(kind, version, 0, func() {
		w.u32(uint32(len(r)))
		for _, x := range r {
			w.u32(x.count)
			w.u32(x.value)
		}
	})
}

func (p *progressive) videoTables(w *boxes) {
	var durations, offsets runLengths
	var keys []uint32
	reordered, n := false, uint32(0)
	for i := range p.entries {
		for _, s := range p.entries[i].Video {
			n++
			durations.add(s.Duration)
			offsets.add(uint32(s.Offset))
			reordered = reordered || s.Offset != 0
			if s.Random {
				keys = append(keys, n)
			}
		}
	}
	durations.box(w, "stts", 0)
	if reordered {
		offsets.box(w, "ctts", 1)
	}
	w.full("stss", 0, 0, func() {
		w.u32(uint32(len(keys)))
		for _, k := range keys {
			w.u32(k)
		}
	})
	p.layout(w, func(e *Entry) ([]Sample, int64) { return e.Video, 0 })
}

func (p *progressive) audioTables(w *boxes) {
	var durations runLengths
	for i := range p.entries {
		samples := p.entries[i].Audio
		for k, s := range samples {
			if k == len(samples)-1 {
				durations.add(uint32(int64(s.Duration) + p.audioDelta[i]))
			} else {
				durations.add(s.Duration)
			}
		}
	}
	durations.box(w, "stts", 0)
	p.layout(w, func(e *Entry) ([]Sample, int64) { return e.Audio, e.VideoBytes() })
}

// layout appends stsc, stsz and stco or co64 for the track that pick selects. Each entry is a chunk that begins the given
// number of bytes into the entry's payload.
func (p *progressive) layout(w *boxes, pick func(*Entry) ([]Sample, int64)) {
	count := 0
	offsets := make([]uint64, 0, len(p.entries))
	type chunkRun struct{ first, samples uint32 }
	var chunks []chunkRun
	at := p.dataStart
	for i := range p.entries {
		e := &p.entries[i]
		if samples, skip := pick(e); len(samples) > 0 {
			offsets = append(offsets, uint64(at+skip))
			if n := len(chunks); n == 0 || chunks[n-1].samples != uint32(len(samples)) {
				chunks = append(chunks, chunkRun{uint32(len(offsets)), uint32(len(samples))})
			}
			count += len(samples)
		}
		at += e.VideoBytes()
		if p.audio {
			at += e.AudioBytes()
		}
	}
	w.full("stsc", 0, 0, func() {
		w.u32(uint32(len(chunks)))
		for _, c := range chunks {
			w.u32(c.first)
			w.u32(c.samples)
			w.u32(1)
		}
	})
	w.full("stsz", 0, 0, func() {
		w.u32(0)
		w.u32(uint32(count))
		for i := range p.entries {
			samples, _ := pick(&p.entries[i])
			for _, s := range samples {
				w.u32(s.Size)
			}
		}
	})
	if p.wide {
		w.full("co64", 0, 0, func() { w.u32(uint32(len(offsets))); each(offsets, w.u64) })
		return
	}
	w.full("stco", 0, 0, func() {
		w.u32(uint32(len(offsets)))
		each(offsets, func(o uint64) { w.u32(uint32(o)) })
	})
}

func each(values []uint64, f func(uint64)) {
	for _, v := range values {
		f(v)
	}
}
