package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:embed all:static
var staticFiles embed.FS

// assetVersion is a digest of all static files. It is a folder in their URLs, so that modules can import each other by relative
// names and no browser mixes files of two versions.
var assetVersion = digest(staticFiles)

func digest(files fs.FS) string {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		h.Write([]byte(name + "\x00"))
		h.Write(sum[:])
		return nil
	})
	if err != nil {
		panic(err) // the files are part of the binary
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// asset returns the URL of a static file by its name below static/: "css/app.css" → "/static/3f2a9c01b2c3/css/app.css". The URL
// changes with the content, so that it may be cached forever. It panics for a file that does not exist.
func asset(name string) string {
	name = strings.TrimPrefix(name, "/")
	if f, err := staticFiles.Open("static/" + name); err != nil {
		panic("web: no static file " + name)
	} else {
		f.Close()
	}
	return "/static/" + assetVersion + "/" + name
}

// importLine matches an import of one of our modules by another, with the path from it.
var importLine = regexp.MustCompile(`(?m)^(?:import|\}) .*from "(\.[^"]+)";`)

// imports returns which modules each module imports itself, by their names below static/.
var imports = sync.OnceValue(func() map[string][]string {
	files, err := preparedStatic()
	if err != nil {
		panic(err) // the files are part of the binary
	}
	all := map[string][]string{}
	for name, f := range files {
		if path.Ext(name) != ".js" {
			continue
		}
		for _, m := range importLine.FindAllSubmatch(f.plain, -1) {
			all[name] = append(all[name], path.Join(path.Dir(name), string(m[1])))
		}
	}
	return all
})

// imported returns every module that scripts import, themselves or by another module, each once and always in the same order.
func imported(scripts ...string) []string {
	var list []string
	known := map[string]bool{}
	for _, script := range scripts {
		known[script] = true
	}
	var add func(name string)
	add = func(name string) {
		for _, next := range imports()[name] {
			if !known[next] {
				known[next] = true
				list = append(list, next)
				add(next)
			}
		}
	}
	for _, script := range scripts {
		add(script)
	}
	return list
}

// staticFile is an embedded file, ready to be sent.
type staticFile struct {
	contentType  string
	plain, small []byte // small is compressed by gzip; nil if that saves too little
}

// preparedStatic returns all static files by name. They are never changed.
var preparedStatic = sync.OnceValues(func() (map[string]staticFile, error) {
	prepared := map[string]staticFile{}
	err := fs.WalkDir(staticFiles, "static", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(staticFiles, p)
		if err != nil {
			return err
		}
		f := staticFile{contentType: contentType(p), plain: b}
		if small, err := compress(b); err != nil {
			return err
		} else if len(small) < len(b)*9/10 {
			f.small = small
		}
		prepared[strings.TrimPrefix(p, "static/")] = f
		return nil
	})
	return prepared, err
})

func compress(b []byte) ([]byte, error) {
	var small bytes.Buffer
	z, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return small.Bytes(), nil
}

// contentType returns the types of our own files, independent of the machine's tables.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".webmanifest":
		return "application/manifest+json"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// fileServer serves the embedded files, by their names below static/.
type fileServer map[string]staticFile

// static serves one file. With the current digest it may be cached forever. An old digest is 404, so that a page from before an
// update reloads instead of mixing versions.
func (s fileServer) static(w http.ResponseWriter, r *http.Request) error {
	f, ok := s[r.PathValue("name")]
	if !ok || r.PathValue("version") != assetVersion {
		return notFound()
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return writeStatic(w, r, f)
}

// robots tells crawlers to stay away.
func (s fileServer) robots(w http.ResponseWriter, r *http.Request) error {
	return writeStatic(w, r, s["robots.txt"])
}

func writeStatic(w http.ResponseWriter, r *http.Request, f staticFile) error {
	h := w.Header()
	body := f.plain
	h.Set("Content-Type", f.contentType)
	if f.small != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body = f.small
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(body)
	return err
}

// acceptsGzip reads Accept-Encoding (RFC 9110 section 12.5.3).
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !found || (err == nil && weight > 0)
		}
	}
	return false
}
