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

// hlsIndex answers GET /api/v1/cameras/{id}/hls/index.m3u8: a span for players that know HTTP Live Streaming.
func (a *footageAPI) hlsIndex(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	return a.writePlaylist(w, r, p, func(placement []storage.SegmentPlacement, q hlsQuery) string {
		return indexPlaylist(placement, q.values(q.span.From, q.span.To).Encode())
	})
}

// hlsMedia answers GET /api/v1/cameras/{id}/hls/media.m3u8: what the index leads to.
func (a *footageAPI) hlsMedia(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	return a.writePlaylist(w, r, p, func(placement []storage.SegmentPlacement, q hlsQuery) string {
		return mediaPlaylist(entries(placement), false, q.segment)
	})
}

// hlsKeyFrames answers GET /api/v1/cameras/{id}/hls/keyframes.m3u8: the key frames alone, for seeking by pictures.
func (a *footageAPI) hlsKeyFrames(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	return a.writePlaylist(w, r, p, func(placement []storage.SegmentPlacement, q hlsQuery) string {
		keys := keyFrames(placement)
		if len(keys) == 0 {
			return ""
		}
		return mediaPlaylist(keys, true, q.segment)
	})
}

// hlsQuery is what a playlist was asked for.
type hlsQuery struct {
	span    storage.Span
	quality media.Quality
	link    bool // the caller comes with a link, and says so in every request
}

// values are the parameters for a span of the same stream, for the same caller.
func (q hlsQuery) values(from, to time.Time) url.Values {
	v := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}, "stream": {q.quality.String()}}
	if q.link {
		v.Set(asLink, asLinkValue)
	}
	return v
}

// segment is the URL of a stored segment, as it stands beside the playlist.
func (q hlsQuery) segment(x *storage.SegmentPlacement) string {
	v := q.values(x.From, x.To)
	v.Set("size", strconv.FormatInt(x.Bytes, 10))
	return "segment.mp4?" + v.Encode()
}

// writePlaylist answers with what is made of the placement of the span asked for. That is no footage and no view: it tells less
// than the timeline does, and the bytes that it leads to are put on record when they are asked for.
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

// hlsSegmentFile answers GET /api/v1/cameras/{id}/hls/segment.mp4: one stored segment, of which a playlist names byte ranges.
// What is not exactly what the playlist measured, since footage was deleted or a right to hear was given or taken, is not
// there: ranges of it would be other bytes than the player takes them for.
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
