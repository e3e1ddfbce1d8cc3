package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing/fstest"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage"
)

// archive is the synthetic store and its viewer.
type archive struct {
	dir      string
	minutes  int // of each camera
	real     int // segments of each camera that have files
	exported time.Duration
	progress io.Writer

	begin      time.Time
	ids        []media.CameraID
	sought     [][]time.Time // by camera: the starts of real segments
	late       time.Time     // start of the real footage that is exported
	indexBytes int64

	store  *storage.Store
	people *accounts.Directory
	viewer access.Viewer
}

func (a *archive) data() string       { return filepath.Join(a.dir, "data") }
func (a *archive) recordings() string { return filepath.Join(a.dir, "recordings") }
func (a *archive) walked() string     { return filepath.Join(a.dir, "walked") }
func (a *archive) end() time.Time     { return a.begin.Add(time.Duration(a.minutes) * time.Minute) }

// open opens the store and enrols its cameras.
func (a *archive) open(ctx context.Context) error {
	var err error
	a.store, err = storage.Open(ctx, storage.Options{Recordings: a.recordings(), Data: a.data(), MasterKey: [32]byte{1},
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	var specs []storage.CameraSpec
	for i := range storeCameras {
		specs = append(specs, storage.CameraSpec{Name: cameraName(i), Label: cameraName(i)})
	}
	ids, err := a.store.Enrol(ctx, specs)
	if err != nil {
		return err
	}
	a.ids = a.ids[:0]
	for i := range storeCameras {
		a.ids = append(a.ids, ids[cameraName(i)])
	}
	return nil
}

func (a *archive) close() error {
	var errs []error
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	if a.people != nil {
		errs = append(errs, a.people.Close())
	}
	return errors.Join(errs...)
}

// make creates everything.
func (a *archive) make(ctx context.Context) error {
	a.begin = time.Now().UTC().Truncate(time.Minute).Add(-time.Hour - time.Duration(a.minutes)*time.Minute)
	a.late = a.end().Add(time.Minute)
	if err := os.MkdirAll(a.data(), 0o700); err != nil {
		return err
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	fmt.Fprintln(a.progress, "recording what is sought")
	for i := range a.ids {
		if err := a.record(ctx, i); err != nil {
			return err
		}
	}
	if err := a.film(ctx, 0, reel{start: a.late, length: a.exported, picture: 16_667}); err != nil { // 2 Mbit/s
		return err
	}
	if err := a.store.Close(); err != nil {
		return err
	}
	fmt.Fprintf(a.progress, "filling the index with %d segments\n", a.minutes*storeCameras)
	if err := a.fill(ctx); err != nil {
		return fmt.Errorf("fill the index: %w", err)
	}
	if err := a.link(); err != nil {
		return err
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	return a.invite(ctx)
}

// record records the real segments of a camera, in order of time.
func (a *archive) record(ctx context.Context, camera int) error {
	picks := rand.New(rand.NewPCG(7, uint64(camera)))
	minutes := map[int]bool{}
	for len(minutes) < a.real-1 {
		minutes[picks.IntN(a.minutes-1)] = true
	}
	minutes[a.minutes-1] = true // the newest, which a restart recovers
	var starts []time.Time
	for m := range minutes {
		starts = append(starts, a.begin.Add(time.Duration(m)*time.Minute))
	}
	slices.SortFunc(starts, time.Time.Compare)
	for _, start := range starts {
		if err := a.film(ctx, camera, reel{start: start, length: 59 * time.Second, picture: 400}); err != nil {
			return err
		}
	}
	a.sought = append(a.sought, starts)
	return nil
}

// reel is a span of footage to create: 15 frames a second, a key frame every two seconds.
type reel struct {
	start   time.Time
	length  time.Duration
	picture int // bytes
}

// film records a run.
func (a *archive) film(ctx context.Context, camera int, r reel) error {
	key := a.store.LabelKey(a.ids[camera])
	video := media.VideoTrack{Codec: media.H264, Width: 1920, Height: 1080, SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9}, PPS: []byte{0x68, 0xcb, 0x83, 0xcb}}
	run, err := media.NewRun(media.StreamID{Camera: a.ids[camera], Quality: media.Main}, r.start, video, nil, key)
	if err != nil {
		return err
	}
	w, err := a.store.Begin(ctx, run)
	if err != nil {
		return err
	}
	muxer := media.NewMuxer(run, key)
	put := func(f *media.Fragment, err error) error {
		if err != nil || f == nil {
			return err
		}
		return w.Append(ctx, f)
	}
	const rate = 15
	for n := range int(r.length.Seconds() * rate) {
		ticks := int64(n) * media.VideoTimescale / rate
		if err := put(muxer.Write(&media.Unit{Kind: media.Video, PTS: ticks, DTS: ticks, Random: n%(2*rate) == 0,
			Arrived: run.Start.Add(time.Duration(n) * time.Second / rate), Data: [][]byte{make([]byte, r.picture)}})); err != nil {
			return err
		}
	}
	if err := put(muxer.Flush()); err != nil {
		return err
	}
	return w.End(ctx, "over")
}

// indexMark is the application id of index.db.
const indexMark = 0x4b57_6978

// openIndex opens the index of the closed store for writing, without migrations.
func (a *archive) openIndex(ctx context.Context) (*sqlite.DB, error) {
	o := sqlite.Options{Path: filepath.Join(a.data(), "index.db"), ApplicationID: indexMark, Synchronous: sqlite.Normal}
	for known := 1; ; {
		steps := fstest.MapFS{} // as many as were made, so that none is missing
		for n := range known {
			steps[fmt.Sprintf("migrations/%04d_known.sql", n+1)] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		o.Files = steps
		db, err := sqlite.Open(ctx, o)
		newer, ok := errors.AsType[*sqlite.NewerError](err)
		if !ok || newer.Have <= known {
			return db, err
		}
		known = newer.Have
	}
}

// fill adds a row for every minute of every camera without a real segment, in the order of recording: minute by minute, first
// open and then closed. The ledger gets a run and a short gap a day.
func (a *archive) fill(ctx context.Context) error {
	db, err := a.openIndex(ctx)
	if err != nil {
		return err
	}
	var keys []byte
	const sample = `SELECT key_frames FROM segment WHERE start_us < ? ORDER BY start_us LIMIT 1`
	if err := db.Read().QueryRowContext(ctx, sample, a.late.UnixMicro()).Scan(&keys); err != nil {
		return errors.Join(err, db.Close())
	}
	before, err := indexSize(ctx, db)
	for day := 0; day*24*60 < a.minutes && err == nil; day++ {
		err = db.Write(ctx, func(tx *sql.Tx) error { return a.fillDay(ctx, tx, day, keys) })
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	after, err := indexSize(ctx, db)
	a.indexBytes = after - before
	return errors.Join(err, db.Close())
}

func indexSize(ctx context.Context, db *sqlite.DB) (n int64, err error) {
	const query = `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`
	err = db.Read().QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

const (
	fillLedger = `INSERT OR REPLACE INTO ledger (camera, quality, start_us, run, code, reason)
		SELECT camera, 1, ?1, id, NULL, NULL FROM run WHERE quality = 1 AND start_us = ?1 AND end_reason = 'synthetic'`
	fillGap = `INSERT OR REPLACE INTO ledger (camera, quality, start_us, run, code, reason)
		SELECT id, 1, ?1, NULL, 'camera-offline', 'offline: the camera does not answer' FROM camera`
	fillRun = `INSERT INTO run (camera, quality, id, uuid, start_us, end_reason)
		SELECT c.id, 1, (SELECT coalesce(max(r.id), 0) + 1 FROM run r WHERE r.camera = c.id AND r.quality = 1), randomblob(16), ?1, 'synthetic' FROM camera c`
	fillOpen = `INSERT INTO segment (camera, quality, start_us, end_us, run, state, init_bytes)
		SELECT r.camera, 1, ?1, ?1, r.id, 1, 900 FROM run r WHERE r.quality = 1 AND r.start_us = ?2 AND r.end_reason = 'synthetic'
			AND NOT EXISTS (SELECT 1 FROM segment s WHERE s.camera = r.camera AND s.quality = 1 AND s.start_us = ?1)`
	fillClosed = `UPDATE segment SET end_us = ?1 + 60000000, state = 2, size_bytes = 15000000, key_frames = ?2
		WHERE camera IN (SELECT id FROM camera) AND quality = 1 AND start_us = ?1 AND state = 1`
	clearLedger = `DELETE FROM ledger WHERE quality = 1 AND start_us >= ?1 AND start_us < ?2`
)

func (a *archive) fillDay(ctx context.Context, tx *sql.Tx, day int, keys []byte) error {
	start := a.begin.Add(time.Duration(day) * 24 * time.Hour)
	do := func(query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	gap := start.Add(24*time.Hour - 2*time.Minute)
	errs := []error{
		do(clearLedger, start.UnixMicro(), start.Add(24*time.Hour).UnixMicro()), do(fillRun, start.UnixMicro()), do(fillLedger, start.UnixMicro()),
		do(fillGap, gap.UnixMicro()),
	}
	for minute := day * 24 * 60; minute < min(a.minutes, (day+1)*24*60); minute++ {
		at := a.begin.Add(time.Duration(minute) * time.Minute).UnixMicro()
		if err := errors.Join(do(fillOpen, at, start.UnixMicro()), do(fillClosed, at, keys)); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// link creates files where their number matters: the newest day of every camera, which a restart lists, and a folder with all
// files of one camera, as a store without an index would have.
func (a *archive) link() error {
	model := filepath.Join(a.dir, "model.mp4")
	if err := os.WriteFile(model, make([]byte, 4096), 0o600); err != nil {
		return err
	}
	folders, err := filepath.Glob(filepath.Join(a.recordings(), cameraName(0)[:3]+"*", "main"))
	if err != nil || len(folders) != storeCameras {
		return errors.Join(fmt.Errorf("%d folders of cameras", len(folders)), err)
	}
	newest := a.end().Add(-time.Minute)
	for _, folder := range folders {
		for at := newest.Truncate(24 * time.Hour); at.Before(newest); at = at.Add(time.Minute) {
			name := filepath.Join(folder, at.Format("2006-01-02/15-04-05.000")+"Z.mp4")
			if err := os.Link(model, name); err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
		}
	}
	model += "2" // some file systems have at most 65,000 links to a file
	if err := errors.Join(os.WriteFile(model, make([]byte, 4096), 0o600), os.Mkdir(a.walked(), 0o700)); err != nil {
		return err
	}
	for n := range min(a.minutes, 64_000) {
		if err := os.Link(model, filepath.Join(a.walked(), a.begin.Add(time.Duration(n)*time.Minute).Format(walkedLayout))); err != nil {
			return err
		}
	}
	return nil
}

// invite creates the account that owns the cameras, and its viewer.
func (a *archive) invite(ctx context.Context) error {
	const name, password = "bench", "a long enough password"
	var err error
	if a.people, err = accounts.Open(ctx, accounts.Options{Path: filepath.Join(a.data(), "accounts.db")}); err != nil {
		return err
	}
	if err := a.people.AddUser(ctx, name, password, true); err != nil {
		return err
	}
	var owners []accounts.Ownership
	for i, id := range a.ids {
		owners = append(owners, accounts.Ownership{Camera: access.Camera(id), Name: cameraName(i), Owners: []string{name}})
	}
	if err := a.people.SetOwners(ctx, owners); err != nil {
		return err
	}
	session, err := a.people.Login(ctx, accounts.Attempt{Username: name, Password: password, Address: "127.0.0.1"})
	if err != nil {
		return err
	}
	a.viewer, err = a.people.BySession(ctx, session)
	return err
}
