package storage

import (
	"errors"
	"fmt"
	"time"

	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
)

var (
	// ErrNoFootage is returned when a span holds no footage.
	ErrNoFootage = errors.New("no footage in this span")
	// ErrTooLong is returned for a span longer than MaxClip, MaxSegments, MaxTimeline or MaxActivity; the text names the limit.
	ErrTooLong = errors.New("the span is too long")
	// ErrSpan is returned for a span that does not end after it begins.
	ErrSpan = errors.New("the span must end after it begins")
	// ErrQuarantined is returned when footage that was about to be served does not carry the camera's label. Nothing of
	// it was handed out, and its segment is served no more.
	ErrQuarantined = errors.New("the footage does not verify and was set aside")
	// ErrGone is returned by a clip whose footage vanished from the disk while it was open.
	ErrGone = errors.New("the footage is no longer there")
	// ErrKept is what errors.Is finds in a *KeptError.
	ErrKept = errors.New("kept clips lie in the way")
	// ErrFormatChanged is what errors.Is finds in a *FormatChangedError.
	ErrFormatChanged = errors.New("the coding changes inside the span")

	// ErrOverlap is returned for footage that begins before the stream's last footage ends.
	ErrOverlap = errors.New("footage overlaps what was recorded before")
	// ErrWantKeyFrame is returned by Append for a fragment that cannot follow what was written last, after a failed write
	// or a hole, and does not begin with a key frame. The caller drops it and goes on.
	ErrWantKeyFrame = errors.New("recording goes on at the next key frame")
	// ErrUnknownCamera is returned for a camera that was never enrolled or is retired.
	ErrUnknownCamera = errors.New("camera not enrolled in this store")
	// ErrBusy is returned by Begin while the stream's last writer is not ended.
	ErrBusy = errors.New("the stream is being recorded already")
	// ErrEnded is returned by a writer that was ended.
	ErrEnded = errors.New("the run has ended")
	// ErrClosed is returned once the store was closed.
	ErrClosed = errors.New("the store is closed")
	// ErrRefused is returned by Open for a folder or disk that is not, or not usably, the store it should be. The text
	// says which path, what was expected and what to do.
	ErrRefused = errors.New("recordings refused")
	// ErrInUse is returned by Open, beside ErrRefused, for a store that another process holds.
	ErrInUse = errors.New("in use by another process")
)

// FormatChangedError says that no single clip can hold a span, and which parts of it can. errors.Is finds
// ErrFormatChanged in it.
type FormatChangedError struct{ Parts []Span }

func (e *FormatChangedError) Error() string {
	return fmt.Sprintf("%v: %d parts", ErrFormatChanged, len(e.Parts))
}

// Is reports whether target is ErrFormatChanged.
func (e *FormatChangedError) Is(target error) bool { return target == ErrFormatChanged }

// DiskError says that the disk did not take footage: what could not be written is lost, what was written before is
// kept, and a gap with the Reason stands in the ledger. The caller goes on appending; writing is tried anew at the next
// key frame.
type DiskError struct {
	Op  string // what was tried, with its path
	Err error
}

func (e *DiskError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Reason(), e.Op, e.Err) }
func (e *DiskError) Unwrap() error { return e.Err }

// Reason returns ReasonDiskFull or ReasonDiskError.
func (e *DiskError) Reason() string {
	if disk.IsFull(e.Err) || sqlite.IsFull(e.Err) {
		return ReasonDiskFull
	}
	return ReasonDiskError
}

// The longest spans.
const (
	MaxClip     = 24 * time.Hour
	MaxSegments = time.Hour
	MaxTimeline = 400 * 24 * time.Hour
)
