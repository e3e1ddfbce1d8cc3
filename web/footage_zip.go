package web

import (
	"archive/zip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// Limits of one zip. All its clips together may be as long as one clip, because the headers of all of them are in memory until
// the last byte is sent.
const (
	maxZipClips = 32
	maxZipTime  = storage.MaxClip
)

// wanted is one requested clip of a zip.
type wanted struct {
	camera Camera
	kept   string // id of a kept clip, whose span it is; empty for the requested span
	span   storage.Span
}

// exported is a clip of a zip with its sidecar; without footage only the sidecar.
type exported struct {
	permit  access.Permit
	clip    *storage.Clip // nil without footage
	sidecar sidecarJSON
	name    string // of the sidecar
}

// export is a zip to be sent.
type export struct {
	api    *footageAPI
	files  []exported
	at     time.Time
	guards map[access.Camera]*guard
}

// exportZip answers GET /api/v1/export.zip: clips of several cameras, with sidecars, in one file. Its size is known before its
// first byte. A caller who may not export from every camera named gets 404.
func (a *footageAPI) exportZip(w http.ResponseWriter, r *http.Request) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	list, err := a.wantedOf(q)
	if err != nil {
		return err
	}
	quality, err := qualityParameter(q)
	if err != nil {
		return err
	}
	if err := a.authorizeWanted(r, list); err != nil {
		return err
	}
	release, err := a.slots.take(viewerOf(r))
	if err != nil {
		return err
	}
	defer release()
	x, err := a.openExport(r, list, quality)
	if err != nil {
		return err
	}
	defer x.close()
	size, err := x.size()
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", x.fileName(list)))
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("Accept-Ranges", "none")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return x.send(w, r)
}

// wantedOf reads the requested clips: either camera, repeatable, with from and to; or kept, repeatable, as CAMERA:ID.
func (a *footageAPI) wantedOf(q url.Values) ([]wanted, error) {
	names, kept := q["camera"], q["kept"]
	switch n := len(names) + len(kept); {
	case n == 0:
		return nil, problem(http.StatusBadRequest, "Name at least one camera: camera=…, or a kept clip: kept=CAMERA:ID.")
	case len(names) > 0 && len(kept) > 0:
		return nil, problem(http.StatusBadRequest, "Name either cameras with a span, or kept clips.")
	case n > maxZipClips:
		return nil, problem(http.StatusBadRequest, fmt.Sprintf("Too much for one zip: the limit is %d clips.", maxZipClips))
	}
	var list []wanted
	for _, text := range kept {
		name, id, _ := strings.Cut(text, ":")
		if _, err := keptParameter(id); err != nil {
			return nil, err
		}
		list = append(list, wanted{camera: a.cameras.named(name), kept: id})
	}
	if len(names) == 0 {
		return list, nil
	}
	span, err := spanParameters(q, storage.MaxClip)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, problem(http.StatusBadRequest, "One camera is named twice.")
		}
		list = append(list, wanted{camera: a.cameras.named(name), span: span})
	}
	return list, nil
}

// authorizeWanted checks all rights before anything is opened, and finds the spans of kept clips.
func (a *footageAPI) authorizeWanted(r *http.Request, list []wanted) error {
	var together time.Duration
	for i := range list {
		x := &list[i]
		p, err := a.gate.accounts.Authorize(r.Context(), viewerOf(r), access.Export, access.Camera(x.camera.ID))
		if err != nil {
			return err
		}
		if x.kept != "" {
			id, err := keptParameter(x.kept)
			if err != nil {
				return err
			}
			k, err := a.store.KeptOne(r.Context(), p, id)
			if err != nil {
				return a.gate.inTime(p, err)
			}
			x.span = k.Span
		}
		together += x.span.To.Sub(x.span.From)
	}
	if together > maxZipTime {
		return problem(http.StatusBadRequest, "Too long for one zip: its clips may last "+hours(maxZipTime)+" in total. Request fewer at a time.")
	}
	return nil
}

// openExport opens all clips, so that their sizes are known.
func (a *footageAPI) openExport(r *http.Request, list []wanted, quality media.Quality) (_ *export, err error) {
	x := &export{api: a, at: a.site.now(), guards: map[access.Camera]*guard{}}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	var together time.Duration
	for _, one := range list {
		together += one.span.To.Sub(one.span.From)
	}
	release, err := a.takeOpening(r, together)
	if err != nil {
		return nil, err
	}
	defer release()
	found := false
	for _, one := range list {
		// A permit lasts a second; opening the clips before this one may have taken longer.
		p, err := a.gate.accounts.Authorize(r.Context(), viewerOf(r), access.Export, access.Camera(one.camera.ID))
		if err != nil {
			return nil, err
		}
		had := len(x.files)
		if err := x.open(r, p, quality, one.span); err != nil {
			return nil, a.gate.inTime(p, err)
		}
		found = found || x.files[had].clip != nil
	}
	if !found {
		return nil, problem(http.StatusNotFound, "None of these cameras has footage of that time. The timeline says why.")
	}
	x.nameApart()
	return x, nil
}

// open adds the footage of a camera: one file, or one for each video format, or none.
func (x *export) open(r *http.Request, p access.Permit, quality media.Quality, span storage.Span) error {
	clip, err := x.api.store.OpenClip(r.Context(), p, quality, span)
	if changed, ok := errors.AsType[*storage.FormatChangedError](err); ok {
		for _, part := range changed.Parts {
			clip, err := x.api.store.OpenClip(r.Context(), p, quality, part)
			if err != nil {
				return err
			}
			if err := x.add(r, p, quality, span, clip); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil && !errors.Is(err, storage.ErrNoFootage) {
		return err
	}
	return x.add(r, p, quality, span, clip)
}

func (x *export) add(r *http.Request, p access.Permit, quality media.Quality, span storage.Span, clip *storage.Clip) error {
	x.files = append(x.files, exported{permit: p, clip: clip}) // first, so that it is closed whatever happens
	one := &x.files[len(x.files)-1]
	var err error
	one.sidecar, err = x.api.sidecar(r.Context(), p, quality, span, clip)
	return err
}

// close closes all clips and guards.
func (x *export) close() {
	for _, g := range x.guards {
		g.close()
	}
	for _, one := range x.files {
		if one.clip != nil {
			_ = one.clip.Close() // it was read, or will not be
		}
	}
}

// nameApart gives each file a unique name: two clips of a camera may begin in the same second.
func (x *export) nameApart() {
	taken := map[string]bool{}
	for i := range x.files {
		one := &x.files[i]
		one.name = one.sidecar.name(x.api.site.location)
		base := strings.TrimSuffix(one.name, ".json")
		for n := 2; taken[one.name]; n++ {
			next := fmt.Sprintf("%s_%d", base, n)
			one.name = next + ".json"
			if one.clip != nil {
				one.sidecar.File = next + ".mp4"
			}
		}
		taken[one.name] = true
	}
}

// fileName is the name of the zip: by the span if all clips have the same, else by the time of export.
func (x *export) fileName(list []wanted) string {
	if list[0].kept != "" {
		return "saved-clips_" + x.at.In(x.api.site.location).Format(fileTime) + ".zip"
	}
	span := list[0].span
	seconds := max(1, int(span.To.Sub(span.From).Round(time.Second).Seconds()))
	return fmt.Sprintf("%d-cameras_%s_%ds.zip", len(list), span.From.In(x.api.site.location).Format(fileTime), seconds)
}

// size is the exact size of the zip in bytes.
func (x *export) size() (int64, error) {
	var entries []zipEntry
	for _, one := range x.files {
		if one.clip != nil {
			entries = append(entries, zipEntry{one.sidecar.File, one.clip.Size()})
		}
		text, err := one.sidecar.text(nil)
		if err != nil {
			return 0, err
		}
		entries = append(entries, zipEntry{one.name, int64(len(text))})
	}
	return zipSize(entries)
}

// send writes the zip: after each clip its sidecar, with the clip's checksum. The permits of all cameras are renewed from the
// first byte to the last. Each clip is logged as a view, with its bytes and those around it except the directory at the end.
func (x *export) send(w http.ResponseWriter, r *http.Request) error {
	for _, one := range x.files {
		if c := one.permit.Camera(); x.guards[c] == nil {
			x.guards[c] = x.api.gate.guard(w, r, one.permit)
		}
	}
	zw := zip.NewWriter(w)
	for _, one := range x.files {
		if err := x.sendOne(w, r, zw, one); err != nil {
			return err
		}
	}
	return zw.Close()
}

func (x *export) sendOne(w http.ResponseWriter, r *http.Request, zw *zip.Writer, one exported) error {
	defer endView(w)
	sum := sha256.New()
	if one.clip != nil {
		file, err := zw.CreateHeader(zipHeader(one.sidecar.File, x.at))
		if err != nil {
			return err
		}
		content := &guarded{Clip: one.clip, guard: x.guards[one.permit.Camera()], begin: x.api.beginning(w, r, one.clip)}
		n, err := io.Copy(io.MultiWriter(file, sum), content)
		if err == nil && n != one.clip.Size() {
			err = fmt.Errorf("clip of %d bytes ended after %d", one.clip.Size(), n)
		}
		if err != nil {
			return err
		}
	}
	text, err := one.sidecar.text(sum)
	if err != nil {
		return err
	}
	file, err := zw.CreateHeader(zipHeader(one.name, x.at))
	if err != nil {
		return err
	}
	if _, err := file.Write(text); err != nil {
		return err
	}
	return zw.Flush()
}

// zipEntry is a file in a zip, stored as it is.
type zipEntry struct {
	name string
	size int64
}

func zipHeader(name string, at time.Time) *zip.FileHeader {
	return &zip.FileHeader{Name: name, Method: zip.Store, Modified: at}
}

// zipTimeExtra is the length of the field in which archive/zip writes a file's time.
const zipTimeExtra = 9

// zipSize returns the size of a zip of the entries, as archive/zip writes it when sizes and checksums follow the data. It writes
// such a zip, filled with zeros, to a counter.
func zipSize(entries []zipEntry) (int64, error) {
	var sum count
	zw := zip.NewWriter(&sum)
	nothing := make([]byte, 1<<20)
	for _, e := range entries {
		const sizesFollow = 8 // general purpose bit 3 of the ZIP format
		file, err := zw.CreateRaw(&zip.FileHeader{Name: e.name, Method: zip.Store, Flags: sizesFollow, Extra: make([]byte, zipTimeExtra),
			CompressedSize64: uint64(e.size), UncompressedSize64: uint64(e.size)})
		for left := e.size; err == nil && left > 0; left -= int64(len(nothing)) {
			_, err = file.Write(nothing[:min(left, int64(len(nothing)))])
		}
		if err != nil {
			return 0, err
		}
	}
	err := zw.Close()
	return int64(sum), err
}

// count counts what is written to it.
type count int64

// Write implements io.Writer.
func (c *count) Write(b []byte) (int, error) {
	*c += count(len(b))
	return len(b), nil
}
