package storage

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// purgeQuarantine deletes the files in quarantine that hold anything of the camera's footage in the span: what an owner
// deletes is to be gone, damaged or not. It returns how many they were.
func (s *integrity) purgeQuarantine(ctx context.Context, c *camera, span Span) (int, error) {
	return s.purge(func(name string) (bool, error) { return s.holdsAny(ctx, c, name, span) })
}

// ageQuarantine deletes the files in quarantine that are older than footage of their camera may be.
func (s *integrity) ageQuarantine() error {
	known := s.all()
	now := s.ageNow()
	_, err := s.purge(func(name string) (bool, error) {
		for _, c := range known {
			start, ok := quarantinedStart(c, name)
			if ok && c.retain.Age > 0 && start.Add(longestSegment*s.o.SegmentDuration).Before(now.Add(-c.retain.Age)) {
				return true, nil
			}
		}
		return false, nil
	})
	return err
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) && !b.IsZero() {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// purge deletes the files in quarantine of which doomed says so, and then the notes about them.
func (s *integrity) purge(doomed func(name string) (bool, error)) (n int, err error) {
	s.repairing.Lock()
	defer s.repairing.Unlock()
	entries, err := s.disk.List(QuarantineFolder)
	if disk.IsMissing(err) {
		return 0, nil
	}
	errs := []error{err}
	for _, e := range entries {
		if !disk.IsRegular(e) || !strings.HasSuffix(e.Name(), ".mp4") {
			continue
		}
		yes, err := doomed(e.Name())
		if yes && err == nil {
			name := path.Join(QuarantineFolder, e.Name())
			err = errors.Join(disk.RemoveSynced(s.disk, name), s.removeNotes(name))
			n++
			s.log.Info("a file in quarantine was deleted with the footage of its time", "file", name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("quarantine %s: %w", e.Name(), err))
		}
	}
	return n, errors.Join(errs...)
}

// removeNotes removes the note about a file in quarantine that is gone, also where a crash came between the two when it
// got the name of a resolved one.
func (s *integrity) removeNotes(name string) error {
	other, resolved := strings.CutSuffix(name, ResolvedSuffix)
	if resolved {
		other += ".mp4"
	} else {
		other = strings.TrimSuffix(name, ".mp4") + ResolvedSuffix
	}
	err := disk.RemoveSynced(s.disk, name+noteSuffix)
	if _, there := s.disk.Stat(other); disk.IsMissing(there) {
		err = errors.Join(err, disk.RemoveSynced(s.disk, other+noteSuffix))
	}
	return err
}

// quarantinedStart returns when the footage of a file in quarantine begins, by the name that it was given there.
func quarantinedStart(c *camera, name string) (time.Time, bool) {
	rest, ours := strings.CutPrefix(name, c.folder+"-")
	_, rest, ok := strings.Cut(rest, "-") // the stream
	const layout = index.DayLayout + "-" + index.TimeLayout
	if !ours || !ok || len(rest) < len(layout) {
		return time.Time{}, false
	}
	at, err := time.Parse(layout, rest[:len(layout)])
	return at, err == nil
}

// holdsAny reports whether a file in quarantine has footage of the camera in the span: by its labels, and where nothing
// verifies by its name.
func (s *integrity) holdsAny(ctx context.Context, c *camera, name string, span Span) (bool, error) {
	f, err := s.disk.Open(path.Join(QuarantineFolder, name))
	if err != nil {
		return false, err
	}
	defer f.Close()
	x := &source{name: name, file: (&disk.Pace{Rate: resolveRate}).File(ctx, f)}
	if x.size, err = f.Size(); err != nil {
		return false, err
	}
	if _, err := s.lookInto(ctx, x); err != nil {
		return false, err
	}
	if x.c != nil && x.c.id != c.id {
		return false, nil
	}
	for _, t := range x.Stretches {
		if t.Entries[0].Start.Before(span.To) && t.Entries[len(t.Entries)-1].End().After(span.From) {
			return true, nil
		}
	}
	start, ok := quarantinedStart(c, name)
	return ok && len(x.Stretches) == 0 && start.Before(span.To) && start.Add(longestSegment*s.o.SegmentDuration).After(span.From), nil
}
