package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// doubtQuarantined notes a doubt about every file in quarantine that nobody looked into yet: one that a crash left between
// its move and its doubt, or that the index was lost over.
func (s *Store) doubtQuarantined(ctx context.Context) error {
	entries, err := s.disk.List(quarantineName)
	if disk.IsMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !regular(e) || !strings.HasSuffix(e.Name(), ".mp4") || strings.HasSuffix(e.Name(), settledSuffix) {
			continue
		}
		subject := path.Join(quarantineName, e.Name())
		const known = `SELECT EXISTS (SELECT 1 FROM doubt WHERE subject = ?)`
		var noted bool
		if err := s.index.Read().QueryRowContext(ctx, known, subject).Scan(&noted); err != nil {
			return err
		}
		if noted {
			continue
		}
		d := Doubt{Found: s.now(), Finder: finderRecovery, Subject: subject, Problem: "a file in quarantine that nobody looked into"}
		if err := s.write(ctx, func(tx *sql.Tx) error { return noteDoubt(ctx, tx, d) }); err != nil {
			return err
		}
	}
	return nil
}

// source is a file in quarantine that is looked into.
type source struct {
	name  string // in recordings
	file  disk.File
	size  int64
	c     *camera
	run   *media.Run
	whole bool // all of it verifies and it has its table: it can go back as it is
}

// settledSuffix ends the names of files in quarantine of which all that can be taken back was. The name says so, and not
// the index, which may be lost: otherwise what is deleted later would come back from such a file.
const settledSuffix = ".settled.mp4"

// resolveQuarantined takes back what verifies in a file in quarantine: all of it when all does, or else, in new files, each
// stretch that does. The file with the damage stays there, complete, under a name that says that it is settled. Nothing
// is taken back to where the archive has footage, or where footage was deleted.
func (s *Store) resolveQuarantined(ctx context.Context, name string, p *pace) (string, error) {
	if strings.HasSuffix(name, settledSuffix) {
		return "what verifies of it was taken back before; it stays there", nil
	}
	f, err := s.disk.Open(name)
	if disk.IsMissing(err) {
		return "it is gone", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	x := &source{name: name, file: paced{f, ctx, p}}
	if x.size, err = f.Size(); err != nil {
		return "", err
	}
	stretches, why, err := s.lookInto(ctx, x)
	if err != nil || why != "" {
		return why, err
	}
	var back, all time.Duration
	hindrance := ""
	for i := range stretches {
		t := &stretches[i]
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
	if x.whole && back > 0 {
		return fmt.Sprintf("all %s of it verify and were taken back", format.Duration(back)), nil
	}
	settled, err := s.markSettled(name)
	if err != nil {
		return "", err
	}
	if back == 0 {
		return "it stays there, as " + settled + hindrance, nil
	}
	return fmt.Sprintf("%s of the %s that verify were taken back; the damaged file stays there, complete, as %s%s",
		format.Duration(back), format.Duration(all), settled, hindrance), nil
}

// markSettled gives a file in quarantine the name that says that nothing more is to be taken from it. The note about it
// goes first, so that a crash between the two is made good by doing both again.
func (s *Store) markSettled(name string) (string, error) {
	base := strings.TrimSuffix(name, ".mp4")
	target := base + settledSuffix
	for n := 2; ; n++ {
		_, err := s.disk.Stat(target)
		if disk.IsMissing(err) {
			break
		}
		if err != nil {
			return "", err
		}
		target = fmt.Sprintf("%s-%d%s", base, n, settledSuffix)
	}
	if err := s.disk.Rename(name+noteSuffix, target+noteSuffix); err != nil && !disk.IsMissing(err) {
		return "", err
	}
	if err := s.disk.Rename(name, target); err != nil {
		return "", err
	}
	return path.Base(target), s.disk.SyncDir(quarantineName)
}

// lookInto finds out whose the file is and what of it verifies. why says in words when nothing does.
func (s *Store) lookInto(ctx context.Context, x *source) (stretches []media.Table, why string, err error) {
	label, err := media.FirstLabel(x.file, x.size)
	if err != nil && !isFormat(err) {
		return nil, "", err
	}
	if err == nil {
		x.c, _ = s.camera(label.Camera)
	}
	if x.c == nil {
		return nil, "it is no segment of a camera of this store: it stays there", nil
	}
	res, err := media.Scan(x.file, x.size, x.c.id, x.c.key)
	if err != nil && !isFormat(err) {
		return nil, "", err
	}
	x.run, x.whole = res.Run, err == nil && res.Err == nil && res.Closed && len(res.Table.Entries) > 0 && res.Table.Entries[0].Random
	if x.whole {
		return []media.Table{*res.Table}, "", nil
	}
	if x.run == nil {
		if x.run, err = s.runByHeader(ctx, x.c, label.Run); err != nil {
			return nil, "", err
		}
		if x.run == nil {
			return nil, "its header does not verify, and no other segment of its run has the same: it stays there", nil
		}
	}
	_, stretches, err = media.Salvage(x.file, x.size, x.run, x.c.key, x.c.id)
	if err == nil && len(stretches) == 0 {
		why = "nothing in it verifies: it stays there"
	}
	return stretches, why, err
}

// runByHeader reads the header of a run from another of its segments; nil when there is none.
func (s *Store) runByHeader(ctx context.Context, c *camera, id media.RunID) (*media.Run, error) {
	const query = `SELECT ` + segmentColumns + `
		FROM run r JOIN segment s ON s.camera = r.camera AND s.quality = r.quality AND s.run = r.id
		WHERE r.camera = ? AND r.uuid = ? AND s.state = 2 LIMIT 4`
	rows, err := s.segmentRows(ctx, query, c.row, id[:])
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if m, sure := trust(c, row.name()); sure && m.run.ID == id {
			return m.run, nil
		}
	}
	return nil, nil
}

// takeBack makes a segment of the stretch, unless something hinders it, which it tells in words.
func (s *Store) takeBack(ctx context.Context, x *source, t *media.Table) (hindrance string, err error) {
	start, end := micros(t.Entries[0].Start), micros(t.Entries[len(t.Entries)-1].End())
	st := streamRow{x.c.row, x.run.Stream.Quality}
	if hindrance, err = s.occupied(ctx, x, st, start, end); hindrance != "" || err != nil {
		return hindrance, err
	}
	name := segmentName(st.quality, start)
	_, err = x.c.files.Stat(name)
	switch {
	case disk.IsMissing(err):
		day := path.Dir(name)
		if err := errors.Join(x.c.files.Mkdir(day), x.c.files.SyncDir(path.Dir(day)), x.c.files.SyncDir(".")); err != nil {
			return "", err
		}
		if x.whole {
			err = s.moveBack(x, name)
		} else {
			err = writePiece(x, t, name)
		}
	case err == nil: // a crash came between file and row
	}
	if err != nil {
		return "", err
	}
	if _, err := s.adopt(ctx, x.c, name, true); err != nil {
		return "", err
	}
	if _, noted, err := s.rowOf(ctx, x.c, name); err != nil || !noted {
		return "its place was taken meanwhile", err
	}
	return "", nil
}

// occupied tells in words why footage must not be put into [start, end) of a stream.
func (s *Store) occupied(ctx context.Context, x *source, st streamRow, start, end int64) (string, error) {
	taken, err := s.coveredBy(ctx, x.c, st, start, end)
	if err != nil {
		return "", err
	}
	now := s.liveOf(x.run.Stream)
	if taken || len(now.entries) > 0 && end > now.start {
		return "the archive has footage of that time", nil
	}
	const deleted = `SELECT EXISTS (SELECT 1 FROM ledger WHERE camera = ?1 AND quality = ?2 AND start_us >= ?3 AND start_us < ?4
		AND code IN ('deleted-by-retention', 'deleted-by-owner'))`
	held, since, err := holdingAt(ctx, s.index.Read(), st, start)
	if err != nil {
		return "", err
	}
	var gone bool
	if err := s.index.Read().QueryRowContext(ctx, deleted, st.camera, st.quality, max(start, since), end).Scan(&gone); err != nil {
		return "", err
	}
	if gone || held.code == CodeDeleted || held.code == CodeDeletedByOwner {
		return "footage of that time was deleted", nil
	}
	return "", nil
}

// coveredQuery finds the segments that hold anything of [?3, ?4).
const coveredQuery = `SELECT ` + segmentColumns + `
	FROM segment s JOIN run r ON r.camera = s.camera AND r.quality = s.quality AND r.id = s.run
	WHERE s.camera = ?1 AND s.quality = ?2 AND s.start_us < ?4 AND s.end_us > ?3
		AND s.start_us >= coalesce((SELECT max(f.start_us) FROM segment f WHERE f.camera = ?1 AND f.quality = ?2 AND f.start_us <= ?3), ?3)`

// coveredBy reports whether the stream has a segment in [start, end). A row whose file is missing is none, and is forgotten.
func (s *Store) coveredBy(ctx context.Context, c *camera, st streamRow, start, end int64) (bool, error) {
	rows, err := s.segmentRows(ctx, coveredQuery, st.camera, st.quality, start, end)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		_, err := c.files.Stat(r.name())
		if err == nil || r.state == stateOpen || r.state == stateDeleting {
			return true, nil
		}
		if !disk.IsMissing(err) {
			return false, err
		}
		if err := s.loseMissing(ctx, c, r, ReasonMissing); err != nil {
			return false, err
		}
	}
	return false, nil
}

// moveBack moves a file that is whole from quarantine to its place, and removes the note about it.
func (s *Store) moveBack(x *source, name string) error {
	if err := s.disk.Rename(x.name, path.Join(x.c.folder, name)); err != nil {
		return err
	}
	if err := errors.Join(x.c.files.SyncDir(path.Dir(name)), s.disk.SyncDir(quarantineName)); err != nil {
		return err
	}
	if err := s.disk.Remove(x.name + noteSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// pieceSuffix ends the name of a segment that is being made from a damaged file.
const pieceSuffix = ".mp4.new"

// writePiece writes a closed segment of the stretch's fragments: whole and synced before it has its name.
func writePiece(x *source, t *media.Table, name string) (err error) {
	temp := strings.TrimSuffix(name, ".mp4") + pieceSuffix
	if err := x.c.files.Remove(temp); err != nil && !disk.IsMissing(err) {
		return err
	}
	f, err := x.c.files.Create(temp)
	if err != nil {
		return err
	}
	piece, at := media.Table{}, int64(len(x.run.Init))
	_, err = f.WriteAt(x.run.Init, 0)
	for i := range t.Entries {
		if err != nil {
			break
		}
		e := t.Entries[i]
		b := make([]byte, e.Size)
		if _, err = x.file.ReadAt(b, e.Offset); err != nil {
			break
		}
		if _, err = f.WriteAt(b, at); err == nil {
			err = piece.Append(at, b)
		}
		at += int64(e.Size)
	}
	if err == nil {
		_, err = f.WriteAt(piece.Box(x.run, x.c.key), at)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, x.c.files.Remove(temp))
	}
	if err := x.c.files.Rename(temp, name); err != nil {
		return err
	}
	return x.c.files.SyncDir(path.Dir(name))
}
