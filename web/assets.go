package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"strings"
	"sync"
)

//go:embed all:static
var staticFiles embed.FS

// assetVersion is a digest of all static files. It is one folder in their URLs, so that modules import each other by
// relative names and no browser ever mixes files of two versions.
var assetVersion = sync.OnceValue(func() string {
	h := sha256.New()
	err := fs.WalkDir(staticFiles, "static", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := staticFiles.ReadFile(p)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		h.Write([]byte(p + "\x00"))
		h.Write(sum[:])
		return nil
	})
	if err != nil {
		panic(err) // the files are part of the binary
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
})

// asset returns the URL of a static file by its name below static/: "app.css" → "/static/3f2a9c01b2c3/app.css". The URL
// changes with the content, so that it may be cached for ever. A name that is not embedded is a mistake of ours and panics.
func asset(name string) string {
	name = strings.TrimPrefix(name, "/")
	if f, err := staticFiles.Open("static/" + name); err != nil {
		panic("web: no static file " + name)
	} else {
		f.Close()
	}
	return "/static/" + assetVersion() + "/" + name
}
