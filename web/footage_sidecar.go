package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// sidecarJSON describes a saved clip: what it is, what is missing from it, and the checksum that proves it unchanged.
type sidecarJSON struct {
	Camera    string       `json:"camera"` // its id in the configuration
	Label     string       `json:"label"`
	Stream    string       `json:"stream"`
	Asked     spanJSON     `json:"asked"`
	Delivered *spanJSON    `json:"delivered,omitempty"` // from the first picture to the end of the last; absent without footage
	Gaps      []sidecarGap `json:"gaps"`                // of the requested span
	File      string       `json:"file,omitempty"`
	Codecs    []string     `json:"codecs,omitempty"` // RFC 6381
	Bytes     int64        `json:"bytes,omitempty"`
	SHA256    string       `json:"sha256,omitempty"` // of the file's bytes
	Recorder  string       `json:"recorder"`
	Exported  string       `json:"exported"`
}

// sidecarGap is a gap whose JSON always has the same length, so that HEAD and GET agree although times differ.
type sidecarGap struct {
	From   sidecarTime `json:"from"`
	To     sidecarTime `json:"to"`
	Code   string      `json:"code"`
	Reason string      `json:"reason"`
}

// sidecarTime is written to the microsecond, trailing zeros included.
type sidecarTime struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t sidecarTime) MarshalJSON() ([]byte, error) {
	return []byte(t.UTC().Format(`"2006-01-02T15:04:05.000000Z"`)), nil
}

// exportedLayout has a fixed length, so that the size of a sidecar is known before its clip is read.
const exportedLayout = "2006-01-02T15:04:05.000Z"

// sidecar describes a clip before it is read. clip is nil if there is no footage.
func (a *footageAPI) sidecar(ctx context.Context, p access.Permit, q media.Quality, asked storage.Span, clip *storage.Clip) (sidecarJSON, error) {
	c := a.cameras.ofPermit(p)
	x := sidecarJSON{Camera: c.Name, Label: c.Label, Stream: q.String(), Asked: spanJSON{asked.From.UTC(), asked.To.UTC()}, Gaps: []sidecarGap{},
		Recorder: "Keepwatch " + a.version, Exported: a.site.now().UTC().Format(exportedLayout)}
	known := asked
	if w := p.Window(); !w.Open() {
		known = storage.Span{From: later(asked.From, w.From), To: earlier(asked.To, w.To)}
	}
	if known.From.Before(known.To) {
		tl, err := a.store.Timeline(ctx, p, q, known)
		if err != nil {
			return x, err
		}
		for _, g := range tl.Gaps {
			x.Gaps = append(x.Gaps, sidecarGap{sidecarTime{g.From}, sidecarTime{g.To}, string(g.Code), g.Reason})
		}
	}
	if clip == nil {
		return x, nil
	}
	x.Delivered = &spanJSON{clip.Start().UTC(), clip.End().UTC()}
	x.File, x.Codecs, x.Bytes = a.fileName(p, clip), codecsIn(clip.MIME()), clip.Size()
	x.SHA256 = strings.Repeat("0", 2*sha256.Size) // until it is known
	return x, nil
}

// name is the name of the sidecar's own file.
func (x sidecarJSON) name(loc *time.Location) string {
	if x.File == "" {
		return fmt.Sprintf("%s_%s_no-footage.json", x.Camera, x.Asked.From.In(loc).Format(fileTime))
	}
	return strings.TrimSuffix(x.File, ".mp4") + ".json"
}

// text is the content of the sidecar's file, with the clip's checksum.
func (x sidecarJSON) text(sum hash.Hash) ([]byte, error) {
	if sum != nil && x.File != "" {
		x.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	b, err := json.MarshalIndent(x, "", "  ")
	return append(b, '\n'), err
}

// clipSidecar answers GET /api/v1/cameras/{id}/clip.json: the sidecar of the clip that clip.mp4 returns for the same span. The
// clip is read completely for its SHA-256. It contains no picture, but it proves that a copy is genuine; so it needs the export
// right and is logged as an export.
func (a *footageAPI) clipSidecar(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	release, err := a.slots.take(p.Viewer())
	if err != nil {
		return err
	}
	defer release()
	clip, err := a.openClip(r, p, q)
	if err != nil {
		return err
	}
	defer clip.Close()
	asked, quality, _ := spanOfStream(q, storage.MaxClip) // openClip has read them
	g := a.gate.guard(w, r, p)
	defer g.close()
	if p, err = g.fresh(); err != nil {
		return err
	}
	x, err := a.sidecar(r.Context(), p, quality, asked, clip)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if r.Method != http.MethodHead {
		content := &guarded{Clip: clip, guard: g, begin: a.beginning(w, r, clip)}
		defer endView(w)
		if _, err := io.Copy(sum, content); err != nil {
			return err
		}
	}
	text, err := x.text(sum)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", x.name(a.site.location)))
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = w.Write(text)
	return err
}

// beginning returns a function that logs a view of the whole clip; it runs before the first byte.
func (a *footageAPI) beginning(w http.ResponseWriter, r *http.Request, c *storage.Clip) func(access.Permit) error {
	from, to := c.Start(), c.End()
	return func(p access.Permit) error {
		_, err := a.gate.beginView(w, r, p, from, to)
		return err
	}
}
