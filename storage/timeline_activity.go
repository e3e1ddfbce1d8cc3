package storage

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// Activity is how much happened in front of a camera, told from the sizes of what it sent: a coded picture is the larger
// the more of it differs from the one before. No footage is read for it, let alone decoded. It is a measure to compare
// moments of one camera with each other; it does not know a person from rain.
type Activity struct {
	Step  time.Duration
	Rates []int64 // of each step, bytes a second more than when it was quietest around then; NoFootage where there is none
}

// NoFootage stands in Activity.Rates for a step without footage.
const NoFootage = -1

const (
	// MaxActivity bounds the span of an Activity.
	MaxActivity = 32 * 24 * time.Hour
	// MinActivityStep is the shortest step: cameras send a key frame every second or less often, and between two of
	// them the index knows nothing.
	MinActivityStep = time.Second
	// MaxActivitySteps bounds the number of steps.
	MaxActivitySteps = 4000
)

const (
	// coarseStep is the step from which whole segments are precise enough, so that their key frames need not be read.
	coarseStep = 5 * time.Minute
	// quietBlock is the length of the periods whose smallest group of pictures is looked for.
	quietBlock = 30 * time.Minute
	// tablePace is about what the table at the end of a segment takes, bytes a second of footage, for 25 pictures. How
	// much it really is the index does not know; without it each segment would seem to end with something that happens.
	tablePace = 150
)

// Activity returns the activity of the permit's camera in steps. The last step may end after the span, but counts nothing
// after the span's end. Footage that is being written counts as far as it has been written. The measure is the size of a
// whole group of pictures, from a key frame to the next, less the smallest size in that half hour and the ones around it:
// that part is the key frame, noise and sound, which say nothing about activity. A camera with a constant bit rate shows
// little. Activity needs a permit for Playback or Export, and returns access.ErrDenied, ErrUnknownCamera, ErrSpan or
// ErrTooLong. Under a permit for a limited time, only groups that lie entirely within it count.
func (ts *timelines) Activity(ctx context.Context, p access.Permit, q media.Quality, span Span, step time.Duration) (Activity, error) {
	if _, err := ts.permitCheck.admit(p); err != nil {
		return Activity{}, err
	}
	span = Span{span.From.UTC().Truncate(time.Microsecond), span.To.UTC().Truncate(time.Microsecond)}
	if err := span.check(MaxActivity); err != nil {
		return Activity{}, err
	}
	step = step.Truncate(time.Microsecond)
	if step < MinActivityStep || span.To.Sub(span.From) > step*MaxActivitySteps {
		return Activity{}, fmt.Errorf("%w: steps of at least %v, at most %d of them", ErrTooLong, MinActivityStep, MaxActivitySteps)
	}
	if !p.Window().Covers(span.From, span.To) {
		return Activity{}, access.ErrDenied
	}
	m := newMeter(span, step)
	m.whole = !p.Window().Open()
	stream := media.StreamID{Camera: media.CameraID(p.Camera()), Quality: q}
	live := ts.cameraList.writtenOf(stream)
	keys := step < coarseStep || m.whole
	err := ts.db.index.Sizes(ctx, stream, index.Interval{From: m.from, To: m.to}, keys, func(x index.SizedSegment) { m.segment(x, live) })
	if err != nil {
		return Activity{}, fmt.Errorf("activity: %w", ts.db.suspect(err))
	}
	return Activity{Step: step, Rates: m.rates()}, nil
}

// meter adds up bytes in the steps of a span.
type meter struct {
	from, to, step int64     // µs
	whole          bool      // only what lies in the span as a whole counts
	bytes          []float64 // of footage in each step
	covered        []float64 // of each step, how long there is footage, µs
}

func newMeter(span Span, step time.Duration) *meter {
	m := &meter{from: index.Micros(span.From), to: index.Micros(span.To), step: step.Microseconds()}
	n := (m.to - m.from + m.step - 1) / m.step
	m.bytes, m.covered = make([]float64, n), make([]float64, n)
	return m
}

// segment adds a segment, group by group where its key frames are known and as one where they are not.
func (m *meter) segment(x index.SizedSegment, live beingWritten) {
	var keys []index.KeyFrame
	switch {
	case x.State == index.StateClosed:
		x.Size -= tablePace * (x.End - x.Start) / 1_000_000
		var err error
		if keys, err = index.UnpackKeys(x.Start, x.Keys); err != nil {
			keys = nil // nvr check tells; the segment's length and size stand in the row
		}
	case live.run == x.Run && live.start == x.Start && len(live.entries) > 0:
		keys, x.End, x.Size = index.KeysOf(live.entries), live.end, live.size
	default:
		return // nothing of it is written, or it was closed since
	}
	at, offset := x.Start, x.Init
	for _, k := range keys {
		m.group(at, k.At, k.Offset-offset)
		at, offset = k.At, k.Offset
	}
	m.group(at, x.End, x.Size-offset)
}

// group adds bytes that were sent from one key frame to the next, evenly.
func (m *meter) group(from, to, bytes int64) {
	if from >= to || to <= m.from || from >= m.to || m.whole && (from < m.from || to > m.to) {
		return
	}
	pace := float64(max(bytes, 0)) / float64(to-from)
	from, to = max(from, m.from), min(to, m.to)
	for i := (from - m.from) / m.step; from < to; i++ {
		end := min(to, m.from+(i+1)*m.step)
		m.bytes[i] += pace * float64(end-from)
		m.covered[i] += float64(end - from)
		from = end
	}
}

// rates returns the rate of each step above the quietest around it.
func (m *meter) rates() []int64 {
	rates := make([]float64, len(m.bytes))
	for i := range rates {
		rates[i] = m.bytes[i] / m.covered[i] * 1e6 // NaN without footage
	}
	block := max(1, int(quietBlock.Microseconds()/m.step))
	var quiet []float64 // of each block
	for some := range slices.Chunk(rates, block) {
		quiet = append(quiet, quietest(some))
	}
	out := make([]int64, len(rates))
	for i, rate := range rates {
		if math.IsNaN(rate) {
			out[i] = NoFootage
			continue
		}
		n := i / block
		floor := quiet[n]
		for _, around := range quiet[max(0, n-1):min(n+2, len(quiet))] {
			if around < floor { // which NaN is not
				floor = around
			}
		}
		out[i] = int64(max(0, rate-floor))
	}
	return out
}

// quietest is the rate below which a twentieth of the rates lie, so that a single odd one does not count; NaN without any.
func quietest(rates []float64) float64 {
	known := slices.DeleteFunc(slices.Clone(rates), math.IsNaN)
	if len(known) == 0 {
		return math.NaN()
	}
	slices.Sort(known)
	return known[len(known)/20]
}
