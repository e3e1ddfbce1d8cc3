package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// CheckOptions says which store Check looks into, and how.
type CheckOptions struct {
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
	Store    Options                           // for the store that Repair opens; its folders and key are taken from above
	open     func(string) (disk.Folder, error) // disk.Open unless a test puts something in front of it
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
	Findings []Finding `json:"findings"`
	Notes    []Finding `json:"notes"`   // what is worth knowing and no fault of the store
	Omitted  int       `json:"omitted"` // findings and notes beyond what a report holds
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind    string     `json:"kind"`             // one of the Finding and Note constants
	Camera  string     `json:"camera,omitempty"` // name
	Stream  string     `json:"stream,omitempty"` // main or sub
	File    string     `json:"file,omitempty"`   // path in the recordings folder
	Row     *time.Time `json:"row,omitempty"`    // begin of the segment that the index has
	From    *time.Time `json:"from,omitempty"`   // stretch that it concerns, where it is not a segment's
	To      *time.Time `json:"to,omitempty"`
	Problem string     `json:"problem"`        // what is wrong
	Seconds float64    `json:"seconds"`        // of footage that cannot be served for it, or that is to be gained
	Remedy  string     `json:"remedy"`         // what -repair does
	Done    string     `json:"done,omitempty"` // what was done
	subject string     // of the integrity issue to note; empty when nothing can be repaired
}

// Kinds of findings.
const (
	FindingMissing    = "file-missing"      // a row whose file is not there
	FindingShort      = "file-short"        // a file shorter than its row says
	FindingDamaged    = "segment-damaged"   // header, table or fragments do not verify
	FindingKeys       = "row-differs"       // the row tells other key frames than the file
	FindingSetAside   = "segment-set-aside" // did not verify when it was to be served, and is to be looked into
	FindingStray      = "file-without-row"  // footage that the index does not know
	FindingForeign    = "segment-foreign"   // a file in a segment's place that is no segment of this camera
	FindingLedger     = "ledger-differs"    // timeline and segments contradict each other
	FindingSums       = "sums-differ"       // the sums of a stream are not those of its segments
	FindingIndex      = "index-damaged"     // the database is missing or not sound
	FindingCard       = "camera-card"       // camera.json is missing, unreadable or another camera's
	FindingFolder     = "camera-folder"     // a camera's folder is missing, or not in the index
	FindingUnreadable = "file-unreadable"   // the disk does not give the file
)

// Kinds of notes.
const (
	NoteForeign     = "foreign-file" // a file or folder that is none of ours: left alone
	NoteQuarantined = "quarantined"  // a file in quarantine
	NoteOpen        = "segment-open" // being written, or left so by a crash until the next start
	NoteDeleting    = "segment-deleting"
	NoteDoubt       = "doubt" // noted before, and not resolved yet
)

// maxReported bounds the findings and the notes of a report.
const maxReported = 10_000

// checker is a check under way.
type checker struct {
	o       CheckOptions
	disk    disk.Folder
	index   *index.DB
	cameras []*camera
	pace    *disk.Pace
	report  *Report
	seen    Progress
	look    *Store // reads the index; it is no open store
}

// Check compares every row with its file, labels, table, run and ledger, and every file with its row. It reads beside a
// running server without its lock, and looks again at what seems wrong before it reports it, so that segments that come,
// close and go meanwhile are no findings. It returns an error only when it could not look: ErrRefused for folders that are
// not the store, and what sqlite.OpenReader returns.
func Check(ctx context.Context, o CheckOptions) (*Report, error) {
	k := &checker{o: o, pace: &disk.Pace{Rate: o.Rate}}
	if k.o.Patience <= 0 {
		k.o.Patience = time.Minute
	}
	k.o.Store.Recordings, k.o.Store.Data, k.o.Store.MasterKey = o.Recordings, o.Data, o.MasterKey
	k.o.Store.fill()
	k.report = &Report{Version: 1, Began: k.now(), ReadData: o.ReadData, Repair: o.Repair, Findings: []Finding{}, Notes: []Finding{}}
	err := k.run(ctx)
	k.report.Ended, k.report.Read = k.now(), k.pace.Bytes()
	return k.report, err
}

func (k *checker) now() time.Time { return k.o.Store.Now().UTC().Truncate(time.Microsecond) }

func (k *checker) run(ctx context.Context) (err error) {
	if k.o.open == nil {
		k.o.open = disk.Open
	}
	if k.disk, err = k.o.open(k.o.Recordings); err != nil {
		return explainDisk(k.o.Recordings, err)
	}
	defer func() { err = errors.Join(err, k.close()) }()
	if err := k.identify(); err != nil {
		return err
	}
	k.index, err = index.OpenReader(ctx, filepath.Join(k.o.Data, index.FileName))
	if err == nil {
		k.look = newStore(k.o.Store)
		k.look.disk, k.look.index = k.disk, k.index
		k.look.damage.once.Do(func() {}) // what is damaged is reported here, and nowhere else
		for _, step := range []func(context.Context) error{k.checkIndex, k.checkCameras, k.checkStreams, k.checkRest} {
			if err = step(ctx); err != nil {
				break
			}
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && k.index == nil:
		k.find(Finding{Kind: FindingIndex, Problem: "there is no index.db", Remedy: remedyIndex})
	case sqlite.IsDamaged(err), errors.Is(err, sqlite.ErrForeign):
		k.find(Finding{Kind: FindingIndex, Problem: "the index cannot be read: " + err.Error(), Remedy: remedyIndex})
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

// identify refuses folders that do not belong together, as Open does, and makes nothing.
func (k *checker) identify() error {
	data, err := disk.Open(k.o.Data)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	known, err := readIdentity(data, k.o.Data)
	if err := errors.Join(err, data.Close()); err != nil {
		return err
	}
	found, err := readIdentity(k.disk, k.o.Recordings)
	if err != nil {
		return err
	}
	if err := k.o.Store.sameStore(found, known); err != nil {
		return err
	}
	k.report.Store = found.Store
	return nil
}

// find adds a finding.
func (k *checker) find(f Finding) {
	if len(k.report.Findings) >= maxReported {
		k.report.Omitted++
		return
	}
	k.report.Findings = append(k.report.Findings, f)
}

// note adds a note.
func (k *checker) note(f Finding) {
	if len(k.report.Notes) >= maxReported {
		k.report.Omitted++
		return
	}
	k.report.Notes = append(k.report.Notes, f)
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
		k.find(Finding{Kind: FindingIndex, Problem: problem, Remedy: remedyIndex})
	}
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

const remedyIndex = "has it put aside, at the next start at the latest, and made again from the files"

// unsound reports whether the index was found to be damaged.
func (k *checker) unsound() bool {
	return slices.ContainsFunc(k.report.Findings, func(f Finding) bool { return f.Kind == FindingIndex })
}
