// Package storage keeps footage: it writes segments, opens clips, answers timelines, deletes by retention, and recovers from
// crashes. It is built from storage/disk (files), storage/index (the database) and storage/segment (one segment file).
// storage/check, which implements nvr check, is built on this package. No other package touches recordings.
//
// It promises (docs/architecture.md numbers them):
//   - every segment file has a row (I1);
//   - every closed row has a synced file of that size (I2);
//   - a kill loses at most Options.Sync of footage, a power cut at most 5 s (I3);
//   - segments of a stream never overlap and are never overwritten (I4);
//   - disk use stays within its limits (I5);
//   - no byte of footage leaves without a permit for the camera named in the fragment's signed label (I6);
//   - every second of a camera's life is footage or a gap with a reason (I7).
//
// Read in this order (files begin with the name of their concern):
//   - store.go: Options, and Store, which assembles the concerns;
//   - writer.go, then storage/segment: how a fragment becomes bytes in a segment that is synced and closed;
//   - permit.go, then library.go: how a permit is checked and a clip is opened;
//   - timeline.go, then retention.go: what the ledger says, and what is deleted when;
//   - recovery.go and integrity.go: how a start recovers after a crash, and how damage is found and repaired.
//
// Each run (one unbroken connection) has one Writer, which writes its segments. Everything that returns footage or a timeline
// takes an access.Permit. It selects rows by the permit's camera in the same SQL query that finds them, and verifies the label
// of every fragment before its first byte is returned.
//
// Not here: access rights, networking, codecs.
package storage

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// Options says where the store is and how it behaves.
type Options struct {
	Recordings string   // folder of the footage
	Data       string   // folder of the index, index.db
	MasterKey  [32]byte // every camera's label key is derived from it
	// Sync is the longest time that footage stays unsynced; 2 s when zero.
	Sync time.Duration
	// MinFree is kept free on the recordings' disk by deleting the oldest footage.
	MinFree MinFree
	// SegmentDuration is about how long segments are; 1 min when zero.
	SegmentDuration time.Duration
	Now             func() time.Time // the wall clock; time.Now when nil
	Logger          *slog.Logger     // slog.Default when nil
}

// MinFree is how much of a disk is kept free: the larger of both, and at least a little more than the reserve of the data
// folder takes, so that footage alone never fills a disk.
type MinFree struct {
	Percent float64 // of the file system's size
	Bytes   int64
}

func (m MinFree) of(total int64) int64 {
	reserve, least := reserveSizes(total)
	return max(m.Bytes, int64(m.Percent/100*float64(total)), reserve+3*least)
}

// Store is an open store of footage. Its methods may be called from several goroutines.
type Store struct {
	o     Options
	log   *slog.Logger
	id    identity
	disk  disk.Folder // recordings
	data  disk.Folder // the data folder
	guard io.Closer
	cameraList
	storeClock
	alarms
	database
	holds
	permitCheck
	enrolment
	liveness
	gapNotes
	timelines
	keptClips
	usageReports
	retention
	deletions
	recording
	library
	integrity
	recovery
	space diskSpace
}

// Open opens the store, or makes one of an empty folder when the data folder knows none yet. It resolves what a crash
// left half done as far as that is quick; the rest goes on in Run. It returns ErrRefused when recordings is not the
// store that was there before, is in use by another process, or cannot be written.
func Open(ctx context.Context, o Options) (*Store, error) {
	return open(ctx, o, disk.Open)
}

func open(ctx context.Context, o Options, openFolder func(string) (disk.Folder, error)) (_ *Store, err error) {
	o.fill()
	if err := prepareFolders(o); err != nil {
		return nil, err
	}
	s := newStore(o)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	if s.disk, err = openFolder(o.Recordings); err != nil {
		return nil, ExplainDiskError(o.Recordings, err)
	}
	if s.guard, err = s.disk.Lock(lockName); errors.Is(err, disk.ErrLocked) {
		return nil, refuse("%s is %w", o.Recordings, ErrInUse)
	} else if err != nil {
		return nil, ExplainDiskError(o.Recordings, err)
	}
	if s.data, err = openFolder(o.Data); err != nil {
		return nil, err
	}
	s.database.data, s.space.data, s.space.disk = s.data, s.data, s.disk
	s.integrity.disk, s.recovery.disk = s.disk, s.disk
	s.enrolment.disk, s.usageReports.disk, s.retention.disk = s.disk, s.disk, s.disk
	if s.id, err = identify(s.disk, s.data, o); err != nil {
		return nil, ExplainDiskError(o.Recordings, err)
	}
	s.warnOfNetwork(disk.NetworkKind(o.Data))
	s.space.shared = disk.Same(o.Data, o.Recordings)
	if err = s.openIndexed(ctx); err != nil {
		return nil, err
	}
	return s, s.requireSpace(ctx)
}

// newStore assembles a store that is not open.
func newStore(o Options) *Store {
	s := &Store{o: o, log: o.Logger, cameraList: newCameraList()}
	s.storeClock = storeClock{wall: o.Now, log: o.Logger}
	s.alarms.clock = &s.storeClock
	s.holds.open = map[*hold]struct{}{}
	s.permitCheck = permitCheck{permitTime: o.Now, cameraList: &s.cameraList}
	s.space.o, s.space.log, s.space.alarms, s.space.wake = &s.o, o.Logger, &s.alarms, s.retention.wake
	s.database.log, s.database.rescue = o.Logger, s.space.rescue
	s.damage.found = make(chan struct{})
	s.recording = recording{&s.cameraList, &s.database, &s.alarms, &s.o, o.Logger, &s.space, s.retention.wake}
	s.liveness = liveness{db: &s.database, clock: &s.storeClock, cameraList: &s.cameraList, boot: disk.BootID(), down: ReasonNotRunning}
	s.gapNotes = gapNotes{db: &s.database, cameraList: &s.cameraList}
	s.timelines = timelines{db: &s.database, clock: &s.storeClock, cameraList: &s.cameraList, permitCheck: &s.permitCheck}
	s.enrolment = enrolment{o: &s.o, log: s.log, db: &s.database, clock: &s.storeClock, cameraList: &s.cameraList}
	s.keptClips = keptClips{o: &s.o, log: s.log, db: &s.database, clock: &s.storeClock, cameraList: &s.cameraList, permitCheck: &s.permitCheck, timeline: &s.timelines}
	s.usageReports = usageReports{o: &s.o, db: &s.database, clock: &s.storeClock, cameraList: &s.cameraList, kept: &s.keptClips, timeline: &s.timelines}
	s.retention = retention{o: &s.o, log: s.log, db: &s.database, clock: &s.storeClock, cameraList: &s.cameraList, holds: &s.holds,
		kept: &s.keptClips, alarms: &s.alarms, space: &s.space, kick: make(chan struct{}, 1)}
	s.deletions = deletions{log: s.log, db: &s.database, cameraList: &s.cameraList, holds: &s.holds, kept: &s.keptClips, timeline: &s.timelines,
		retention: &s.retention, permitCheck: &s.permitCheck, purgeQuarantine: s.integrity.purgeQuarantine}
	s.library = library{&s.permitCheck, &s.database, &s.cameraList, &s.holds, &s.integrity, s.LabelKey}
	s.integrity.o, s.integrity.log, s.integrity.files = &s.o, o.Logger, &s.recovery
	s.integrity.cameraList, s.integrity.database, s.integrity.storeClock, s.integrity.alarms = &s.cameraList, &s.database, &s.storeClock, &s.alarms
	s.recovery.o, s.recovery.log, s.recovery.issues, s.recovery.liveness = &s.o, o.Logger, &s.integrity, &s.liveness
	s.recovery.cameraList, s.recovery.database, s.recovery.storeClock, s.recovery.alarms = &s.cameraList, &s.database, &s.storeClock, &s.alarms
	return s
}

func (o *Options) fill() {
	if o.Sync <= 0 {
		o.Sync = 2 * time.Second
	}
	if o.SegmentDuration <= 0 {
		o.SegmentDuration = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// requireSpace refuses a disk without space unless there is footage that retention can delete.
func (s *Store) requireSpace(ctx context.Context) error {
	free, total, err := s.disk.Space()
	if err != nil {
		return err
	}
	need := max(s.o.MinFree.of(total), leastFree)
	if free >= need {
		return nil
	}
	streams, err := s.index.StreamTotals(ctx)
	if err != nil {
		return err
	}
	for _, t := range streams {
		if t.Segments > 0 {
			return nil
		}
	}
	return refuse("%s has %s free of %s and no footage that could be deleted; recording needs %s free: free some space or lower storage.min_free",
		s.o.Recordings, format.Size(free), format.Size(total), format.Size(need))
}

// leastFree is the space that recording cannot begin without.
const leastFree = 16 << 20

// Close ends what is still being written, says in the ledger that nothing is recorded from now on, and closes the
// store. Run must have returned. Closing twice is harmless.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	writers := make([]*Writer, 0, len(s.writers))
	for _, w := range s.writers {
		writers = append(writers, w)
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	for _, w := range writers {
		errs = append(errs, w.End(ctx, ReasonStopped))
	}
	errs = append(errs, s.settleOwed(ctx), s.noteDown(ctx), s.release())
	return errors.Join(errs...)
}

const closeTimeout = 10 * time.Second

// release gives back what Open acquired.
func (s *Store) release() error {
	errs := []error{s.closeIndex()}
	if s.data != nil {
		errs = append(errs, s.data.Close())
	}
	if s.guard != nil {
		errs = append(errs, s.guard.Close())
	}
	if s.disk != nil {
		errs = append(errs, s.disk.Close())
	}
	return errors.Join(errs...)
}

// LabelKey returns the key that labels the camera's footage.
func (s *Store) LabelKey(id media.CameraID) media.LabelKey {
	return media.DeriveLabelKey(s.o.MasterKey, id)
}
