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

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// resolve looks at a subject and makes it right. It returns in words what it did.
func (s *Store) resolve(ctx context.Context, subject string, p *pace) (string, error) {
	if _, err := readIdentity(s.disk, s.o.Recordings); err != nil { // the whole disk is in trouble
		return "", err
	}
	s.repairing.Lock()
	defer s.repairing.Unlock()
	folder, name, inside := strings.Cut(subject, "/")
	if folder == quarantineName {
		return s.resolveQuarantined(ctx, subject, p)
	}
	c := s.cameraIn(folder)
	switch parts := strings.Count(name, "/"); {
	case c == nil || !fs.ValidPath(subject):
		return "it belongs to no camera of this store: left alone", nil
	case !inside:
		return s.resolveCard(c)
	case parts == 0:
		quality, err := media.ParseQuality(name)
		if err != nil {
			return "it is no stream: left alone", nil
		}
		return s.resolveStream(ctx, streamRow{c.row, quality})
	}
	return s.resolveFile(ctx, c, name, p)
}

// cameraIn returns the camera of a folder; nil when there is none.
func (s *Store) cameraIn(folder string) *camera {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, c := range s.cameras {
		if c.folder == folder {
			return c
		}
	}
	return nil
}

// resolveCard writes a camera.json that is lost or unreadable.
func (s *Store) resolveCard(c *camera) (string, error) {
	_, id, err := readCard(c.files)
	switch {
	case err == nil && id == c.id:
		return "it is in order", nil
	case err == nil:
		return fmt.Sprintf("it says that it is camera %s: left alone; stop nvr and put back the folder of %s", id, c.id), nil
	}
	if err := c.writeCard(); err != nil {
		return "", err
	}
	return cardName + " was written again", nil
}

// parseSegmentName is the reverse of segmentName, to the millisecond.
func parseSegmentName(name string) (q media.Quality, from int64, ok bool) {
	stream, rest, _ := strings.Cut(name, "/")
	q, err := media.ParseQuality(stream)
	if err != nil {
		return 0, 0, false
	}
	at, err := time.Parse(dayLayout+"/"+timeLayout, strings.TrimSuffix(rest, segmentSuffix))
	if err != nil || segmentName(q, micros(at)) != name {
		return 0, 0, false
	}
	return q, micros(at), true
}

// rowInQuery finds the segments that begin in the millisecond that a file's name tells.
const rowInQuery = `SELECT ` + segmentColumns + `
	FROM segment s JOIN run r ON r.camera = s.camera AND r.quality = s.quality AND r.id = s.run
	WHERE s.camera = ? AND s.quality = ? AND s.start_us >= ? AND s.start_us < ? LIMIT 1`

// rowOf returns the row of a camera's file.
func (s *Store) rowOf(ctx context.Context, c *camera, name string) (segmentRow, bool, error) {
	q, from, ok := parseSegmentName(name)
	if !ok {
		return segmentRow{}, false, nil
	}
	rows, err := s.segmentRows(ctx, rowInQuery, c.row, q, from, from+1000)
	if err != nil || len(rows) == 0 {
		return segmentRow{}, false, err
	}
	return rows[0], true, nil
}

// resolveFile settles a file in a camera's folder. It looks for the file first: a file that is there has its row by then,
// unless it is a stray.
func (s *Store) resolveFile(ctx context.Context, c *camera, name string, p *pace) (string, error) {
	_, err := c.files.Stat(name)
	if err != nil && !disk.IsMissing(err) {
		return "", err
	}
	there := err == nil
	row, noted, err := s.rowOf(ctx, c, name)
	switch {
	case err != nil:
		return "", err
	case !noted && !there:
		return "it is gone, and nothing claims it", nil
	case !noted && !strings.HasSuffix(name, ".mp4"):
		return "it is none of ours: left alone", nil
	case !noted:
		return s.adopt(ctx, c, name, false)
	case row.state == stateOpen:
		return "it is being written, or left to the next start", nil
	case row.state == stateDeleting:
		return "it is being deleted", nil
	case !there:
		s.log.Error("a segment's file is missing", "camera", c.name, "segment", row.name())
		return "its file is missing: the time is a gap now", errors.Join(s.loseMissing(ctx, c, row, ReasonMissing), s.doubtQuarantined(ctx))
	}
	keys, err := s.packedKeys(ctx, row)
	if err != nil {
		return "", err
	}
	x := inspection{c: c, row: row, keys: keys, deep: true, pace: p}
	flaw, err := x.inspect(ctx)
	switch {
	case err != nil:
		return "", err
	case flaw == nil && row.state == stateClosed:
		return "it verifies", nil
	case flaw == nil || flaw.kind == FindingKeys:
		return "it verifies, and is served", s.trustAgain(ctx, row, x.packed)
	case flaw.kind == FindingShort:
		if err := s.compare(ctx, c, row); err != nil {
			return "", err
		}
		return "what is left of it was kept", nil
	}
	return s.takeOut(ctx, c, row, errors.New(flaw.problem))
}

// packedKeys reads the key frames that the row of a segment lists, never nil.
func (s *Store) packedKeys(ctx context.Context, r segmentRow) ([]byte, error) {
	const query = `SELECT coalesce(key_frames, x'') FROM segment WHERE camera = ? AND quality = ? AND start_us = ?`
	keys := []byte{}
	err := s.index.Read().QueryRowContext(ctx, query, r.st.camera, r.st.quality, r.start).Scan(&keys)
	if errors.Is(err, sql.ErrNoRows) { // deleted meanwhile
		return keys, nil
	}
	return keys, err
}

// trustAgain makes a segment that verifies one that is served, with the key frames that its own table tells.
func (s *Store) trustAgain(ctx context.Context, r segmentRow, keys []byte) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		const query = `UPDATE segment SET state = ?, key_frames = ? WHERE camera = ? AND quality = ? AND start_us = ? AND state IN (2, 4)`
		res, err := tx.ExecContext(ctx, query, stateClosed, keys, r.st.camera, r.st.quality, r.start)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return enter(ctx, tx, r.st, r.start, r.end, footage(r.run))
	})
}

// takeOut moves the file of a segment that does not verify to quarantine, complete, and makes its time a gap. What is good
// of it is then taken back from there.
func (s *Store) takeOut(ctx context.Context, c *camera, r segmentRow, why error) (string, error) {
	if err := s.writeFirst(ctx, func(tx *sql.Tx) error { return withdraw(ctx, tx, r) }); err != nil {
		return "", err
	}
	target, err := s.moveToQuarantine(c, r.name(), why)
	if err != nil {
		return "", err
	}
	if err := s.lose(ctx, r, ReasonQuarantined); err != nil {
		return "", err
	}
	return fmt.Sprintf("moved to %s, complete; what verifies of it is taken back from there", target), nil
}

// withdraw makes sure that a closed segment is served no more.
func withdraw(ctx context.Context, tx *sql.Tx, r segmentRow) error {
	const query = `UPDATE segment SET state = ? WHERE camera = ? AND quality = ? AND start_us = ? AND state = ?`
	res, err := tx.ExecContext(ctx, query, stateQuarantined, r.st.camera, r.st.quality, r.start, stateClosed)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return enter(ctx, tx, r.st, r.start, r.end, gap(ReasonQuarantined))
}

// resolveStream makes what the index says of a stream as a whole fit its segments: the sums and the ledger.
func (s *Store) resolveStream(ctx context.Context, st streamRow) (string, error) {
	done := "it is in order"
	err := s.write(ctx, func(tx *sql.Tx) error {
		sums, err := sumsOf(ctx, tx, st)
		if err != nil {
			return err
		}
		if sums.wrong() {
			const query = `UPDATE stream SET segments = ?, size_bytes = ? WHERE camera = ? AND quality = ?`
			if err := exec(ctx, tx, query, sums.segments, sums.bytes, st.camera, st.quality); err != nil {
				return err
			}
			done = "its sums were made anew"
		}
		wrong, err := ledgerFlaws(ctx, tx, st)
		if err != nil {
			return err
		}
		for _, x := range wrong {
			h := footage(x.segment)
			if x.segment == 0 {
				h = gap(ReasonMissing)
			}
			if err := enter(ctx, tx, st, x.from, x.to, h); err != nil {
				return err
			}
			done = "its ledger was made to fit its segments"
		}
		return nil
	})
	return done, err
}

// streamFolder is the subject of doubts about a stream as a whole.
func streamFolder(c *camera, q media.Quality) string { return path.Join(c.folder, q.String()) }
