package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// setAside stops serving a segment whose bytes are wrong, and notes an integrity issue. The file stays where it is until the issue
// is resolved. A segment that is being written is closed after its last good fragment instead.
func (s *integrity) setAside(c *camera, r index.Segment, why error) {
	s.log.Error("footage does not verify; its segment was set aside", "camera", c.name, "segment", r.Name(), "err", why)
	stream := media.StreamID{Camera: c.id, Quality: r.Stream.Quality}
	w := s.writer(stream)
	if w != nil {
		w.markSuspect(r.Start)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.writeOrOwe(ctx, "quarantine", func(ctx context.Context, tx *index.Tx) error {
		if err := withdraw(ctx, tx, r); err != nil {
			return err
		}
		return tx.NoteIssue(ctx, IntegrityIssue{Found: s.now(), Source: index.SourceServing, Subject: path.Join(c.folder, r.Name()), Problem: why.Error()})
	})
	if err != nil {
		s.log.Error("a segment could not be set aside", "camera", c.name, "segment", r.Name(), "err", err)
	}
}

// missed makes a gap of a segment whose file a reader did not find.
func (s *integrity) missed(c *camera, r index.Segment) {
	s.log.Error("a segment's file is missing", "camera", c.name, "segment", r.Name())
	if _, err := readIdentity(s.disk, s.o.Recordings); err != nil {
		s.log.Error("the recordings disk is missing too", "path", s.o.Recordings, "err", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.files.loseMissing(ctx, c, r, ReasonMissing); err != nil {
		s.log.Error("a missing segment could not be noted", "camera", c.name, "segment", r.Name(), "err", err)
	}
}

// markSuspect has the open segment that begins at start closed before anything else is written to it.
func (w *Writer) markSuspect(start int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seg != nil && w.seg.Start == start {
		w.seg.MarkSuspect()
	}
}

// QuarantineFolder is the name of the folder in recordings for damaged files.
const QuarantineFolder = "quarantine"

// noteSuffix is appended to the name of a file in quarantine to name the note about it.
const noteSuffix = ".txt"

// quarantineFile moves a file out of the camera's folder, with a note that says why. Files in quarantine are never
// served.
func (s *integrity) quarantineFile(c *camera, name string, why error) error {
	_, err := s.moveToQuarantine(c, name, why)
	return err
}

// moveToQuarantine is quarantineFile and returns where the file is then. What verifies in it is restored when the integrity issue
// about it is resolved.
func (s *integrity) moveToQuarantine(c *camera, name string, why error) (string, error) {
	if err := s.disk.Mkdir(QuarantineFolder); err != nil {
		return "", err
	}
	target := path.Join(QuarantineFolder, c.folder+"-"+strings.ReplaceAll(name, "/", "-"))
	for n := 2; ; n++ {
		_, err := s.disk.Stat(target)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", err
		}
		target = path.Join(QuarantineFolder, fmt.Sprintf("%s-%s-%d.mp4", c.folder, strings.TrimSuffix(strings.ReplaceAll(name, "/", "-"), ".mp4"), n))
	}
	note := fmt.Sprintf("%s\nwas moved here at %s, because: %v\n", path.Join(c.folder, name), s.now().Format(time.RFC3339), why)
	if err := disk.WriteFile(s.disk, target+noteSuffix, []byte(note)); err != nil {
		return "", err
	}
	if err := s.disk.Rename(path.Join(c.folder, name), target); err != nil {
		return "", err
	}
	s.log.Error("a file was moved to quarantine", "camera", c.name, "file", name, "to", target, "err", why)
	if err := errors.Join(s.disk.SyncDir(QuarantineFolder), c.files.SyncDir(path.Dir(name))); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return target, s.writeOrOwe(ctx, "integrity issue", func(ctx context.Context, tx *index.Tx) error {
		return tx.NoteIssue(ctx, IntegrityIssue{Found: s.now(), Source: index.SourceRecovery, Subject: target, Problem: why.Error()})
	})
}

// purgeQuarantine deletes the files in quarantine that hold footage of the camera in the span: what an owner
// deletes must be gone, damaged or not. It returns how many files it deleted.
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

// purge deletes the files in quarantine for which doomed is true, and their notes.
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

// removeNotes removes the note about a file in quarantine that is gone. A crash in markResolved may have left the note under the
// file's other name.
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

// quarantinedStart returns when the footage of a file in quarantine begins, according to its name.
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

// holdsAny reports whether a file in quarantine has footage of the camera in the span. It goes by the labels, or by the name when
// nothing verifies.
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
