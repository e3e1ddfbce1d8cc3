package storage

import (
	"context"
	"path"
	"time"

	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

const (
	// passDuration is how long it takes to read all footage once.
	passDuration = 30 * 24 * time.Hour
	// passRate is how fast one segment is read, bytes a second: a few reads of one fragment, with pauses between them.
	passRate = 2 << 20
	// passPause limits the pause between two segments. In a small store it would last for hours.
	passPause = 10 * time.Minute
	// passIdle is the least pause between two rounds, so that a store of one segment is not read over and over.
	passIdle = 24 * time.Hour
)

// VerificationPass says how far the background reading of all closed segments has come.
type VerificationPass struct {
	LastRound time.Time // end of the last full round; zero before the first
	Began     time.Time // begin of this round; zero while none has begun
	Camera    string    // name of the camera whose footage is being read; empty before the first
	At        time.Time // the footage that was read last
	Read      int64     // bytes in this round
	Total     int64     // bytes of footage
	Found     int64     // segments that did not verify, since the index was made
}

// VerificationPass returns how far the background reading of all footage has come.
func (s *integrity) VerificationPass(ctx context.Context) (VerificationPass, error) {
	x, err := s.index.Verification(ctx)
	if err != nil {
		return VerificationPass{}, err
	}
	out := VerificationPass{LastRound: x.Finished, Began: x.Began, Read: x.Read, Found: x.Found}
	if c := s.cameraOf(x.Stream.Camera); c != nil {
		out.Camera, out.At = c.name, index.FromMicros(x.Start)
	}
	_, out.Total, err = s.index.Total(ctx)
	return out, err
}

// keepVerifying reads one segment after the other, at a pace that takes weeks for all of them, until ctx is over.
func (s *integrity) keepVerifying(ctx context.Context) {
	last := ""
	for {
		pause, err := s.verifyNext(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != last {
			last = err.Error()
			s.log.Error("the verification pass was interrupted; will try again", "err", err)
		}
		timer := time.NewTimer(max(pause, resolveEvery))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// verifyNext reads and verifies the segment after the one that was read last, and returns how long to wait then. It saves its
// position in the index before it returns.
func (s *integrity) verifyNext(ctx context.Context) (time.Duration, error) {
	x, err := s.index.Verification(ctx)
	if err != nil {
		return passPause, err
	}
	if x.Began.IsZero() { // no round is under way
		if since := s.now().Sub(x.Finished); !x.Finished.IsZero() && since >= 0 && since < passIdle {
			return min(passIdle-since, passPause), nil
		}
		x.Began, x.Read, x.Stream, x.Start = s.now(), 0, index.Stream{}, 0
	}
	r, found, err := s.index.NextClosed(ctx, x.Stream, x.Start)
	if err != nil {
		return passPause, s.suspect(err)
	}
	if !found {
		x.Began, x.Finished = time.Time{}, s.now()
		return passPause, s.write(ctx, func(tx *index.Tx) error { return tx.SaveVerification(ctx, x) })
	}
	if err := s.verifySegment(ctx, r, &x); err != nil {
		return passPause, err
	}
	return s.pauseAfter(ctx, r)
}

// verifySegment verifies one segment and moves the position behind it.
func (s *integrity) verifySegment(ctx context.Context, r index.Segment, x *index.Verification) error {
	c := s.cameraOf(r.Stream.Camera)
	_, bad, err := c.verify(ctx, r, &disk.Pace{Rate: passRate})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	unreadable := err // the next one may be readable
	if bad != nil {
		now, noted, err := s.rowOf(ctx, c, r.Name())
		if err != nil {
			return err
		}
		if !noted || now != r { // it was deleted or repaired meanwhile
			bad = nil
		}
	}
	x.Stream, x.Start, x.Read = r.Stream, r.Start, x.Read+r.Size
	return s.write(ctx, func(tx *index.Tx) error {
		if bad != nil {
			x.Found++
			s.log.Error("the verification pass found damaged footage", "camera", c.name, "segment", r.Name(), "problem", bad.Problem)
			d := IntegrityIssue{Found: s.now(), Source: index.SourceVerification, Subject: path.Join(c.folder, r.Name()), Problem: bad.Problem}
			if err := tx.NoteIssue(ctx, d); err != nil {
				return err
			}
		} else if unreadable != nil {
			s.log.Error("footage cannot be read", "camera", c.name, "segment", r.Name(), "err", unreadable)
		}
		return tx.SaveVerification(ctx, *x)
	})
}

// pauseAfter returns how long to pause after a segment, so that reading all of them takes passDuration.
func (s *integrity) pauseAfter(ctx context.Context, r index.Segment) (time.Duration, error) {
	_, total, err := s.index.Total(ctx)
	if err != nil || total <= 0 {
		return passPause, err
	}
	share := time.Duration(float64(r.Size) / float64(total) * float64(passDuration))
	return min(share-time.Duration(r.Size)*time.Second/passRate, passPause), nil
}
