package storage

import (
	"context"
	"path"
	"time"

	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

const (
	// scrubRound is how long reading all footage once is to take.
	scrubRound = 30 * 24 * time.Hour
	// scrubBurst is how fast one segment is read, bytes a second: a few reads of one fragment, with pauses between them.
	scrubBurst = 2 << 20
	// scrubPause bounds the pause between two segments, which in a small store would last for hours.
	scrubPause = 10 * time.Minute
	// scrubIdle is how long the end of a round lasts at least, so that a store of one segment is not read over and over.
	scrubIdle = 24 * time.Hour
)

// Scrub tells how far the slow reading of all closed segments has come.
type Scrub struct {
	LastRound time.Time // end of the last full round; zero before the first
	Began     time.Time // begin of this round; zero while none has begun
	Camera    string    // name of the camera whose footage is being read; empty before the first
	At        time.Time // the footage that was read last
	Read      int64     // bytes in this round
	Total     int64     // bytes of footage
	Found     int64     // segments that did not verify, since the index was made
}

// Scrub returns how far the slow reading of all footage has come.
func (s *Store) Scrub(ctx context.Context) (Scrub, error) {
	x, err := s.index.Verification(ctx)
	if err != nil {
		return Scrub{}, err
	}
	out := Scrub{LastRound: x.Finished, Began: x.Began, Read: x.Read, Found: x.Found}
	if c := s.cameraOf(x.Stream.Camera); c != nil {
		out.Camera, out.At = c.name, index.FromMicros(x.Start)
	}
	_, out.Total, err = s.index.Total(ctx)
	return out, err
}

// keepScrubbing reads one segment after the other, at a pace that takes weeks for all of them, until ctx is over.
func (s *Store) keepScrubbing(ctx context.Context) {
	last := ""
	for {
		pause, err := s.scrubNext(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != last {
			last = err.Error()
			s.log.Error("reading footage over did not go on; will try again", "err", err)
		}
		timer := time.NewTimer(max(pause, settleEvery))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// scrubNext reads and verifies the segment after the one that was read last, and returns how long to wait then. Where it
// stands is in the index before it returns.
func (s *Store) scrubNext(ctx context.Context) (time.Duration, error) {
	x, err := s.index.Verification(ctx)
	if err != nil {
		return scrubPause, err
	}
	if x.Began.IsZero() { // no round is under way
		if since := s.now().Sub(x.Finished); !x.Finished.IsZero() && since >= 0 && since < scrubIdle {
			return min(scrubIdle-since, scrubPause), nil
		}
		x.Began, x.Read, x.Stream, x.Start = s.now(), 0, index.Stream{}, 0
	}
	r, found, err := s.index.NextClosed(ctx, x.Stream, x.Start)
	if err != nil {
		return scrubPause, s.suspect(err)
	}
	if !found {
		x.Began, x.Finished = time.Time{}, s.now()
		return scrubPause, s.write(ctx, func(tx *index.Tx) error { return tx.SaveVerification(ctx, x) })
	}
	if err := s.scrubSegment(ctx, r, &x); err != nil {
		return scrubPause, err
	}
	return s.scrubPauseAfter(ctx, r)
}

// scrubSegment verifies one segment and moves the state behind it.
func (s *Store) scrubSegment(ctx context.Context, r index.Segment, x *index.Verification) error {
	c := s.cameraOf(r.Stream.Camera)
	look := inspection{c: c, row: r, deep: true, pace: &disk.Pace{Rate: scrubBurst}}
	_, bad, err := look.inspect(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		bad = &flaw{kind: FindingUnreadable, problem: err.Error()} // the next one may be readable
	}
	if bad != nil {
		now, noted, err := s.rowOf(ctx, c, r.Name())
		if err != nil {
			return err
		}
		if !noted || now != r { // it was deleted or settled meanwhile
			bad = nil
		}
	}
	x.Stream, x.Start, x.Read = r.Stream, r.Start, x.Read+r.Size
	return s.write(ctx, func(tx *index.Tx) error {
		if bad != nil && bad.kind != FindingUnreadable {
			x.Found++
			s.log.Error("footage that was read over does not verify", "camera", c.name, "segment", r.Name(), "problem", bad.problem)
			d := Doubt{Found: s.now(), Source: index.SourceVerification, Subject: path.Join(c.folder, r.Name()), Problem: bad.problem}
			if err := tx.NoteIssue(ctx, d); err != nil {
				return err
			}
		} else if bad != nil {
			s.log.Error("footage cannot be read", "camera", c.name, "segment", r.Name(), "err", bad.problem)
		}
		return tx.SaveVerification(ctx, *x)
	})
}

// scrubPauseAfter returns how long a segment's reading is to be followed by nothing, for all of them to take scrubRound.
func (s *Store) scrubPauseAfter(ctx context.Context, r index.Segment) (time.Duration, error) {
	_, total, err := s.index.Total(ctx)
	if err != nil || total <= 0 {
		return scrubPause, err
	}
	share := time.Duration(float64(r.Size) / float64(total) * float64(scrubRound))
	return min(share-time.Duration(r.Size)*time.Second/scrubBurst, scrubPause), nil
}
