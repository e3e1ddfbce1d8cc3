package web

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
)

// unzipped are a zip's files by name.
func unzipped(t testing.TB, b []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	check(t, err)
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		check(t, err)
		content, err := io.ReadAll(r) // which compares the checksum
		check(t, err)
		if f.Method != zip.Store || files[f.Name] != nil {
			t.Errorf("%s: method %d, or there twice", f.Name, f.Method)
		}
		files[f.Name] = content
	}
	return files
}

// sidecarsIn reads the sidecars of a zip's files by camera, and holds them to their description and to their files.
func (w *world) sidecarsIn(files map[string][]byte) map[string][]sidecarJSON {
	w.t.Helper()
	out, clips := map[string][]sidecarJSON{}, 0
	for name, b := range files {
		if !strings.HasSuffix(name, ".json") {
			clips++
			continue
		}
		var v any
		check(w.t, json.Unmarshal(b, &v))
		if wrong := w.described.violates(v, map[string]any{"$ref": "#/components/schemas/Sidecar"}, name); wrong != "" {
			w.t.Error(wrong)
		}
		var x sidecarJSON
		check(w.t, json.Unmarshal(b, &x))
		out[x.Camera] = append(out[x.Camera], x)
		if x.File == "" {
			continue
		}
		clips--
		sum := sha256.Sum256(files[x.File])
		if x.SHA256 != hex.EncodeToString(sum[:]) || x.Bytes != int64(len(files[x.File])) || strings.TrimSuffix(x.File, ".mp4") != strings.TrimSuffix(name, ".json") {
			w.t.Errorf("%s says %+v; there are %d bytes, %x", name, x, len(files[x.File]), sum)
		}
	}
	if clips != 0 {
		w.t.Errorf("%d clips more than sidecars that name them", clips)
	}
	return out
}

func TestAZipHoldsEveryCamerasClipWithItsSidecar(t *testing.T) {
	w := filmed(t)
	l := w.tap()
	path := "/api/v1/export.zip?camera=attic&camera=front&" + w.span(3.5, 60)
	head, _ := w.do(w.as("alice", ask{method: "HEAD", path: path}))
	l.carried(t)
	resp, body := w.do(w.as("alice", ask{path: path}))
	if resp.StatusCode != 200 || resp.ContentLength != int64(len(body)) || head.ContentLength != resp.ContentLength || l.carried(t) != int64(len(body)) {
		t.Fatalf("status %d, %d bytes of %d; HEAD said %d", resp.StatusCode, len(body), resp.ContentLength, head.ContentLength)
	}
	if got := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="2-cameras_20`) {
		t.Errorf("disposition %s", got)
	}
	files := unzipped(t, body)
	sidecars := w.sidecarsIn(files)
	for _, name := range []string{"attic", "front"} {
		_, clip := w.do(w.as("alice", ask{path: "/api/v1/cameras/" + name + "/clip.mp4?" + w.span(3.5, 60)}))
		x := sidecars[name][0]
		if len(sidecars[name]) != 1 || !bytes.Equal(files[x.File], clip) || !bytes.Contains(clip, []byte(w.cameras[name].ID.String())) {
			t.Errorf("%s: %d sidecars; the file differs from the clip: %t", name, len(sidecars[name]), !bytes.Equal(files[x.File], clip))
		}
		if !x.Delivered.From.Equal(w.start.Add(3*time.Second)) || !x.Delivered.To.Equal(w.start.Add(filmLength*time.Second)) || len(x.Gaps) == 0 ||
			!x.Gaps[0].From.Equal(x.Delivered.To) || x.Gaps[0].Reason == "" || x.Label != w.cameras[name].Label || x.Codecs[0][:5] != "avc1." ||
			(len(x.Codecs) == 2) != w.cameras[name].Audio || x.Recorder != "Keepwatch test" {
			t.Errorf("%s: %+v", name, x)
		}
		one, text := w.do(w.as("alice", ask{path: "/api/v1/cameras/" + name + "/clip.json?" + w.span(3.5, 60)}))
		alone := decode[sidecarJSON](t, one, text)
		if x.Exported = alone.Exported; alone.SHA256 != x.SHA256 || alone.File != x.File || len(alone.Gaps) != len(x.Gaps) {
			t.Errorf("alone the sidecar is %+v, in the zip %+v", alone, x)
		}
		oneHead, _ := w.do(w.as("alice", ask{method: "HEAD", path: "/api/v1/cameras/" + name + "/clip.json?" + w.span(3.5, 60)}))
		if oneHead.ContentLength != int64(len(text)) {
			t.Errorf("HEAD says %d bytes of a sidecar of %d", oneHead.ContentLength, len(text))
		}
	}
}

// TestTheAuditLogHasTheBytesOfAZip adds up what is on record of two cameras: all of the zip but the list at its end, and what
// describes the last file.
func TestTheAuditLogHasTheBytesOfAZip(t *testing.T) {
	w := large(t, "attic", "yard")
	l := w.tap()
	resp, body := w.do(w.as("bob", ask{path: "/api/v1/export.zip?camera=attic&camera=yard&" + w.span(2, 6)}))
	if got := l.carried(t); resp.StatusCode != 200 || got != int64(len(body)) {
		t.Fatalf("status %d, %d bytes of %d", resp.StatusCode, len(body), got)
	}
	end := body[len(body)-22:]
	list := int64(binary.LittleEndian.Uint32(end[16:])) // where the central directory begins
	const descriptor = 16
	first, second := int64(0), int64(0)
	if !poll(10*time.Second, func() bool {
		first, second = w.watched("attic", "bob", access.Export), w.watched("yard", "bob", access.Export)
		return first+second == list-descriptor
	}) || first < 40*100<<10 || second < 40*100<<10 {
		t.Errorf("%d and %d bytes are on record, the zip has %d before its list", first, second, list)
	}
	_, text := w.do(w.as("bob", ask{path: "/api/v1/cameras/yard/clip.json?" + w.span(2, 6)}))
	w.recorded("yard", "bob", access.Export, second+int64(len(text)), second+int64(len(text)))
}

// TestAZipNeedsTheExportRightOnEveryCamera asks, as everybody, for one camera and for pairs, on the wire.
func TestAZipNeedsTheExportRightOnEveryCamera(t *testing.T) {
	w := filmed(t)
	owned := map[string]string{"alice": "front attic", "bob": "yard attic"}
	names := []string{"front", "yard", "attic", "unknown"}
	served, compared := 0, 0
	for _, p := range w.principals() {
		p.owned = owned
		for _, a := range names {
			for _, b := range names {
				pair := []string{a, b}
				if a == b {
					pair = pair[:1]
				}
				answer := w.zipAs(p, pair...)
				may := p.rights(a).Has(access.Export) && p.rights(b).Has(access.Export)
				want := "404"
				switch {
				case p.nobody():
					want = "401"
				case may:
					want = "200"
					served++
				}
				if !strings.HasPrefix(answer, want) {
					t.Errorf("%s: %s and %s: %.200s, want %s", p.name, a, b, answer, want)
				}
				if want == "404" {
					if missing := w.zipAs(p, a, "missing"); p.rights(a).Has(access.Export) && missing != answer || strings.Contains(answer, "zip") {
						t.Errorf("%s: %s and %s is answered\n%s\nand beside a camera that is not there\n%s", p.name, a, b, answer, missing)
					}
					compared++
				}
			}
		}
	}
	if served < 4 || compared < 100 {
		t.Errorf("%d served, %d refused", served, compared)
	}
}

// zipAs is the whole answer but for the date, without the bytes of a zip.
func (w *world) zipAs(p principal, cameras ...string) string {
	w.t.Helper()
	a := ask{path: "/api/v1/export.zip?" + w.span(2, 4) + "&camera=" + strings.Join(cameras, "&camera="), session: p.session, token: p.token}
	if p.link != "" {
		a.path += "&as=link"
		a.header = map[string]string{"Cookie": linkCookieName(false) + "=" + p.link}
	}
	resp, body := w.do(a)
	for _, c := range w.cameras {
		if bytes.Contains(body, []byte(c.ID.String())) && !p.rights(c.Name).Has(access.Export) {
			w.t.Fatalf("%s got footage of %s", p.name, c.Name)
		}
	}
	if resp.StatusCode == 200 {
		return resp.Status
	}
	resp.Header.Del("Date")
	var header strings.Builder
	check(w.t, resp.Header.Write(&header))
	return resp.Status + "\n" + header.String() + string(body)
}

func TestRevokingAnyCameraCutsAZipWithinASecond(t *testing.T) {
	w := large(t, "attic", "yard")
	resp := w.open(t.Context(), w.as("bob", ask{path: "/api/v1/export.zip?camera=attic&camera=yard&" + w.span(0, filmLength)}))
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	check(t, readSome(resp.Body))                                    // of the attic's clip
	w.own(map[string]string{"alice": "front attic", "bob": "attic"}) // the yard is not bob's any more
	watch, slow := newStopwatch(t), time.NewTicker(10*time.Millisecond)
	defer slow.Stop()
	for w.handling("exportZip") {
		if <-slow.C; watch.took() > time.Second {
			t.Fatalf("still sent after %v", watch.took())
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 16<<10)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil || n > resp.ContentLength/2 {
		t.Errorf("%d of %d bytes arrived, %v", n, resp.ContentLength, err)
	}
}

func TestAZipHasPartsAndListsWhatIsMissing(t *testing.T) {
	w := filmed(t)
	again := w.cameras["attic"]
	again.Name = "of another coding"
	run, fragments := w.shoot(again, media.Main, w.start.Add((filmLength+4)*time.Second), 5)
	writer, err := w.store.Begin(t.Context(), run)
	check(t, err)
	for _, f := range fragments {
		check(t, writer.Append(t.Context(), f))
	}
	check(t, writer.End(t.Context(), "the test is over"))
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/export.zip?camera=attic&camera=front&" + w.span(filmLength+2, filmLength+9)}))
	if resp.StatusCode != 200 || resp.ContentLength != int64(len(body)) {
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	sidecars := w.sidecarsIn(unzipped(t, body))
	if x := sidecars["front"]; len(x) != 1 || x[0].File != "" || x[0].Delivered != nil || len(x[0].Gaps) == 0 {
		t.Errorf("of a camera without footage: %+v", x)
	}
	_, body = w.do(w.as("alice", ask{path: "/api/v1/export.zip?camera=attic&" + w.span(10, filmLength+9)}))
	parts := w.sidecarsIn(unzipped(t, body))["attic"]
	if len(parts) != 2 || parts[0].File == parts[1].File || len(parts[0].Gaps) != 1 {
		t.Errorf("of a camera whose coding changed: %+v", parts)
	}
	if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/cameras/attic/clip.json?" + w.span(10, filmLength+9)})); resp.StatusCode != http.StatusConflict {
		t.Errorf("one sidecar for two codings: status %d", resp.StatusCode)
	}
	for query, want := range map[string]int{"": 400, "camera=attic": 400, "camera=attic&camera=attic&" + w.span(1, 2): 400, "camera=attic&" + w.span(2, 1): 400,
		"camera=attic&camera=front&" + w.span(0, 13*3600): 400, "camera=attic&camera=front&" + w.span(-90, -80): 404, "camera=attic&stream=x&" + w.span(1, 2): 400,
		"camera=attic&kept=front:x&" + w.span(1, 2): 400, "kept=front": 400, strings.Repeat("camera=x&", 33) + w.span(1, 2): 400} {
		if resp, body := w.do(w.as("alice", ask{path: "/api/v1/export.zip?" + query})); resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d: %s", query, resp.StatusCode, want, body)
		}
	}
}

func TestKeptClipsGoIntoOneZip(t *testing.T) {
	w := filmed(t)
	query := ""
	for _, camera := range []string{"front", "attic", "attic"} { // the last two begin in the same second
		_, body := w.keep(camera, w.keepBody(4, 7, ""))
		var k keptJSON
		check(t, json.Unmarshal(body, &k))
		query += "&kept=" + camera + ":" + k.ID
	}
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/export.zip?" + query[1:]}))
	if resp.StatusCode != 200 || resp.ContentLength != int64(len(body)) || !strings.Contains(resp.Header.Get("Content-Disposition"), "saved-clips_") {
		t.Fatalf("status %d: %v", resp.StatusCode, resp.Header)
	}
	if got := w.sidecarsIn(unzipped(t, body)); len(got["front"]) != 1 || len(got["attic"]) != 2 || got["attic"][0].File == got["attic"][1].File {
		t.Errorf("%+v", got)
	}
	for _, wrong := range []string{strings.Replace(query, "front:", "attic:", 1), strings.Replace(query, "front:", "yard:", 1)} {
		if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/export.zip?" + wrong[1:]})); resp.StatusCode != 404 {
			t.Errorf("%s: status %d", wrong, resp.StatusCode)
		}
	}
}

// TestTheSizeOfAZipIsKnownInAdvance writes zips, one of them with a file that needs 64 bits, and one whose list does.
func TestTheSizeOfAZipIsKnownInAdvance(t *testing.T) {
	nothing := make([]byte, 1<<20)
	for _, entries := range [][]zipEntry{nil, {{"a.mp4", 0}}, {{"a.mp4", 12345}, {"a.json", 77}, {"front-door_2026.mp4", 1}}, {{"a.mp4", 1<<32 + 5}, {"a.json", 600}},
		{{"a.mp4", 1<<32 - 1}}, {{"a.mp4", 3 << 30}, {"b.mp4", 2 << 30}, {"b.json", 1}}} {
		want, err := zipSize(entries)
		check(t, err)
		var got count
		zw := zip.NewWriter(&got)
		for _, e := range entries {
			f, err := zw.CreateHeader(zipHeader(e.name, time.Now()))
			check(t, err)
			for left := e.size; left > 0; left -= int64(len(nothing)) {
				_, err := f.Write(nothing[:min(left, int64(len(nothing)))])
				check(t, err)
			}
		}
		check(t, zw.Close())
		if int64(got) != want {
			t.Errorf("%v: %d bytes, expected %d", entries, got, want)
		}
	}
}
