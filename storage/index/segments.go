package index

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
)

// State is where a segment is in its life. The numbers stand in the database.
type State int

// The states of a segment.
const (
	StateOpen        State = 1 // its file is being written, or was when the program ended
	StateClosed      State = 2
	StateDeleting    State = 3 // its file is about to go; nobody finds it any more
	StateQuarantined State = 4 // it did not verify; nobody is served from it
)

// Stream names a stream in the index: the row of its camera, and which of the camera's streams.
type Stream struct {
	Camera  int64
	Quality media.Quality
}

// Segment is the row of a segment.
type Segment struct {
	Stream     Stream
	Start, End int64 // µs; while it is open End says nothing
	Run        int64 // number of the run in its stream
	RunID      media.RunID
	State      State
	Size       int64 // bytes of the file; 0 while it is open
	Init       int64 // bytes of the init header
}

// Name returns the path of the segment's file in its camera's folder.
func (s Segment) Name() string { return SegmentName(s.Stream.Quality, s.Start) }

const (
	// NoEnd is the end of the footage of a stream that has none.
	NoEnd = math.MinInt64
	// Forever is the end of what lasts until something else is known.
	Forever = math.MaxInt64
)

// Interval is a span of wall time in microseconds, half-open.
type Interval struct{ From, To int64 }

// The parts of a segment's path. The path names the millisecond in which the segment begins.
const (
	DayLayout     = "2006-01-02"
	TimeLayout    = "15-04-05.000"
	SegmentSuffix = "Z.mp4"
)

// SegmentName returns the path of a segment's file in its camera's folder: main/2026-11-22/13-05-20.123Z.mp4.
func SegmentName(q media.Quality, start int64) string {
	return q.String() + "/" + FromMicros(start).Format(DayLayout+"/"+TimeLayout) + SegmentSuffix
}

// ParseSegmentName is the reverse of SegmentName. The start is a whole millisecond, at or before the segment's.
func ParseSegmentName(name string) (q media.Quality, start int64, ok bool) {
	stream, rest, _ := strings.Cut(name, "/")
	q, err := media.ParseQuality(stream)
	if err != nil {
		return 0, 0, false
	}
	at, err := time.Parse(DayLayout+"/"+TimeLayout, strings.TrimSuffix(rest, SegmentSuffix))
	if err != nil || SegmentName(q, Micros(at)) != name {
		return 0, 0, false
	}
	return q, Micros(at), true
}

// segmentColumns are the columns of Segment in their order; s is the segment, r its run.
const segmentColumns = `s.camera, s.quality, s.start_us, s.end_us, s.run, r.uuid, s.state, s.size_bytes, s.init_bytes`

// ofRun joins a segment s with its run r.
const ofRun = `JOIN run r ON r.camera = s.camera AND r.quality = s.quality AND r.id = s.run`

// segments runs a query that returns the columns of Segment in their order.
func (r Reader) segments(ctx context.Context, query string, args ...any) ([]Segment, error) {
	var found []Segment
	err := r.each(ctx, query, args, func(rows *sql.Rows) error {
		var s Segment
		var id []byte
		if err := rows.Scan(&s.Stream.Camera, &s.Stream.Quality, &s.Start, &s.End, &s.Run, &id, &s.State, &s.Size, &s.Init); err != nil {
			return err
		}
		copy(s.RunID[:], id)
		found = append(found, s)
		return nil
	})
	return found, err
}

// inFootage selects the segments of the stream ?2 of the camera with the UUID ?1 that may be served.
const inFootage = `
	FROM camera c
	JOIN segment s ON s.camera = c.id AND s.quality = ?2 AND `

// segmentsQuery finds the segments that hold anything of [?3, ?4) and the last before it, of the camera with the UUID ?1.
const segmentsQuery = `SELECT ` + segmentColumns + inFootage + `s.start_us < ?4
		AND s.start_us >= coalesce((SELECT max(f.start_us) FROM segment f WHERE f.camera = c.id AND f.quality = ?2 AND f.start_us <= ?3), ?3)
	` + ofRun + `
	WHERE c.uuid = ?1 AND s.state IN (1, 2) ORDER BY s.start_us`

// Footage lists the segments of the camera that hold anything of the span, and the last before it, in order: those that
// may be served.
func (r Reader) Footage(ctx context.Context, stream media.StreamID, span Interval) ([]Segment, error) {
	return r.segments(ctx, segmentsQuery, stream.Camera[:], stream.Quality, span.From, span.To)
}

// segmentBeforeQuery finds the last segment that begins before ?3, of the camera with the UUID ?1.
const segmentBeforeQuery = `SELECT ` + segmentColumns + inFootage + `s.start_us < ?3
	` + ofRun + `
	WHERE c.uuid = ?1 AND s.state IN (1, 2) ORDER BY s.start_us DESC LIMIT 1`

// FootageBefore returns the last segment of the camera that begins before the time at and may be served, and whether there
// is one.
func (r Reader) FootageBefore(ctx context.Context, stream media.StreamID, at int64) (Segment, bool, error) {
	return first(r.segments(ctx, segmentBeforeQuery, stream.Camera[:], stream.Quality, at))
}

func first(found []Segment, err error) (Segment, bool, error) {
	if err != nil || len(found) == 0 {
		return Segment{}, false, err
	}
	return found[0], true, nil
}

// keyFrameQuery finds the last segment that begins before ?3 with its key frames, of the camera with the UUID ?1.
const keyFrameQuery = `SELECT ` + segmentColumns + `, s.key_frames` + inFootage + `s.start_us < ?3
	` + ofRun + `
	WHERE c.uuid = ?1 AND s.state IN (1, 2) ORDER BY s.start_us DESC LIMIT 1`

// KeyFramesBefore is FootageBefore with the segment's packed key frames, which are nil while it is open.
func (r Reader) KeyFramesBefore(ctx context.Context, stream media.StreamID, before int64) (s Segment, packed []byte, found bool, err error) {
	var id []byte
	err = r.q.QueryRowContext(ctx, keyFrameQuery, stream.Camera[:], stream.Quality, before).Scan(&s.Stream.Camera,
		&s.Stream.Quality, &s.Start, &s.End, &s.Run, &id, &s.State, &s.Size, &s.Init, &packed)
	if errors.Is(err, sql.ErrNoRows) {
		return Segment{}, nil, false, nil
	}
	copy(s.RunID[:], id)
	return s, packed, err == nil, err
}

// unsettledQuery finds the segments in a state that does not last, of all cameras.
const unsettledQuery = `SELECT ` + segmentColumns + ` FROM segment s ` + ofRun + `
	WHERE s.state = ? AND s.state IN (1, 3)`

// InState lists the segments of all cameras in a state that does not last: open or deleting.
func (r Reader) InState(ctx context.Context, in State) ([]Segment, error) {
	return r.segments(ctx, unsettledQuery, in)
}

// dayQuery finds the segments of a stream that begin in [?, ?).
const dayQuery = `SELECT ` + segmentColumns + ` FROM segment s ` + ofRun + `
	WHERE s.camera = ? AND s.quality = ? AND s.start_us >= ? AND s.start_us < ? ORDER BY s.start_us`

// BeginningIn lists the segments of a stream, in any state, that begin in the span, in order.
func (r Reader) BeginningIn(ctx context.Context, st Stream, span Interval) ([]Segment, error) {
	return r.segments(ctx, dayQuery, st.Camera, st.Quality, span.From, span.To)
}

// rowInQuery finds the segments that begin in the millisecond that a file's name tells.
const rowInQuery = `SELECT ` + segmentColumns + ` FROM segment s ` + ofRun + `
	WHERE s.camera = ? AND s.quality = ? AND s.start_us >= ? AND s.start_us < ? LIMIT 1`

// Named returns the segment of a camera, in any state, whose file has the name, and whether there is one.
func (r Reader) Named(ctx context.Context, camera int64, name string) (Segment, bool, error) {
	q, from, ok := ParseSegmentName(name)
	if !ok {
		return Segment{}, false, nil
	}
	return first(r.segments(ctx, rowInQuery, camera, q, from, from+1000))
}

// touchedQuery lists the segments, in any state, that hold or may hold anything of [?3, ?4).
const touchedQuery = `SELECT s.camera, s.quality, s.start_us, s.end_us, s.run, x'', s.state, s.size_bytes, s.init_bytes FROM segment s
	WHERE s.camera = ?1 AND s.quality = ?2 AND s.start_us < ?4 AND (s.end_us > ?3 OR s.state = 1) AND s.start_us >= coalesce(
		(SELECT max(f.start_us) FROM segment f WHERE f.camera = ?1 AND f.quality = ?2 AND f.start_us <= ?3), ?3)
	ORDER BY s.start_us`

// Touching lists the segments of a stream, in any state, that hold anything of the span, in order, without their RunID.
// An open one is listed when it begins before the span ends, since its own end is not known.
func (r Reader) Touching(ctx context.Context, st Stream, span Interval) ([]Segment, error) {
	return r.segments(ctx, touchedQuery, st.Camera, st.Quality, span.From, span.To)
}

// coveredQuery finds the segments that hold anything of [?3, ?4).
const coveredQuery = `SELECT ` + segmentColumns + ` FROM segment s ` + ofRun + `
	WHERE s.camera = ?1 AND s.quality = ?2 AND s.start_us < ?4 AND s.end_us > ?3
		AND s.start_us >= coalesce((SELECT max(f.start_us) FROM segment f WHERE f.camera = ?1 AND f.quality = ?2 AND f.start_us <= ?3), ?3)`

// Covering lists the segments of a stream, in any state, whose rows overlap the span.
func (r Reader) Covering(ctx context.Context, st Stream, span Interval) ([]Segment, error) {
	return r.segments(ctx, coveredQuery, st.Camera, st.Quality, span.From, span.To)
}

// closedOfRunQuery finds a few closed segments of a run.
const closedOfRunQuery = `SELECT ` + segmentColumns + `
	FROM run r JOIN segment s ON s.camera = r.camera AND s.quality = r.quality AND s.run = r.id
	WHERE r.camera = ? AND r.uuid = ? AND s.state = 2 LIMIT 4`

// ClosedOfRun lists a few closed segments of a camera's run.
func (r Reader) ClosedOfRun(ctx context.Context, camera int64, run media.RunID) ([]Segment, error) {
	return r.segments(ctx, closedOfRunQuery, camera, run[:])
}

// nextClosedQuery finds the first closed segment behind a given one, over all streams.
const nextClosedQuery = `SELECT ` + segmentColumns + ` FROM segment s ` + ofRun + `
	WHERE (s.camera, s.quality, s.start_us) > (?, ?, ?) AND s.state = 2 ORDER BY s.camera, s.quality, s.start_us LIMIT 1`

// NextClosed returns the first closed segment behind the one that begins at start in the stream, in the order of cameras,
// streams and time, and whether there is one.
func (r Reader) NextClosed(ctx context.Context, st Stream, start int64) (Segment, bool, error) {
	return first(r.segments(ctx, nextClosedQuery, st.Camera, st.Quality, start))
}

// PackedKeys returns the packed key frames of a segment; not nil, and empty when there are none or no such segment.
func (r Reader) PackedKeys(ctx context.Context, s Segment) ([]byte, error) {
	const query = `SELECT coalesce(key_frames, x'') FROM segment WHERE camera = ? AND quality = ? AND start_us = ?`
	keys := []byte{}
	err := r.q.QueryRowContext(ctx, query, s.Stream.Camera, s.Stream.Quality, s.Start).Scan(&keys)
	if errors.Is(err, sql.ErrNoRows) { // deleted meanwhile
		return keys, nil
	}
	return keys, err
}

// deletableQuery lists the segments of a stream from a time on that are not being written or deleted.
const deletableQuery = `SELECT s.camera, s.quality, s.start_us, s.end_us, s.run, x'', s.state, s.size_bytes, s.init_bytes FROM segment s
	WHERE s.camera = ? AND s.quality = ? AND s.start_us >= ? AND s.state IN (2, 4) ORDER BY s.start_us LIMIT ?`

// Deletable lists at most limit segments of a stream that begin at or after from and are not being written or deleted, in
// order, without their RunID. Whether they are kept is not looked at.
func (r Reader) Deletable(ctx context.Context, st Stream, from int64, limit int) ([]Segment, error) {
	return r.segments(ctx, deletableQuery, st.Camera, st.Quality, from, limit)
}

// Deleting reports whether a segment is marked to be deleted, or gone.
func (r Reader) Deleting(ctx context.Context, s Segment) (bool, error) {
	const query = `SELECT NOT EXISTS (SELECT 1 FROM segment WHERE camera = ? AND quality = ? AND start_us = ? AND state <> 3)`
	var yes bool
	err := r.q.QueryRowContext(ctx, query, s.Stream.Camera, s.Stream.Quality, s.Start).Scan(&yes)
	return yes, err
}

const lastEndQuery = `SELECT end_us FROM segment WHERE camera = ? AND quality = ? ORDER BY start_us DESC LIMIT 1`

// LastEnd returns the end of the last segment of a stream, or NoEnd.
func (r Reader) LastEnd(ctx context.Context, st Stream) (int64, error) {
	return r.orNoEnd(ctx, lastEndQuery, st.Camera, st.Quality)
}

const lastSettledQuery = `SELECT CASE state WHEN 1 THEN start_us ELSE end_us END FROM segment
	WHERE camera = ? AND quality = ? ORDER BY start_us DESC LIMIT 1`

// LastSettledEnd returns until when a stream certainly has footage, or NoEnd: a segment that is still open is not counted.
func (r Reader) LastSettledEnd(ctx context.Context, st Stream) (int64, error) {
	return r.orNoEnd(ctx, lastSettledQuery, st.Camera, st.Quality)
}

const lastStartQuery = `SELECT start_us FROM segment WHERE camera = ? AND quality = ? ORDER BY start_us DESC LIMIT 1`

// LastStart returns the begin of the newest segment of a stream, or NoEnd.
func (r Reader) LastStart(ctx context.Context, st Stream) (int64, error) {
	return r.orNoEnd(ctx, lastStartQuery, st.Camera, st.Quality)
}

const nextStartQuery = `SELECT start_us FROM segment WHERE camera = ? AND quality = ? AND start_us >= ? ORDER BY start_us LIMIT 1`

// NextStart returns the begin of the first segment of a stream that begins at or after from, or NoEnd.
func (r Reader) NextStart(ctx context.Context, st Stream, from int64) (int64, error) {
	return r.orNoEnd(ctx, nextStartQuery, st.Camera, st.Quality, from)
}

// orNoEnd returns a time, or NoEnd when the query finds none.
func (r Reader) orNoEnd(ctx context.Context, query string, args ...any) (int64, error) {
	var at int64
	err := r.q.QueryRowContext(ctx, query, args...).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return NoEnd, nil
	}
	return at, err
}
