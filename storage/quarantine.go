package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"keepwatch.internal/internal/media"
)

// tooShort makes the end of a file, where there should be more of it, a fault of the file's content.
func tooShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", media.ErrFormat, err)
	}
	return err
}

// setAside makes sure that a segment whose bytes are wrong is served to nobody any more. Its file stays where it is, for
// whoever wants to find out why. A segment that is being written is sealed at its last good fragment instead.
func (s *Store) setAside(c *camera, r segmentRow, why error) {
	s.log.Error("footage does not verify; its segment was set aside", "camera", c.name, "segment", r.name(), "err", why)
	stream := media.StreamID{Camera: c.id, Quality: r.st.quality}
	s.mu.RLock()
	w := s.writers[stream]
	s.mu.RUnlock()
	if w != nil {
		w.distrust(r.start)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.writeOrOwe(ctx, "quarantine", func(ctx context.Context, tx *sql.Tx) error {
		const query = `UPDATE segment SET state = ? WHERE camera = ? AND quality = ? AND start_us = ? AND state = ?`
		res, err := tx.ExecContext(ctx, query, stateQuarantined, r.st.camera, r.st.quality, r.start, stateClosed)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return enter(ctx, tx, r.st, r.start, r.end, gap(ReasonQuarantined))
	})
	if err != nil {
		s.log.Error("a segment could not be set aside", "camera", c.name, "segment", r.name(), "err", err)
	}
}

// missed forgets a segment whose file a reader did not find.
func (s *Store) missed(c *camera, r segmentRow) {
	s.log.Error("a segment's file is missing", "camera", c.name, "segment", r.name())
	if _, err := readIdentity(s.disk, s.o.Recordings); err != nil {
		s.log.Error("so is the whole disk", "path", s.o.Recordings, "err", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.lose(ctx, r, ReasonMissing); err != nil {
		s.log.Error("a missing segment could not be noted", "camera", c.name, "segment", r.name(), "err", err)
	}
}

// distrust seals the open segment that begins at start before anything else is written to it.
func (w *Writer) distrust(start int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seg != nil && w.seg.start == start {
		w.seg.suspect = true
	}
}
