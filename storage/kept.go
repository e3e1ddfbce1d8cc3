package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// Bounds of what is kept.
const (
	MaxKept          = index.MaxKept // longest kept span: a day
	MaxKeptNote      = 500           // characters of its note
	MaxKeptPerCamera = 10_000
)

var (
	// ErrNote is returned by Keep for a note that is too long, or no text on one line.
	ErrNote = errors.New("the note must be one line of at most 500 characters")
	// ErrStreams is returned by Keep for an empty set of streams, or an unknown stream.
	ErrStreams = errors.New("which streams to keep: main, sub, or both")
	// ErrTooManyKept is returned by Keep for a camera that has MaxKeptPerCamera kept spans already.
	ErrTooManyKept = errors.New("the camera has 10,000 kept clips; let some go first")
	// ErrNotKept is returned for a kept span that does not exist or belongs to another camera.
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

// keptClips knows what is kept. What counts are the files; the index repeats them.
type keptClips struct {
	o           *Options
	log         *slog.Logger
	db          *database
	clock       *storeClock
	cameraList  *cameraList
	permitCheck *permitCheck
	timeline    *timelines

	keeping sync.Mutex // serialises what is kept, let go, and deleted by owners
	reading sync.RWMutex
	// keptRead has the cameras whose files of kept clips have been compared with the index.
	keptRead map[media.CameraID]struct{}
}

// Keep keeps all segments of the streams that hold anything of the span from every kind of retention, until Unkeep. A
// span that reaches into the future ends now. When Keep returns, this survives a power cut and the loss of the index.
// It needs a permit for Manage, and returns access.ErrDenied, ErrSpan, ErrTooLong, ErrNote, ErrStreams, ErrNoFootage or
// ErrTooManyKept.
func (x *keptClips) Keep(ctx context.Context, p access.Permit, streams Streams, span Span, note string) (Kept, error) {
	now := x.clock.now()
	span = Span{span.From.UTC().Truncate(time.Microsecond), span.To.UTC().Truncate(time.Microsecond)}
	if span.To.After(now) {
		span.To = now
	}
	c, err := x.permitCheck.manage(p)
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
	x.keeping.Lock()
	defer x.keeping.Unlock()
	if err := x.loadKept(ctx, c); err != nil {
		return Kept{}, err
	}
	return x.keep(context.WithoutCancel(ctx), c, k)
}

// keep writes the file and then the row. Retention may have been quicker with the footage; what it took is gone.
func (x *keptClips) keep(ctx context.Context, c *camera, k Kept) (Kept, error) {
	n, err := x.db.index.KeptCount(ctx, c.row)
	if err != nil {
		return Kept{}, fmt.Errorf("keep: %w", err)
	}
	if n >= MaxKeptPerCamera {
		return Kept{}, ErrTooManyKept
	}
	if err := x.wantFootage(ctx, c, k); err != nil {
		return Kept{}, err
	}
	if err := c.writeKept(x.keptKey(c.id), k); err != nil {
		return Kept{}, ExplainDiskError(x.o.Recordings, err)
	}
	err = x.db.write(ctx, func(tx *index.Tx) error { return tx.InsertKept(ctx, c.row, k.row()) })
	if err == nil {
		err = x.wantFootage(ctx, c, k)
	}
	if err != nil {
		return Kept{}, errors.Join(err, x.unkeep(ctx, c, k.ID))
	}
	return x.keptOne(ctx, c, k.ID)
}

// Unkeep lets a kept span go: its segments are subject to retention again, and deleted when their time has come. It needs
// a permit for Manage, and returns access.ErrDenied or ErrNotKept.
func (x *keptClips) Unkeep(ctx context.Context, p access.Permit, id KeptID) error {
	c, err := x.permitCheck.manage(p)
	if err != nil {
		return err
	}
	x.keeping.Lock()
	defer x.keeping.Unlock()
	if err := x.loadKept(ctx, c); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if _, err := x.keptOne(ctx, c, id); err != nil {
		return err
	}
	return x.unkeep(ctx, c, id)
}

// unkeep removes the file, which is what counts, and then the row.
func (x *keptClips) unkeep(ctx context.Context, c *camera, id KeptID) error {
	if err := disk.RemoveSynced(c.files, keptName(id)); err != nil {
		return ExplainDiskError(x.o.Recordings, err)
	}
	return x.db.write(ctx, func(tx *index.Tx) error { return tx.DeleteKept(ctx, c.row, id) })
}

// Kept lists what is kept of the permit's camera, the newest footage first; for a permit with a window only what lies in it. It needs a permit for Playback or Export.
func (x *keptClips) Kept(ctx context.Context, p access.Permit) ([]Kept, error) {
	c, err := x.permitCheck.admit(p)
	if err != nil {
		return nil, err
	}
	if err := x.knowKept(ctx, c); err != nil {
		return nil, err
	}
	rows, err := x.db.index.Kept(ctx, c.row)
	if err != nil {
		return nil, fmt.Errorf("kept clips: %w", err)
	}
	return slices.DeleteFunc(x.keptOf(c, rows...), func(k Kept) bool { return !p.Window().Covers(k.Span.From, k.Span.To) }), nil
}

// KeptOne returns one kept span of the permit's camera. It needs a permit for Playback, Export or Manage, and returns
// access.ErrDenied or ErrNotKept.
func (x *keptClips) KeptOne(ctx context.Context, p access.Permit, id KeptID) (Kept, error) {
	c, err := x.permitCheck.manage(p)
	if errors.Is(err, access.ErrDenied) {
		c, err = x.permitCheck.admit(p)
	}
	if err != nil {
		return Kept{}, err
	}
	if err := x.knowKept(ctx, c); err != nil {
		return Kept{}, err
	}
	k, err := x.keptOne(ctx, c, id)
	if err == nil && !p.Window().Covers(k.Span.From, k.Span.To) {
		return Kept{}, ErrNotKept
	}
	return k, err
}

func (x *keptClips) keptOne(ctx context.Context, c *camera, id KeptID) (Kept, error) {
	row, found, err := x.db.index.KeptOne(ctx, c.row, id)
	if err != nil {
		return Kept{}, fmt.Errorf("kept clip: %w", err)
	}
	if !found {
		return Kept{}, ErrNotKept
	}
	return x.keptOf(c, row)[0], nil
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

// row is the kept span as the index has it.
func (k Kept) row() index.Kept {
	return index.Kept{ID: k.ID, Span: index.Interval{From: index.Micros(k.Span.From), To: index.Micros(k.Span.To)}, Streams: uint8(k.Streams),
		Note: k.Note, By: k.By, Created: index.Micros(k.Created)}
}

// keptOf returns what the rows of a camera say, with what is being written counted in.
func (x *keptClips) keptOf(c *camera, rows ...index.Kept) []Kept {
	var out []Kept
	for _, r := range rows {
		k := Kept{ID: r.ID, Camera: c.id, Span: Span{index.FromMicros(r.Span.From), index.FromMicros(r.Span.To)}, Streams: Streams(r.Streams),
			Note: r.Note, By: r.By, Created: index.FromMicros(r.Created), Bytes: r.Bytes}
		k.Bytes += x.liveBytes(c, k)
		out = append(out, k)
	}
	return out
}

// liveBytes returns the bytes of what is being written now and lies in the kept span.
func (x *keptClips) liveBytes(c *camera, k Kept) int64 {
	var sum int64
	for _, quality := range qualities {
		now := x.cameraList.writtenOf(media.StreamID{Camera: c.id, Quality: quality})
		if k.Streams.Has(quality) && len(now.entries) > 0 && now.start < index.Micros(k.Span.To) && now.end > index.Micros(k.Span.From) {
			sum += now.size
		}
	}
	return sum
}

// wantFootage returns ErrNoFootage when there is none in the span that is to be kept.
func (x *keptClips) wantFootage(ctx context.Context, c *camera, k Kept) error {
	if x.liveBytes(c, k) > 0 {
		return nil
	}
	for _, quality := range qualities {
		if !k.Streams.Has(quality) {
			continue
		}
		rows, err := x.timeline.touched(ctx, c, quality, k.Span)
		if err != nil {
			return fmt.Errorf("keep: %w", err)
		}
		for _, r := range rows {
			if r.State != index.StateDeleting && r.End > r.Start {
				return nil
			}
		}
	}
	return ErrNoFootage
}
