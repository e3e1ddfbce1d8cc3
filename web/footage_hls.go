package web

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// hlsIndex answers GET /api/v1/cameras/{id}/hls/index.m3u8: a span for players of HTTP Live Streaming.
func (a *footageAPI) hlsIndex(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	return a.writePlaylist(w, r, p, func(placement []storage.SegmentPlacement, q hlsQuery) string {
		return indexPlaylist(placement, q.values(q.span.From, q.span.To).Encode())
	})
}

// hlsMedia answers GET /api/v1/cameras/{id}/hls/media.m3u8: the footage.
func (a *footageAPI) hlsMedia(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	return a.writePlaylist(w, r, p, func(placement []storage.SegmentPlacement, q hlsQuery) string {
		return mediaPlaylist(entries(placement), false, q.segment)
	})
}

// hlsKeyFrames answers GET /api/v1/cameras/{id}/hls/keyframes.m3u8: the key frames, for seeking with previews.
func (a *footageAPI) hlsKeyFrames(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	return a.writePlaylist(w, r, p, func(placement []storage.SegmentPlacement, q hlsQuery) string {
		keys := keyFrames(placement)
		if len(keys) == 0 {
			return ""
		}
		return mediaPlaylist(keys, true, q.segment)
	})
}

// hlsQuery is the parameters of a playlist.
type hlsQuery struct {
	span    storage.Span
	quality media.Quality
	link    bool // the caller uses a link, and every request must say so
}

// values returns the parameters for another span of the same stream and caller.
func (q hlsQuery) values(from, to time.Time) url.Values {
	v := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}, "stream": {q.quality.String()}}
	if q.link {
		v.Set(asLink, asLinkValue)
	}
	return v
}

// segment is the URL of a stored segment, relative to the playlist.
func (q hlsQuery) segment(x *storage.SegmentPlacement) string {
	v := q.values(x.From, x.To)
	v.Set("size", strconv.FormatInt(x.Bytes, 10))
	return "segment.mp4?" + v.Encode()
}

// writePlaylist answers with a playlist made from the placement of the requested span. A playlist is not footage and is not
// logged as a view: it reveals less than the timeline, and its footage is logged when it is requested.
func (a *footageAPI) writePlaylist(w http.ResponseWriter, r *http.Request, p access.Permit, write func([]storage.SegmentPlacement, hlsQuery) string) error {
	params, err := query(r)
	if err != nil {
		return err
	}
	q := hlsQuery{link: isLink(r)}
	if q.span, q.quality, err = spanOfStream(params, storage.MaxClip); err != nil {
		return err
	}
	release, err := a.slots.take(p.Viewer())
	if err != nil {
		return err
	}
	defer release()
	release, err = a.takeOpening(r, q.span.To.Sub(q.span.From))
	if err != nil {
		return err
	}
	defer release()
	placement, err := a.store.Placement(r.Context(), p, q.quality, q.span)
	if err != nil {
		return err
	}
	text := write(placement, q)
	if text == "" {
		return storage.ErrNoFootage
	}
	w.Header().Set("Content-Type", playlist)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = io.WriteString(w, text)
	return err
}

// hlsSegmentFile answers GET /api/v1/cameras/{id}/hls/segment.mp4: one stored segment, to whose byte ranges a playlist refers.
// If it has changed since, because footage was deleted or the audio right was given or taken, the answer is 404: its byte
// ranges would be wrong.
func (a *footageAPI) hlsSegmentFile(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	span, quality, err := spanOfStream(q, storage.MaxSegments)
	if err != nil {
		return err
	}
	text, err := parameter(q, "size")
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return problem(http.StatusBadRequest, "The parameter size must be a number of bytes, as in the playlist.")
	}
	clip, err := a.store.OpenStored(r.Context(), p, quality, span)
	if err != nil {
		return err
	}
	if clip.Size() != size {
		_ = clip.Close() // nothing was read
		return storage.ErrNoFootage
	}
	w.Header().Set("Content-Type", clip.MIME())
	return a.send(w, r, p, clip)
}
