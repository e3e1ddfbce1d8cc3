package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// Bounds of what is kept.
const (
	MaxKept          = 24 * time.Hour // longest kept span
	MaxKeptNote      = 500            // characters of its note
	MaxKeptPerCamera = 10_000
)

var (
	// ErrNote is returned by Keep for a note that is too long, or no text on one line.
	ErrNote = errors.New("the note must be one line of at most 500 characters")
	// ErrStreams is returned by Keep for a set of streams that names none, or one that there is not.
	ErrStreams = errors.New("which streams to keep: main, sub, or both")
	// ErrTooManyKept is returned by Keep for a camera of which MaxKeptPerCamera spans are kept already.
	ErrTooManyKept = errors.New("the camera has 10,000 kept clips; let some go first")
	// ErrNotKept is returned for a kept span that there is not, or not of this camera.
	ErrNotKept = errors.New("no such kept clip")
)

// KeptID names a kept span: a random UUID.
type KeptID [16]byte

// ParseKeptID reads the 36-character form.
func ParseKeptID(s string) (KeptID, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 || id == uuid.Nil {
		return KeptID{}, fmt.Errorf("%w: %q is not a UUID", ErrNotKept, s)
	}
	return KeptID(id), nil
}

// String returns the 36-character form, lower case.
func (id KeptID) String() string { return uuid.UUID(id).String() }

// Streams is a set of a camera's streams. Its bits are the numbers of the qualities; they stand in the index.
type Streams uint8

// BothStreams is main and sub.
const BothStreams = Streams(media.Main | media.Sub)

// Has reports whether the stream is in the set.
func (x Streams) Has(q media.Quality) bool { return q.Valid() && x&Streams(q) != 0 }

// Kept is a span of a camera's footage that retention does not touch.
type Kept struct {
	ID      KeptID
	Camera  media.CameraID
	Span    Span
	Streams Streams
	Note    string
	By      string // name of the account that kept it
	Created time.Time
	Bytes   int64 // of the segments that it keeps, which reach a little beyond it; 0 when none is left
}

// Keep keeps all segments of the streams that hold anything of the span from every kind of retention, until Unkeep. A
// span that reaches into the future ends now. When Keep returns, this survives a power cut and the loss of the index.
// It needs a permit for Manage, and returns access.ErrDenied, ErrSpan, ErrTooLong, ErrNote, ErrStreams, ErrNoFootage or
// ErrTooManyKept.
func (s *Store) Keep(ctx context.Context, p access.Permit, streams Streams, span Span, note string) (Kept, error) {
	now := s.now()
	span = Span{span.From.UTC().Truncate(time.Microsecond), span.To.UTC().Truncate(time.Microsecond)}
	if span.To.After(now) {
		span.To = now
	}
	c, err := s.manage(p)
	if err != nil {
		return Kept{}, err
	}
	if err := span.check(MaxKept); err != nil {
		return Kept{}, err
	}
	if streams == 0 || streams&^BothStreams != 0 {
		return Kept{}, ErrStreams
	}
	if !plainLine(note, MaxKeptNote) {
		return Kept{}, ErrNote
	}
	k := Kept{ID: KeptID(uuid.New()), Camera: c.id, Span: span, Streams: streams, Note: note, By: p.Viewer().Name, Created: now}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if err := s.loadKept(ctx, c); err != nil {
		return Kept{}, err
	}
	return s.keep(context.WithoutCancel(ctx), c, k)
}

// keep writes the file and then the row. Retention may have been quicker with the footage; what it took is gone.
func (s *Store) keep(ctx context.Context, c *camera, k Kept) (Kept, error) {
	const count = `SELECT count(*) FROM kept WHERE camera = ?`
	var n int
	if err := s.index.Read().QueryRowContext(ctx, count, c.row).Scan(&n); err != nil {
		return Kept{}, fmt.Errorf("keep: %w", err)
	}
	if n >= MaxKeptPerCamera {
		return Kept{}, ErrTooManyKept
	}
	if err := s.wantFootage(ctx, c, k); err != nil {
		return Kept{}, err
	}
	if err := c.writeKept(s.keptKey(c.id), k); err != nil {
		return Kept{}, explainDisk(s.o.Recordings, err)
	}
	err := s.write(ctx, func(tx *sql.Tx) error { return insertKept(ctx, tx, c, k) })
	if err == nil {
		err = s.wantFootage(ctx, c, k)
	}
	if err != nil {
		return Kept{}, errors.Join(err, s.unkeep(ctx, c, k.ID))
	}
	return s.keptOne(ctx, c, k.ID)
}

// Unkeep lets a kept span go: its segments are subject to retention again, and deleted when their time has come. It needs
// a permit for Manage, and returns access.ErrDenied or ErrNotKept.
func (s *Store) Unkeep(ctx context.Context, p access.Permit, id KeptID) error {
	c, err := s.manage(p)
	if err != nil {
		return err
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if err := s.loadKept(ctx, c); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if _, err := s.keptOne(ctx, c, id); err != nil {
		return err
	}
	return s.unkeep(ctx, c, id)
}

// unkeep removes the file, which is what counts, and then the row.
func (s *Store) unkeep(ctx context.Context, c *camera, id KeptID) error {
	if err := disk.RemoveSynced(c.files, keptName(id)); err != nil {
		return explainDisk(s.o.Recordings, err)
	}
	return s.write(ctx, func(tx *sql.Tx) error { return deleteKept(ctx, tx, c, id) })
}

// Kept lists what is kept of the permit's camera, the newest footage first; for a permit with a window only what lies in it. It needs a permit for Playback or Export.
func (s *Store) Kept(ctx context.Context, p access.Permit) ([]Kept, error) {
	c, err := s.admit(p)
	if err != nil {
		return nil, err
	}
	if err := s.knowKept(ctx, c); err != nil {
		return nil, err
	}
	kept, err := s.keptRows(ctx, c, keptQuery, c.row)
	if err != nil {
		return nil, fmt.Errorf("kept clips: %w", err)
	}
	return slices.DeleteFunc(kept, func(k Kept) bool { return !p.Window().Covers(k.Span.From, k.Span.To) }), nil
}

// KeptOne returns one kept span of the permit's camera. It needs a permit for Playback, Export or Manage, and returns
// access.ErrDenied or ErrNotKept.
func (s *Store) KeptOne(ctx context.Context, p access.Permit, id KeptID) (Kept, error) {
	c, err := s.manage(p)
	if errors.Is(err, access.ErrDenied) {
		c, err = s.admit(p)
	}
	if err != nil {
		return Kept{}, err
	}
	if err := s.knowKept(ctx, c); err != nil {
		return Kept{}, err
	}
	k, err := s.keptOne(ctx, c, id)
	if err == nil && !p.Window().Covers(k.Span.From, k.Span.To) {
		return Kept{}, ErrNotKept
	}
	return k, err
}

func (s *Store) keptOne(ctx context.Context, c *camera, id KeptID) (Kept, error) {
	kept, err := s.keptRows(ctx, c, keptOneQuery, c.row, id[:])
	if err != nil {
		return Kept{}, fmt.Errorf("kept clip: %w", err)
	}
	if len(kept) == 0 {
		return Kept{}, ErrNotKept
	}
	return kept[0], nil
}

// manage checks that the permit allows to keep and delete footage now, and returns its camera.
func (s *Store) manage(p access.Permit) (*camera, error) {
	if err := p.Check(s.o.Now(), access.Manage); err != nil {
		return nil, err
	}
	return s.camera(media.CameraID(p.Camera()))
}

// plainLine reports whether text is one line of at most so many characters.
func plainLine(text string, most int) bool {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > most {
		return false
	}
	for _, r := range text {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return false
		}
	}
	return true
}

// keptColumns are the columns of a kept span k, and the bytes of the segments that it touches.
const keptColumns = `k.uuid, k.start_us, k.end_us, k.streams, k.note, k.kept_by, k.created_us,
	CASE WHEN k.streams & 1 THEN (SELECT coalesce(sum(s.size_bytes), 0) FROM segment s
		WHERE s.camera = k.camera AND s.quality = 1 AND s.state <> 3 AND s.start_us < k.end_us AND s.end_us > k.start_us AND s.start_us >= coalesce(
		(SELECT max(f.start_us) FROM segment f WHERE f.camera = k.camera AND f.quality = 1 AND f.start_us <= k.start_us), k.start_us)) ELSE 0 END +
	CASE WHEN k.streams & 2 THEN (SELECT coalesce(sum(s.size_bytes), 0) FROM segment s
		WHERE s.camera = k.camera AND s.quality = 2 AND s.state <> 3 AND s.start_us < k.end_us AND s.end_us > k.start_us AND s.start_us >= coalesce(
		(SELECT max(f.start_us) FROM segment f WHERE f.camera = k.camera AND f.quality = 2 AND f.start_us <= k.start_us), k.start_us)) ELSE 0 END`

// keptQuery lists what is kept of the camera ?1, the newest footage first.
const keptQuery = `SELECT ` + keptColumns + ` FROM kept k WHERE k.camera = ?1 ORDER BY k.start_us DESC, k.uuid DESC`

// keptOneQuery finds the kept span ?2 of the camera ?1.
const keptOneQuery = `SELECT ` + keptColumns + ` FROM kept k WHERE k.camera = ?1 AND k.uuid = ?2`

// keptInQuery finds what is kept of anything in [?2, ?3) of the camera ?1. No kept span is longer than a day.
const keptInQuery = `SELECT ` + keptColumns + ` FROM kept k
	WHERE k.camera = ?1 AND k.start_us < ?3 AND k.start_us > ?2 - 86400000000 AND k.end_us > ?2 ORDER BY k.start_us, k.uuid`

// keptRows runs a query that returns keptColumns.
func (s *Store) keptRows(ctx context.Context, c *camera, query string, args ...any) ([]Kept, error) {
	var out []Kept
	err := each(ctx, s.index.Read(), query, args, func(rows *sql.Rows) error {
		k := Kept{Camera: c.id}
		var id []byte
		var from, to, created int64
		if err := rows.Scan(&id, &from, &to, &k.Streams, &k.Note, &k.By, &created, &k.Bytes); err != nil {
			return err
		}
		copy(k.ID[:], id)
		k.Span, k.Created = Span{fromMicros(from), fromMicros(to)}, fromMicros(created)
		out = append(out, k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Bytes += s.liveBytes(c, out[i])
	}
	return out, nil
}

// liveBytes returns the bytes of what is being written now and lies in the kept span.
func (s *Store) liveBytes(c *camera, k Kept) int64 {
	var sum int64
	for _, quality := range qualities {
		now := s.liveOf(media.StreamID{Camera: c.id, Quality: quality})
		if k.Streams.Has(quality) && len(now.entries) > 0 && now.start < micros(k.Span.To) && now.end > micros(k.Span.From) {
			sum += now.size
		}
	}
	return sum
}

// wantFootage returns ErrNoFootage when there is none in the span that is to be kept.
func (s *Store) wantFootage(ctx context.Context, c *camera, k Kept) error {
	if s.liveBytes(c, k) > 0 {
		return nil
	}
	for _, quality := range qualities {
		if !k.Streams.Has(quality) {
			continue
		}
		rows, err := s.touched(ctx, c, quality, k.Span)
		if err != nil {
			return fmt.Errorf("keep: %w", err)
		}
		for _, r := range rows {
			if r.state != stateDeleting && r.end > r.start {
				return nil
			}
		}
	}
	return ErrNoFootage
}

func insertKept(ctx context.Context, tx *sql.Tx, c *camera, k Kept) error {
	const query = `INSERT INTO kept (camera, start_us, uuid, end_us, streams, note, kept_by, created_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	return exec(ctx, tx, query, c.row, micros(k.Span.From), k.ID[:], micros(k.Span.To), k.Streams, k.Note, k.By, micros(k.Created))
}

func deleteKept(ctx context.Context, tx *sql.Tx, c *camera, id KeptID) error {
	const query = `DELETE FROM kept WHERE camera = ? AND uuid = ?`
	return exec(ctx, tx, query, c.row, id[:])
}
