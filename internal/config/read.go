package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	noCameras     = "there are no cameras"
	maxIDBytes    = 64
	maxLabelRunes = 64
	maxDays       = 36500
	minSync       = 100 * time.Millisecond
	maxSync       = time.Minute
)

var (
	cameraID    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	accountName = regexp.MustCompile(`^[a-z0-9._-]{1,32}$`)
	notInID     = regexp.MustCompile(`[^a-z0-9]+`)
)

func (r *reader) root(n *node, c *Config) {
	defaults := defaultCamera()
	var cameras *node
	r.mapping(n, "the file", map[string]field{
		"data":       func(v *node) { r.path(v, &c.Data) },
		"recordings": func(v *node) { r.path(v, &c.Recordings) },
		"timezone":   func(v *node) { set(&c.Timezone)(r.timezone(v)) },
		"web":        func(v *node) { r.web(v, &c.Web) },
		"storage":    func(v *node) { r.storage(v, &c.Storage) },
		"views":      func(v *node) { r.views(v, &c.Views) },
		"defaults":   func(v *node) { r.mapping(v, "defaults", r.cameraDefaults(&defaults)) },
		"cameras":    func(v *node) { cameras = v }, // after defaults, wherever those are in the file
	})
	if cameras == nil {
		r.mistake(n, noCameras, "add `cameras:` with one below, for example `garage: rtsp://192.168.1.21/live`")
		return
	}
	r.pairs(cameras, "cameras", func(key, value *node) {
		c.Cameras = append(c.Cameras, r.camera(key, value, defaults))
	})
	if filepath.Clean(c.Data) == filepath.Clean(c.Recordings) {
		r.mistake(n, "data and recordings must be different folders", "")
	}
}

// set returns a function that keeps a value when it could be read.
func set[T any](target *T) func(T, bool) {
	return func(v T, ok bool) {
		if ok {
			*target = v
		}
	}
}

// path reads a path and makes it absolute.
func (r *reader) path(n *node, target *string) {
	s, ok := r.text(n)
	if !ok {
		return
	}
	if strings.ContainsRune(s, 0) {
		r.mistake(n, "a path must not contain a zero byte", "")
		return
	}
	if !filepath.IsAbs(s) {
		s = filepath.Join(r.dir, s)
	}
	*target = filepath.Clean(s)
}

func (r *reader) web(n *node, w *Web) {
	var redirect *node
	r.mapping(n, "web", map[string]field{
		"listen":   func(v *node) { set(&w.Listen)(r.listenAddress(v)) },
		"tls":      func(v *node) { r.tls(v, &w.TLS) },
		"redirect": func(v *node) { redirect = v; set(&w.Redirect)(r.listenAddress(v)) },
		"hosts":    func(v *node) { w.Hosts = r.hostNames(v) },
		"networks": func(v *node) { w.Networks = r.networks(v) },
		"proxies":  func(v *node) { w.Proxies = r.prefixes(v, "proxies") },
	})
	switch {
	case w.Redirect == "":
	case w.TLS.Mode == TLSOff:
		r.mistake(redirect, "redirect needs TLS, and tls is off", "remove redirect")
	case w.Redirect == w.Listen && !strings.HasSuffix(w.Listen, ":0"):
		r.mistake(redirect, "redirect and listen must be different ports", "")
	}
}

func (r *reader) tls(n *node, t *TLS) {
	n = resolve(n)
	if n.Value != "" {
		mode, ok := r.choice(n, string(TLSAuto), string(TLSOff))
		if ok {
			t.Mode = TLSMode(mode)
		}
		return
	}
	before := len(r.mistakes)
	r.mapping(n, "tls", map[string]field{
		"cert": func(v *node) { r.path(v, &t.Cert) },
		"key":  func(v *node) { r.path(v, &t.Key) },
	})
	if len(r.mistakes) == before && (t.Cert == "" || t.Key == "") {
		r.mistake(n, "tls needs both cert and key", "or one of auto, off")
	}
	t.Mode = TLSFiles
}

func (r *reader) storage(n *node, s *Storage) {
	r.mapping(n, "storage", map[string]field{
		"min_free": func(v *node) { set(&s.MinFree)(r.minFree(v)) },
		"sync":     func(v *node) { set(&s.Sync)(r.duration(v, minSync, maxSync)) },
	})
}

func (r *reader) views(n *node, w *Views) {
	r.mapping(n, "views", map[string]field{
		"days": func(v *node) {
			if days, ok := r.number(v, 1, maxDays); ok {
				w.Keep = time.Duration(days) * day
			}
		},
	})
}

// cameraDefaults returns the fields that are allowed under defaults and under a camera.
func (r *reader) cameraDefaults(c *Camera) map[string]field {
	return map[string]field{
		"transport": func(v *node) {
			if s, ok := r.choice(v, string(TransportAuto), string(TransportTCP), string(TransportUDP)); ok {
				c.Transport = Transport(s)
			}
		},
		"record": func(v *node) { set(&c.Record)(r.boolean(v)) },
		"audio":  func(v *node) { set(&c.Audio)(r.boolean(v)) },
		"retain": func(v *node) { r.retain(v, &c.Retain) },
		"owners": func(v *node) { c.Owners = r.owners(v) },
	}
}

func (r *reader) retain(n *node, t *Retain) {
	r.mapping(n, "retain", map[string]field{
		"days": func(v *node) {
			if days, ok := r.number(v, 1, maxDays); ok {
				t.Age = time.Duration(days) * day
			}
		},
		"max_size": func(v *node) { set(&t.MaxBytes)(r.size(v)) },
	})
}

func (r *reader) owners(n *node) []string {
	owners := []string{}
	r.list(n, "owners", func(element *node) {
		name, ok := r.text(element)
		switch {
		case !ok:
		case !accountName.MatchString(name):
			r.mistake(element, "this is not a valid account name: only lower-case letters a-z, digits, '.', '_' and '-', at most 32", "")
		case slices.Contains(owners, name):
			r.mistake(element, fmt.Sprintf("%s is here twice", quote(resolve(element).Value)), "")
		default:
			owners = append(owners, name)
		}
	})
	return owners
}

// camera reads a camera in its long or short form.
func (r *reader) camera(key, n *node, defaults Camera) Camera {
	c := defaults
	c.Owners = slices.Clone(defaults.Owners)
	c.ID, c.Label, c.Line = key.Value, key.Value, key.Line
	r.checkID(key)
	n = resolve(n)
	if n.Value != "" { // garage: rtsp://…
		c.Main = r.source(n)
		return c
	}
	fields := r.cameraDefaults(&c)
	main := false
	fields["label"] = func(v *node) { r.label(v, &c.Label) }
	fields["main"] = func(v *node) { main = true; c.Main = r.source(v) }
	fields["sub"] = func(v *node) { c.Sub = r.source(v) }
	before := len(r.mistakes)
	r.mapping(n, "a camera", fields)
	if !main && len(r.mistakes) == before {
		r.mistake(key, fmt.Sprintf("camera %s has no address", quoteKey(key.Value)), "add `main: rtsp://…`")
	}
	return c
}

func (r *reader) checkID(key *node) {
	id := key.Value
	if ValidID(id) {
		return
	}
	hint := ""
	if better := strings.Trim(notInID.ReplaceAllString(strings.ToLower(id), "-"), "-"); better != "" && plainWord.MatchString(id) && !mayBeSecret.MatchString(id) && len(better) <= maxIDBytes {
		hint = "write `" + better + "`, and put the name for people under `label:`"
	}
	r.mistake(key, "the id of a camera has lower-case letters a-z, digits and '-' between them, at most "+strconv.Itoa(maxIDBytes), hint)
}

func (r *reader) label(n *node, target *string) {
	s, ok := r.text(n)
	if !ok {
		return
	}
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > maxLabelRunes || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		r.mistake(n, fmt.Sprintf("a label is one line of at most %d characters", maxLabelRunes), "")
		return
	}
	*target = s
}
