// Package config turns the YAML file into validated values, or into the list of everything that is wrong with it: each
// mistake with its line, an excerpt and, where there is one, a suggestion.
//
// Decoding is strict: unknown keys, duplicate keys and wrong types are mistakes. Passwords of cameras live in Source, which
// neither prints nor marshals them, and no mistake, excerpt or error shows one. Nothing outside cmd/nvr imports this package.
//
// A new key is a field of Config with its yaml tag, the line in read.go that reads and checks it, its default in defaultConfig,
// and its use in cmd/nvr. config.example.yaml explains it to people.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"
	_ "time/tzdata" // so that time zones are known where the system has none, as in a container
)

// maxFileBytes bounds the file; a configuration of a thousand cameras is a tenth of it.
const maxFileBytes = 4 << 20

// Config is what a file says, with defaults filled in.
//
// A field's yaml tag here and below is the key that fills it; the option "secret" marks values that no message may show.
type Config struct {
	Path       string         `json:"-"`          // of the file; "" for a configuration that was not loaded from one
	Data       string         `yaml:"data"`       // folder of databases and keys
	Recordings string         `yaml:"recordings"` // folder of footage
	Timezone   *time.Location `yaml:"timezone"`
	Web        Web            `yaml:"web"`
	Storage    Storage        `yaml:"storage"`
	Views      Views          `yaml:"views"`
	_          Camera         `yaml:"defaults"` // filled into each of Cameras
	Cameras    []Camera       `yaml:"cameras"`  // in the order of the file
}

// Web says where and to whom pages are served.
type Web struct {
	Listen   string         `yaml:"listen"` // host:port for net.Listen
	TLS      TLS            `yaml:"tls"`
	Redirect string         `yaml:"redirect"` // host:port of the plain-HTTP port that only redirects; "" for none
	Hosts    []string       `yaml:"hosts"`
	Networks []netip.Prefix `yaml:"networks"` // who may connect
	Proxies  []netip.Prefix `yaml:"proxies"`  // whose X-Forwarded-* headers count
}

// TLSMode says where certificates come from.
type TLSMode string

// The modes of TLS.
const (
	TLSAuto  TLSMode = "auto"  // from the authority of this box
	TLSOff   TLSMode = "off"   // plain HTTP
	TLSFiles TLSMode = "files" // from Cert and Key
)

// TLS says how connections are encrypted.
type TLS struct {
	Mode TLSMode
	Cert string `yaml:"cert"` // PEM file; set in mode files
	Key  string `yaml:"key"`  // PEM file; set in mode files
}

// Storage says how footage is kept.
type Storage struct {
	MinFree MinFree       `yaml:"min_free"`
	Sync    time.Duration `yaml:"sync"` // longest time that footage stays unsynced
}

// Views says how long the audit log is kept.
type Views struct {
	Keep time.Duration `yaml:"days"`
}

// MinFree is the space that is kept free on the recordings' disk: a share of it or a size. The other is zero.
type MinFree struct {
	Percent float64
	Bytes   int64
}

// Transport says how RTP reaches us.
type Transport string

// The transports.
const (
	TransportAuto Transport = "auto" // UDP, or TCP when nothing comes
	TransportTCP  Transport = "tcp"
	TransportUDP  Transport = "udp"
)

// Camera is one camera.
type Camera struct {
	ID        string    // for people and URLs; storage knows the camera by a UUID
	Label     string    `yaml:"label"` // the ID when none is given
	Main      Source    `yaml:"main,secret"`
	Sub       Source    `yaml:"sub,secret"` // zero when there is none
	Transport Transport `yaml:"transport"`
	Record    bool      `yaml:"record"`
	Audio     bool      `yaml:"audio"`
	Retain    Retain    `yaml:"retain"`
	Owners    []string  `yaml:"owners"` // names of accounts; empty: the first account ever made
	Line      int       // of the camera in the file
}

// Retain says how long footage is kept; whichever limit is met first counts.
type Retain struct {
	Age      time.Duration `yaml:"days"`
	MaxBytes int64         `yaml:"max_size"` // 0: no limit by size
}

// Load reads and validates the file. env looks up variables for ${NAME}, like os.LookupEnv. The error is an *Error when the
// file could be read but has mistakes. Relative paths in the file are taken from the folder that it is in.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	c, err := parse(input{path: path, dir: filepath.Dir(abs), content: content, env: env})
	if c != nil {
		c.Path = abs
	}
	return c, err
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no configuration %s: set it with -config, or copy config.example.yaml there (%w)", path, err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("configuration %s cannot be read by user %d: change its owner or its permissions (%w)", path, os.Getuid(), err)
	case err != nil:
		return nil, fmt.Errorf("configuration %s cannot be read: %w", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("configuration %s cannot be read: %w", path, err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("configuration %s is a folder: Docker creates one when the file to mount does not exist; "+
			"remove it and put the file there", path)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("configuration %s cannot be read: %w", path, err)
	}
	if len(content) > maxFileBytes {
		return nil, fmt.Errorf("configuration %s is larger than %d MiB: is it the right file?", path, maxFileBytes>>20)
	}
	return content, nil
}

func defaultConfig() *Config {
	return &Config{
		Data:       "/data",
		Recordings: "/recordings",
		Timezone:   time.Local,
		Web: Web{
			Listen:   ":8443",
			TLS:      TLS{Mode: TLSAuto},
			Networks: privateNetworks(),
		},
		Storage: Storage{MinFree: MinFree{Percent: 10}, Sync: 2 * time.Second},
		Views:   Views{Keep: 365 * day},
	}
}

func defaultCamera() Camera {
	return Camera{Transport: TransportAuto, Record: true, Audio: true, Retain: Retain{Age: 14 * day}}
}
