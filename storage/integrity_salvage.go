package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// noteQuarantined notes an integrity issue about every file in quarantine that has none: after a crash before the issue was noted, or
// when the index was lost.
func (s *integrity) noteQuarantined(ctx context.Context) error {
	entries, err := s.disk.List(QuarantineFolder)
	if disk.IsMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !disk.IsRegular(e) || !strings.HasSuffix(e.Name(), ".mp4") || strings.HasSuffix(e.Name(), ResolvedSuffix) {
			continue
		}
		subject := path.Join(QuarantineFolder, e.Name())
		noted, err := s.index.HasIssue(ctx, subject)
		if err != nil {
			return err
		}
		if noted {
			continue
		}
		d := IntegrityIssue{Found: s.now(), Source: index.SourceRecovery, Subject: subject, Problem: "a file in quarantine that nobody looked into"}
		if err := s.write(ctx, func(tx *index.Tx) error { return tx.NoteIssue(ctx, d) }); err != nil {
			return err
		}
	}
	return nil
}

// source is a file in quarantine from which footage is restored.
type source struct {
	name string // in recordings
	file disk.File
	size int64
	c    *camera
	segment.Salvaged
}

// ResolvedSuffix ends the names of files in quarantine from which everything that verifies was restored. The name says so and not
// the index, which may be lost: otherwise footage that is deleted later would come back from such a file.
const ResolvedSuffix = ".settled.mp4"

// salvageQuarantined restores what verifies in a file in quarantine. A file that verifies completely is moved back; otherwise each
// good stretch is copied to a new file, and the damaged file stays, with ResolvedSuffix. Nothing is restored where the
// archive has footage of that time, or where footage was deleted.
func (s *integrity) salvageQuarantined(ctx context.Context, name string, p *disk.Pace) (string, error) {
	if strings.HasSuffix(name, ResolvedSuffix) {
		return "what verifies in it was restored before; the file stays in quarantine", nil
	}
	f, err := s.disk.Open(name)
	if disk.IsMissing(err) {
		return "it is gone", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	x := &source{name: name, file: p.File(ctx, f)}
	if x.size, err = f.Size(); err != nil {
		return "", err
	}
	why, err := s.lookInto(ctx, x)
	if err != nil || why != "" {
		return why, err
	}
	var back, all time.Duration
	hindrance := ""
	for i := range x.Stretches {
		t := &x.Stretches[i]
		length := t.Entries[len(t.Entries)-1].End().Sub(t.Entries[0].Start)
		all += length
		no, err := s.takeBack(ctx, x, t)
		if err != nil {
			return "", err
		}
		if no == "" {
			back += length
		} else {
			hindrance = "; of the rest " + no
		}
	}
	if x.Whole && back > 0 {
		return fmt.Sprintf("all of it verifies; %s were restored", format.Duration(back)), nil
	}
	resolved, err := s.markResolved(name)
	if err != nil {
		return "", err
	}
	if back == 0 {
		return "nothing was restored; the file stays in quarantine as " + resolved + hindrance, nil
	}
	return fmt.Sprintf("%s of the %s that verify were restored; the damaged file stays in quarantine as %s%s",
		format.Duration(back), format.Duration(all), resolved, hindrance), nil
}

// markResolved renames a file in quarantine from which nothing more can be restored. Its note is renamed first, so that after a crash
// both are renamed again.
func (s *integrity) markResolved(name string) (string, error) {
	base := strings.TrimSuffix(name, ".mp4")
	target := base + ResolvedSuffix
	for n := 2; ; n++ {
		_, err := s.disk.Stat(target)
		if disk.IsMissing(err) {
			break
		}
		if err != nil {
			return "", err
		}
		target = fmt.Sprintf("%s-%d%s", base, n, ResolvedSuffix)
	}
	if err := s.disk.Rename(name+noteSuffix, target+noteSuffix); err != nil && !disk.IsMissing(err) {
		return "", err
	}
	if err := s.disk.Rename(name, target); err != nil {
		return "", err
	}
	return path.Base(target), s.disk.SyncDir(QuarantineFolder)
}

// lookInto finds out which camera the file belongs to and what in it verifies. When nothing does, why says so.
func (s *integrity) lookInto(ctx context.Context, x *source) (why string, err error) {
	label, err := media.FirstLabel(x.file, x.size)
	if err != nil && !segment.IsDamage(err) {
		return "", err
	}
	if err == nil {
		x.c, _ = s.camera(label.Camera)
	}
	if x.c == nil {
		return "it is not a segment of a camera of this store; the file stays in quarantine", nil
	}
	if x.Salvaged, err = segment.Salvage(x.c.owner(), x.file, x.size, nil); err == nil && x.Run == nil {
		run, unknown := s.runByHeader(ctx, x.c, label.Run)
		if unknown != nil || run == nil {
			return "its header does not verify, and no other segment of its run is left; the file stays in quarantine", unknown
		}
		x.Salvaged, err = segment.Salvage(x.c.owner(), x.file, x.size, run)
	}
	if err == nil && len(x.Stretches) == 0 {
		why = "nothing in it verifies; the file stays in quarantine"
	}
	return why, err
}

// runByHeader reads the header of a run from another of its segments; nil when there is none.
func (s *integrity) runByHeader(ctx context.Context, c *camera, id media.RunID) (*media.Run, error) {
	rows, err := s.index.ClosedOfRun(ctx, c.row, id)
	if err != nil {
		return nil, s.suspect(err)
	}
	for _, row := range rows {
		if m, sure := segment.Trust(c.owner(), row.Name()); sure && m.Run.ID == id {
			return m.Run, nil
		}
	}
	return nil, nil
}

// takeBack restores a stretch as a segment. When that must not be, hindrance says why.
func (s *integrity) takeBack(ctx context.Context, x *source, t *media.Table) (hindrance string, err error) {
	start, end := index.Micros(t.Entries[0].Start), index.Micros(t.Entries[len(t.Entries)-1].End())
	st := index.Stream{Camera: x.c.row, Quality: x.Run.Stream.Quality}
	if hindrance, err = s.occupied(ctx, x, st, start, end); hindrance != "" || err != nil {
		return hindrance, err
	}
	name := index.SegmentName(st.Quality, start)
	_, err = x.c.files.Stat(name)
	switch {
	case disk.IsMissing(err):
		day := path.Dir(name)
		if err := errors.Join(x.c.files.Mkdir(day), x.c.files.SyncDir(path.Dir(day)), x.c.files.SyncDir(".")); err != nil {
			return "", err
		}
		if x.Whole {
			err = s.moveBack(x, name)
		} else {
			err = x.WritePiece(x.c.owner(), t, name)
		}
	case err == nil: // a crash came between file and row
	}
	if err != nil {
		return "", err
	}
	if _, err := s.files.adopt(ctx, x.c, name, true); err != nil {
		return "", err
	}
	if _, noted, err := s.rowOf(ctx, x.c, name); err != nil || !noted {
		return "there is footage of that time by now", err
	}
	return "", nil
}

// occupied says why footage must not be put into [start, end) of a stream; "" when it may.
func (s *integrity) occupied(ctx context.Context, x *source, st index.Stream, start, end int64) (string, error) {
	taken, err := s.coveredBy(ctx, x.c, st, start, end)
	if err != nil {
		return "", err
	}
	now := s.writtenOf(x.Run.Stream)
	if taken || len(now.entries) > 0 && end > now.start {
		return "the archive has footage of that time", nil
	}
	gone, err := s.index.AnyGap(ctx, st, index.Interval{From: start, To: end}, CodeDeleted, CodeDeletedByOwner)
	if err != nil {
		return "", err
	}
	if gone {
		return "footage of that time was deleted", nil
	}
	return "", nil
}

// coveredBy reports whether the stream has a segment in [start, end). A row whose file is missing does not count and becomes a gap.
func (s *integrity) coveredBy(ctx context.Context, c *camera, st index.Stream, start, end int64) (bool, error) {
	rows, err := s.index.Covering(ctx, st, index.Interval{From: start, To: end})
	if err != nil {
		return false, s.suspect(err)
	}
	for _, r := range rows {
		_, err := c.files.Stat(r.Name())
		if err == nil || r.State == index.StateOpen || r.State == index.StateDeleting {
			return true, nil
		}
		if !disk.IsMissing(err) {
			return false, err
		}
		if err := s.files.loseMissing(ctx, c, r, ReasonMissing); err != nil {
			return false, err
		}
	}
	return false, nil
}

// moveBack moves a file that is whole from quarantine to its place, and removes the note about it.
func (s *integrity) moveBack(x *source, name string) error {
	if err := s.disk.Rename(x.name, path.Join(x.c.folder, name)); err != nil {
		return err
	}
	if err := errors.Join(x.c.files.SyncDir(path.Dir(name)), s.disk.SyncDir(QuarantineFolder)); err != nil {
		return err
	}
	if err := s.disk.Remove(x.name + noteSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
