// Package check looks over a whole store, beside a running server or without one: every row of the index against its file, and every
// file against its row. It can have what is wrong repaired.
//
// It changes nothing itself: it notes integrity issues, and the process that holds the store resolves them. How one segment is
// verified is in storage/segment, how it is repaired in storage.
package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// Options says which store Run looks into, and how.
type Options struct {
	Recordings, Data string   // as in Options
	MasterKey        [32]byte // as in Options
	// ReadData has every fragment read and verified; without it headers and tables are.
	ReadData bool
	// Repair has what was found repaired: by the running server, or in this process where none runs.
	Repair bool
	// Rate bounds what is read, bytes a second; 0 sets no limit.
	Rate int64
	// Patience is how long Repair waits for a server that resolves nothing; 1 min when zero.
	Patience time.Duration
	// Progress is called now and then, by one goroutine; it may be nil.
	Progress func(Progress)
	Store    storage.Options                   // for the store that Repair opens; its folders and key are taken from above
	Open     func(string) (disk.Folder, error) // opens the recordings; disk.Open when nil
}

// Progress is how far a check has come.
type Progress struct {
	Segments, AllSegments int64
	Bytes, AllBytes       int64 // of the segments
	Resolved, AllIssues   int64 // once repairing has begun
}

// Report is what a check found. Its JSON form is for programs: names are never changed, new ones may come.
type Report struct {
	Version  int       `json:"version"` // of this form: 1
	Store    string    `json:"store"`   // UUID of the store
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	ReadData bool      `json:"read_data"`
	Repair   bool      `json:"repair"`
	Cameras  int       `json:"cameras"`
	Segments int64     `json:"segments"` // that were looked at; those of synthetic cameras are, but do not count
	Bytes    int64     `json:"bytes"`    // of these segments
	Read     int64     `json:"bytes_read"`
	Errors   []Problem `json:"findings"`
	Warnings []Problem `json:"notes"`   // what is worth knowing and no fault of the store
	Omitted  int       `json:"omitted"` // errors and warnings beyond what a report holds
}

// Problem is an error or a warning: one thing that is not as it should be, or is worth knowing.
type Problem struct {
	Kind    string     `json:"kind"`             // one of the Error and Warning constants
	Camera  string     `json:"camera,omitempty"` // name
	Stream  string     `json:"stream,omitempty"` // main or sub
	File    string     `json:"file,omitempty"`   // path in the recordings folder
	Row     *time.Time `json:"row,omitempty"`    // begin of the segment that the index has
	From    *time.Time `json:"from,omitempty"`   // stretch that it concerns, where it is not a segment's
	To      *time.Time `json:"to,omitempty"`
	Text    string     `json:"problem"`        // what is wrong
	Seconds float64    `json:"seconds"`        // of footage that cannot be served for it, or that is to be gained
	Remedy  string     `json:"remedy"`         // what -repair does
	Done    string     `json:"done,omitempty"` // what was done
	subject string     // of the integrity issue to note; empty when nothing can be repaired
}

// Kinds of errors.
const (
	ErrorMissing    = "file-missing"      // a row whose file is not there
	ErrorShort      = "file-short"        // a file shorter than its row says
	ErrorDamaged    = "segment-damaged"   // header, table or fragments do not verify
	ErrorKeys       = "row-differs"       // the row tells other key frames than the file
	ErrorSetAside   = "segment-set-aside" // did not verify when it was to be served, and is to be looked into
	ErrorStray      = "file-without-row"  // footage that the index does not know
	ErrorForeign    = "segment-foreign"   // a file in a segment's place that is no segment of this camera
	ErrorLedger     = "ledger-differs"    // timeline and segments contradict each other
	ErrorSums       = "sums-differ"       // the sums of a stream are not those of its segments
	ErrorIndex      = "index-damaged"     // the database is missing or not sound
	ErrorManifest   = "camera-card"       // camera.json is missing, unreadable or another camera's
	ErrorFolder     = "camera-folder"     // a camera's folder is missing, or not in the index
	ErrorUnreadable = "file-unreadable"   // the disk does not give the file
)

// Kinds of warnings.
const (
	WarningForeign     = "foreign-file" // a file or folder that is none of ours: left alone
	WarningQuarantined = "quarantined"  // a file in quarantine
	WarningOpen        = "segment-open" // being written, or left so by a crash until the next start
	WarningDeleting    = "segment-deleting"
	WarningIssue       = "doubt" // noted before, and not resolved yet
)

// maxReported bounds the errors and the warnings of a report.
const maxReported = 10_000

// camera is a camera that the index knows.
type camera struct {
	index.Camera
	files disk.Folder // of the camera; nil when its folder is missing
	key   media.LabelKey
}

// owner says whose footage the camera's files have to be.
func (c *camera) owner() segment.Owner {
	return segment.Owner{Folder: c.files, Camera: c.ID, Key: c.key}
}

// checker is a check under way.
type checker struct {
	o       Options
	disk    disk.Folder
	index   *index.DB
	cameras []*camera
	pace    *disk.Pace
	report  *Report
	seen    Progress
}

// Run compares every row with its file, labels, table, run and ledger, and every file with its row. It reads beside a
// running server without its lock, and looks again at what seems wrong before it reports it, so that segments that come,
// close and go meanwhile are no errors. It returns an error only when it could not look: storage.ErrRefused for folders that are
// not the store, and what sqlite.OpenReader returns.
func Run(ctx context.Context, o Options) (*Report, error) {
	k := &checker{o: o, pace: &disk.Pace{Rate: o.Rate}}
	if k.o.Patience <= 0 {
		k.o.Patience = time.Minute
	}
	k.o.Store.Recordings, k.o.Store.Data, k.o.Store.MasterKey = o.Recordings, o.Data, o.MasterKey
	if k.o.Store.Now == nil {
		k.o.Store.Now = time.Now
	}
	k.report = &Report{Version: 1, Began: k.now(), ReadData: o.ReadData, Repair: o.Repair, Errors: []Problem{}, Warnings: []Problem{}}
	err := k.run(ctx)
	k.report.Ended, k.report.Read = k.now(), k.pace.Bytes()
	return k.report, err
}

func (k *checker) now() time.Time { return k.o.Store.Now().UTC().Truncate(time.Microsecond) }

func (k *checker) run(ctx context.Context) (err error) {
	if k.o.Open == nil {
		k.o.Open = disk.Open
	}
	if k.disk, err = k.o.Open(k.o.Recordings); err != nil {
		return storage.ExplainDiskError(k.o.Recordings, err)
	}
	defer func() { err = errors.Join(err, k.close()) }()
	if err := k.identify(); err != nil {
		return err
	}
	k.index, err = index.OpenReader(ctx, filepath.Join(k.o.Data, index.FileName))
	if err == nil {
		for _, step := range []func(context.Context) error{k.checkIndex, k.checkCameras, k.checkStreams, k.checkRest} {
			if err = step(ctx); err != nil {
				break
			}
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && k.index == nil:
		k.fail(Problem{Kind: ErrorIndex, Text: "there is no index.db", Remedy: remedyIndex})
	case sqlite.IsDamaged(err), errors.Is(err, sqlite.ErrForeign):
		k.fail(Problem{Kind: ErrorIndex, Text: "the index cannot be read: " + err.Error(), Remedy: remedyIndex})
	case err != nil:
		return err
	}
	switch {
	case !k.o.Repair:
		return nil
	case k.unsound():
		return k.rebuild(ctx)
	}
	return k.repair(ctx)
}

func (k *checker) close() error {
	var errs []error
	for _, c := range k.cameras {
		if c.files != nil {
			errs = append(errs, c.files.Close())
		}
	}
	if k.index != nil {
		errs = append(errs, k.index.Close())
	}
	return errors.Join(append(errs, k.disk.Close())...)
}

// identify refuses folders that do not belong together, as storage.Open does.
func (k *checker) identify() error {
	data, err := disk.Open(k.o.Data)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	k.report.Store, err = storage.Identify(k.disk, data, k.o.Store)
	return errors.Join(err, data.Close())
}

// fail adds an error.
func (k *checker) fail(f Problem) {
	if len(k.report.Errors) >= maxReported {
		k.report.Omitted++
		return
	}
	k.report.Errors = append(k.report.Errors, f)
}

// warn adds a warning.
func (k *checker) warn(f Problem) {
	if len(k.report.Warnings) >= maxReported {
		k.report.Omitted++
		return
	}
	k.report.Warnings = append(k.report.Warnings, f)
}

func (k *checker) progress() {
	if k.o.Progress != nil {
		k.o.Progress(k.seen)
	}
}

// moment is a time for a report.
func moment(us int64) *time.Time {
	if us == index.Forever || us == index.NoEnd {
		return nil
	}
	t := index.FromMicros(us)
	return &t
}

// seconds is a length for a report.
func seconds(us int64) float64 { return float64(us/1000) / 1000 }

// checkIndex has SQLite look over the database, and reads what it knows of cameras.
func (k *checker) checkIndex(ctx context.Context) error {
	flaws, err := k.index.Flaws(ctx)
	for _, problem := range flaws {
		k.fail(Problem{Kind: ErrorIndex, Text: problem, Remedy: remedyIndex})
	}
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

const remedyIndex = "moves it aside and rebuilds it from the files, at the next start at the latest"

// unsound reports whether the index was found to be damaged.
func (k *checker) unsound() bool {
	return slices.ContainsFunc(k.report.Errors, func(f Problem) bool { return f.Kind == ErrorIndex })
}
