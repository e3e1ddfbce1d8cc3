package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// CameraSpec is a camera as the configuration lists it.
type CameraSpec struct {
	Name   string // unique among the cameras in use: lower-case letters, digits, '-'
	Label  string // for people
	Retain Retain
}

// Retain is how long and how much footage of a camera is kept. Zero values set no limit.
type Retain = index.Retain

const (
	// ManifestName is the file in a camera's folder that says whose it is.
	ManifestName    = "camera.json"
	manifestVersion = 1
)

// manifest is the content of camera.json, by which a folder is known without the index.
type manifest struct {
	Version int       `json:"version"`
	Camera  string    `json:"camera"` // the UUID
	Name    string    `json:"name"`
	Label   string    `json:"label"`
	Created time.Time `json:"created"`
	Retired time.Time `json:"retired,omitzero"`
}

// camera returns the camera that the manifest describes; its folder and key are for the caller to add.
func (m manifest) camera(id media.CameraID) *camera {
	c := &camera{id: id, name: m.Name, label: m.Label, created: m.Created.UTC().Truncate(time.Microsecond)}
	if !m.Retired.IsZero() {
		c.retired = m.Retired.UTC().Truncate(time.Microsecond)
	}
	return c
}

// A name that begins with '_' is a synthetic camera's: no configuration can hold it.
var namePattern = regexp.MustCompile(`^[a-z0-9_][a-z0-9-]{0,62}$`)

// enrolment adds cameras and retires them.
type enrolment struct {
	o          *Options
	log        *slog.Logger
	disk       disk.Folder // recordings
	db         *database
	clock      *storeClock
	cameraList *cameraList
	enrolling  sync.Mutex // serialises Enrol
}

// Enrol makes the cameras in use those that specs lists and returns their identities by name. A name that is not in use
// gets a new UUID and folder, also when a camera of that name existed before: an archive is never inherited. Cameras
// whose names are no longer listed are retired: they can record no more, and their footage stays until retention takes
// it.
func (e *enrolment) Enrol(ctx context.Context, specs []CameraSpec) (map[string]media.CameraID, error) {
	e.enrolling.Lock()
	defer e.enrolling.Unlock()
	listed := map[string]bool{}
	for _, spec := range specs {
		if !namePattern.MatchString(spec.Name) || listed[spec.Name] {
			return nil, fmt.Errorf("enrol %q: not a camera name, or listed twice", spec.Name)
		}
		listed[spec.Name] = true
	}
	active := map[string]*camera{}
	for _, c := range e.cameraList.all() {
		if c.retired.IsZero() {
			active[c.name] = c
		}
	}
	for name, c := range active {
		if !listed[name] {
			if err := e.retire(ctx, c); err != nil {
				return nil, fmt.Errorf("retire camera %s: %w", name, err)
			}
		}
	}
	ids := map[string]media.CameraID{}
	for _, spec := range specs {
		c, err := e.enrolOne(ctx, active[spec.Name], spec)
		if err != nil {
			return nil, fmt.Errorf("enrol camera %s: %w", spec.Name, err)
		}
		ids[spec.Name] = c.id
	}
	return ids, nil
}

func (e *enrolment) enrolOne(ctx context.Context, c *camera, spec CameraSpec) (*camera, error) {
	if c == nil {
		return e.newCamera(ctx, spec)
	}
	changed := *c
	changed.label, changed.retain = spec.Label, spec.Retain
	if changed.label != c.label {
		if err := changed.writeManifest(); err != nil {
			return nil, ExplainDiskError(e.o.Recordings, err)
		}
	}
	if err := e.db.write(ctx, func(tx *index.Tx) error {
		if err := changed.update(ctx, tx); err != nil {
			return err
		}
		return e.noteUp(ctx, tx, c)
	}); err != nil {
		return nil, err
	}
	e.cameraList.know(&changed)
	return &changed, nil
}

// noteUp ends the gap of the time when nothing ran, since now something does.
func (e *enrolment) noteUp(ctx context.Context, tx *index.Tx, c *camera) error {
	st := index.Stream{Camera: c.row, Quality: media.Main}
	tail, since, err := tx.LedgerAt(ctx, st, index.Forever)
	if err != nil || !isDown(tail.Code) {
		return err
	}
	// The clock may have been set back since: what the ledger says of before that gap stays.
	return tx.Enter(ctx, st, max(since, index.Micros(e.clock.now())), index.Forever, gap(ReasonWaiting))
}

func (e *enrolment) newCamera(ctx context.Context, spec CameraSpec) (*camera, error) {
	c := &camera{id: media.NewCameraID(), name: spec.Name, label: spec.Label, created: e.clock.now(), retain: spec.Retain}
	c.folder = c.name + "-" + c.id.String()[:8]
	c.key = media.DeriveLabelKey(e.o.MasterKey, c.id)
	if _, err := e.disk.Stat(c.folder); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("folder %s exists", c.folder), err)
	}
	if err := e.makeFolder(c); err != nil {
		return nil, ExplainDiskError(e.o.Recordings, err)
	}
	if err := e.db.write(ctx, func(tx *index.Tx) error { return c.insert(ctx, tx) }); err != nil {
		return nil, errors.Join(err, c.files.Close()) // the folder is adopted at the next start
	}
	e.cameraList.know(c)
	e.log.Info("camera added", "camera", c.name, "id", c.id, "folder", c.folder)
	return c, nil
}

// makeFolder makes the camera's folder with its manifest and opens it.
func (e *enrolment) makeFolder(c *camera) error {
	if err := e.disk.Mkdir(c.folder); err != nil {
		return err
	}
	var err error
	if c.files, err = e.disk.Sub(c.folder); err != nil {
		return err
	}
	if err := errors.Join(c.writeManifest(), e.disk.SyncDir(".")); err != nil {
		return errors.Join(err, c.files.Close())
	}
	return nil
}

func (e *enrolment) retire(ctx context.Context, c *camera) error {
	changed := *c
	changed.retired = e.clock.now()
	if err := changed.writeManifest(); err != nil {
		return ExplainDiskError(e.o.Recordings, err)
	}
	if err := e.noteRetired(ctx, &changed); err != nil {
		return err
	}
	e.cameraList.know(&changed)
	e.log.Info("camera retired", "camera", c.name, "id", c.id)
	return nil
}

// noteRetired writes into the index that the camera is retired.
func (e *enrolment) noteRetired(ctx context.Context, c *camera) error {
	return e.db.write(ctx, func(tx *index.Tx) error {
		if err := c.update(ctx, tx); err != nil {
			return err
		}
		for _, quality := range qualities {
			st := index.Stream{Camera: c.row, Quality: quality}
			end, err := tx.LastEnd(ctx, st) // it is later than now when the clock was set back
			if err != nil {
				return err
			}
			if err := tx.Enter(ctx, st, max(end, index.Micros(c.retired)), index.Forever, gap(ReasonRetired)); err != nil {
				return err
			}
		}
		return nil
	})
}

var qualities = [...]media.Quality{media.Main, media.Sub}

func (c *camera) writeManifest() error {
	b, err := json.MarshalIndent(manifest{Version: manifestVersion, Camera: c.id.String(), Name: c.name, Label: c.label, Created: c.created, Retired: c.retired}, "", "  ")
	if err != nil {
		return err
	}
	return disk.WriteFile(c.files, ManifestName, append(b, '\n'))
}

func readManifest(d disk.Folder) (manifest, media.CameraID, error) {
	b, err := disk.ReadFile(d, ManifestName, maxSmallFile)
	if err != nil {
		return manifest{}, media.CameraID{}, err
	}
	var k manifest
	if err := json.Unmarshal(b, &k); err != nil {
		return k, media.CameraID{}, fmt.Errorf("%s: %w", ManifestName, err)
	}
	if k.Version != manifestVersion {
		return k, media.CameraID{}, fmt.Errorf("%s has version %d, this program knows %d", ManifestName, k.Version, manifestVersion)
	}
	id, err := media.ParseCameraID(k.Camera)
	return k, id, err
}

// indexed is the camera as the index has it.
func (c *camera) indexed() index.Camera {
	return index.Camera{Row: c.row, ID: c.id, Name: c.name, Label: c.label, Folder: c.folder, Created: c.created, Retired: c.retired, Retain: c.retain}
}

func (c *camera) insert(ctx context.Context, tx *index.Tx) (err error) {
	first := map[media.Quality]index.LedgerEntry{media.Main: gap(ReasonWaiting), media.Sub: gap(ReasonNotRecorded)}
	c.row, err = tx.InsertCamera(ctx, c.indexed(), first)
	return err
}

func (c *camera) update(ctx context.Context, tx *index.Tx) error {
	return tx.UpdateCamera(ctx, c.indexed())
}

// camerasOf reads what the index knows of cameras. Their folders are not open, and they have no keys.
func camerasOf(ctx context.Context, q index.Reader) ([]*camera, error) {
	rows, err := q.Cameras(ctx)
	var found []*camera
	for _, r := range rows {
		found = append(found, indexedCamera(r))
	}
	return found, err
}

func indexedCamera(r index.Camera) *camera {
	return &camera{row: r.Row, id: r.ID, name: r.Name, label: r.Label, folder: r.Folder, created: r.Created, retired: r.Retired, retain: r.Retain}
}

// ReadManifest returns the name and the identity of the camera that a folder says it belongs to.
func ReadManifest(d disk.Folder) (name string, id media.CameraID, err error) {
	m, id, err := readManifest(d)
	return m.Name, id, err
}

// syntheticKept is how long footage of synthetic cameras is kept.
const syntheticKept = time.Hour

// SyntheticCameras are the two cameras with which the running server tests itself. They are enrolled beside the configured
// ones, under names that no configuration can hold, and are cameras like every other from there on.
func SyntheticCameras() [2]CameraSpec {
	return [2]CameraSpec{
		{Name: "_canary-1", Label: "Canary 1", Retain: Retain{Age: syntheticKept}},
		{Name: "_canary-2", Label: "Canary 2", Retain: Retain{Age: syntheticKept}},
	}
}

// Synthetic reports whether the name is a synthetic camera's, which no list for people shows.
func Synthetic(name string) bool { return strings.HasPrefix(name, "_") }
