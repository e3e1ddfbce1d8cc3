package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"keepwatch.internal/internal/testcam/oddcam"
)

// atOnce is how many rows of the matrix are recorded at the same time.
const atOnce = 12

// starting is how long a recorder may take until it records all cameras. Some never do.
const starting = 10 * time.Second

// matrix compares what recorders keep of cameras that are odd: each row is a camera, and every recorder gets one of its own that plays
// the same film.
type matrix struct {
	dir      string
	progress io.Writer
	nvr      string // the program
	peers    []string
	films    map[string]*source
}

// source is a film with what its pictures and its sound are.
type source struct {
	film     *oddcam.Film
	pictures []shown
	sound    []int16
}

// The recorders that are compared.
const (
	matrixNVR    = "nvr"
	matrixFFmpeg = "ffmpeg -c copy"
	matrixMTX    = "MediaMTX"
)

// matrixResult is what one recorder kept of one camera.
type matrixResult struct {
	kept, of int
	sound    bool    // some was kept
	error    float64 // the greatest distance between pictures and sound, compared with the source, seconds
}

// benchMatrix prints the table. It removes its files.
func benchMatrix(ctx context.Context, o options, out, progress io.Writer) (err error) {
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(program); err != nil {
			return errors.New(program + " is missing: it encodes what the cameras send, and judges. Install it from the distribution's packages, for example: apt-get install ffmpeg")
		}
	}
	dir, err := os.MkdirTemp(o.dir, "keepwatch-matrix-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	m := &matrix{dir: dir, progress: progress, films: map[string]*source{}, peers: []string{matrixNVR, matrixFFmpeg}}
	if _, err := exec.LookPath("mediamtx"); err == nil {
		m.peers = append(m.peers, matrixMTX)
	}
	if m.nvr, err = buildNVR(ctx, dir); err != nil {
		return err
	}
	rows := chosenRows(o.only)
	if len(rows) == 0 {
		return fmt.Errorf("no row of the matrix has %q in its name", o.only)
	}
	results := make([]map[string]matrixResult, len(rows))
	for from := 0; from < len(rows); from += atOnce {
		to := min(from+atOnce, len(rows))
		fmt.Fprintf(progress, "rows %d to %d of %d\n", from+1, to, len(rows))
		if err := m.record(ctx, rows[from:to], results[from:to]); err != nil {
			return err
		}
	}
	return printMatrix(out, m.peers, rows, results)
}

// record has all recorders record some rows at the same time.
func (m *matrix) record(ctx context.Context, rows []matrixRow, results []map[string]matrixResult) error {
	for _, row := range rows {
		if err := m.prepare(ctx, row); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
	}
	folder, err := os.MkdirTemp(m.dir, "batch-")
	if err != nil {
		return err
	}
	var wait sync.WaitGroup
	errs := make([]error, len(m.peers))
	for i, peer := range m.peers {
		wait.Go(func() { errs[i] = m.recordWith(ctx, peer, rows, filepath.Join(folder, fmt.Sprint(i))) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for j, row := range rows {
		results[j] = map[string]matrixResult{}
		for i, peer := range m.peers {
			files, err := recordedFiles(filepath.Join(folder, fmt.Sprint(i)), j)
			if err != nil {
				return err
			}
			results[j][peer] = m.films[row.film.name()].compare(ctx, files)
		}
	}
	return os.RemoveAll(folder)
}

// prepare makes the film of a row, unless it is there.
func (m *matrix) prepare(ctx context.Context, row matrixRow) error {
	name := row.film.name()
	if m.films[name] != nil {
		return nil
	}
	path := filepath.Join(m.dir, fmt.Sprintf("film-%d.%s", len(m.films), row.film.kept()))
	if err := row.film.encode(ctx, path); err != nil {
		return err
	}
	var options []string
	if row.film.latm {
		options = []string{"-rtpflags", "latm"}
	}
	film, err := newFilm(ctx, path, options...)
	if err != nil {
		return err
	}
	s := &source{film: film}
	if s.pictures, err = picturesOf(ctx, path); err == nil && len(row.film.audio) > 0 {
		s.sound, err = soundOf(ctx, path)
	}
	m.films[name] = s
	return err
}

// recordWith has one recorder record some rows, each from a camera of its own.
func (m *matrix) recordWith(ctx context.Context, peer string, rows []matrixRow, dir string) (err error) {
	urls, cameras, longest := make([]string, len(rows)), make([]*oddcam.Camera, len(rows)), time.Duration(0)
	for i, row := range rows {
		o := oddcam.Options{Film: m.films[row.film.name()].film, Reports: time.Second}
		if row.odd != nil {
			row.odd(&o)
		}
		c, err := oddcam.Start(ctx, o)
		if err != nil {
			return err
		}
		defer c.Close()
		cameras[i] = c
		urls[i] = strings.Replace(c.URL(), "rtsp://", "rtsp://"+row.login, 1)
		longest = max(longest, o.Film.Length-o.Skip+row.more)
	}
	lines, err := m.commands(peer, dir, rows, urls)
	if err != nil {
		return err
	}
	g, err := startGroup(ctx, dir, lines)
	if err != nil {
		return err
	}
	given, stop := context.WithTimeout(ctx, longest+starting)
	defer stop()
	for _, c := range cameras {
		select {
		case <-c.Ended():
		case <-given.Done():
		}
	}
	select {
	case <-time.After(time.Second): // what was sent last is on its way
	case <-ctx.Done():
	}
	return errors.Join(g.stop(), ctx.Err())
}

// commands returns the command lines with which a recorder records cameras below dir.
func (m *matrix) commands(peer, dir string, rows []matrixRow, urls []string) (lines [][]string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	switch peer {
	case matrixNVR:
		path := filepath.Join(dir, "config.yaml")
		return [][]string{{m.nvr, "run", "-config", path}}, os.WriteFile(path, []byte(configText(dir, urls, `{listen: "127.0.0.1:0"}`)), 0o600)
	case matrixMTX:
		var c strings.Builder
		fmt.Fprintf(&c, "rtsp: no\nrtmp: no\nhls: no\nwebrtc: no\nsrt: no\nmetrics: no\nlogLevel: warn\npathDefaults:\n  record: yes\n  rtspTransport: tcp\n"+
			"  recordPath: %s\n  recordSegmentDuration: 1h\npaths:\n", filepath.Join(dir, "recordings", "%path", "%Y-%m-%d_%H-%M-%S-%f"))
		for i, url := range urls {
			fmt.Fprintf(&c, "  %s: {source: %q}\n", cameraName(i), url)
		}
		path := filepath.Join(dir, "mediamtx.yml")
		return [][]string{{"mediamtx", path}}, os.WriteFile(path, []byte(c.String()), 0o600)
	}
	for i, url := range urls {
		folder := filepath.Join(dir, "recordings", cameraName(i))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
		lines = append(lines, []string{"ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-timeout", "10000000", "-i", url, "-c", "copy",
			filepath.Join(folder, "film."+rows[i].film.container())})
	}
	return lines, nil
}

// recordedFiles returns what a recorder wrote for a row of a batch.
func recordedFiles(dir string, row int) (files []string, err error) {
	folders, err := filepath.Glob(filepath.Join(dir, "recordings", cameraName(row)+"*"))
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		err = errors.Join(err, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if ext := filepath.Ext(path); err == nil && (ext == ".mp4" || ext == ".mkv" || ext == ".mov") {
				files = append(files, path)
			}
			return err
		}))
	}
	return files, err
}
