// Package recorder keeps one stream recording, whatever its camera does. It connects, turns units into fragments,
// publishes them to live viewers and passes them to the disk. When anything fails, it says why in plain words and tries
// again, until the camera is removed from the configuration. A failure of one camera does not affect others.
//
// It knows nothing of people or HTTP. Rights belong to access, requests to web.
package recorder

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// Options says which stream to record, where it comes from and where it goes.
type Options struct {
	Stream     media.StreamID
	Source     camera.Options
	Record     bool // false: live view only
	Store      *storage.Store
	Ring       *live.Ring
	Admission  Admission         // shared by all recorders of the process
	Backlog    *Backlog          // shared by all recorders of the process; if nil, only each single recorder is bounded
	Logins     *Logins           // shared by the recorders of one camera; nil for a single recorder
	Sharing    *Sharing          // shared by the recorders of one camera; nil for a single recorder
	Identities *IdentityRegistry // shared by all recorders; nil accepts any device as the camera
	// Clock returns the wall clock at a moment with a monotonic reading. If it is nil, the wall reading of the moment is used.
	Clock  func(time.Time) time.Time
	Logger *slog.Logger
}

// Admission bounds the number of simultaneous handshakes, so that many cameras returning at once do not starve those that are
// already recording.
type Admission chan struct{}

// NewAdmission allows n handshakes at a time.
func NewAdmission(n int) Admission { return make(Admission, n) }

// longestHandshake is how long a handshake keeps its place. A longer one only waits for its camera and costs nothing here.
// Cameras that are switched off must not delay those that are back.
const longestHandshake = time.Second

// enter waits for a place. The caller must call leave, and may call it more than once.
func (a Admission) enter(ctx context.Context) (leave func(), err error) {
	select {
	case a <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	free := sync.OnceFunc(func() { <-a })
	timer := time.AfterFunc(longestHandshake, free)
	return func() { timer.Stop(); free() }, nil
}

// Recorder records one stream.
type Recorder struct {
	opts    Options
	open    func(context.Context) (session, error)
	status  sharedStatus
	disk    *disk
	muxer   *media.Muxer
	run     *media.Run
	video   *media.VideoTrack // of the run
	end     time.Time         // of the newest fragment
	timing  timing
	pacer   pacer
	align   *alignment    // of the session
	told    bool          // the camera's clock was recorded for this run
	slewed  time.Duration // by the muxer of the run, so far
	follows bool          // the session already had a run
	sound   soundFill
	health  meter
	// patience is how long the next session waits for a picture, if that is longer than usual.
	patience time.Duration
	// soundOff: the camera sent no pictures after it had refused its sound, so it is no longer asked for sound.
	soundOff bool
}

// joinable is the longest delay of a run's first frame, after the end of the previous run in the same session, that counts as
// network jitter and not as a gap.
const joinable = 500 * time.Millisecond

// session is the interface of camera.Session. A test implements it to simulate days.
type session interface {
	Next(ctx context.Context) (camera.Item, error)
	Audio() *media.AudioTrack
	Lost() uint64
	Patience() time.Duration
	Pace(kind media.Kind) (pace float64, known bool)
	Clock() (ahead time.Duration, known bool)
	Identity(*media.VideoTrack) camera.Identity
	Link() camera.Link
	Sounds() []camera.Sound
	SoundRefused() string
	Close()
}

// New returns a Recorder. It starts nothing.
func New(opts Options) *Recorder {
	if opts.Logins == nil {
		opts.Logins = NewLogins()
	}
	r := &Recorder{opts: opts, timing: newTiming(opts.Clock), pacer: pacer{log: opts.Logger}}
	r.open = func(ctx context.Context) (session, error) {
		source := opts.Source
		source.FrameTimeout = max(source.FrameTimeout, r.patience)
		source.Audio = source.Audio && !r.soundOff
		source.Waiting = r.status.wait
		source.Admit = func(seen camera.Identity) error { return r.judge(ctx, seen, false) }
		s, err := camera.Open(ctx, source)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	r.disk = newDisk(footageOf(opts.Store), opts.Stream, opts.Logger)
	r.disk.backlog = opts.Backlog
	r.status.set(Connecting, "", time.Time{})
	return r
}

// Status returns the state of the stream. It may be called at any time from any goroutine.
func (r *Recorder) Status() Status {
	s := r.status.get()
	if reason := r.disk.trouble(); reason != "" && s.State == Recording {
		s.State, s.Reason = Live, "not recording: "+reason
	}
	return s
}

// Run records the stream until ctx ends, and returns only ctx's error. When it returns, everything received is on the disk and
// closed. If the disk hangs, Run gives up after ten seconds.
func (r *Recorder) Run(ctx context.Context) error {
	r.disk.start()
	defer func() {
		if !r.disk.stop() {
			r.opts.Logger.Error("the disk does not respond; footage that was not yet written is lost")
		}
	}()
	r.resume(ctx)
	retry := backoff{logins: r.opts.Logins}
	for ctx.Err() == nil {
		began := time.Now()
		err := r.session(ctx)
		if ctx.Err() != nil {
			break
		}
		r.wait(ctx, retry.next(err, time.Since(began)), err)
	}
	return ctx.Err()
}

// resume finds the end of the stream's footage, so that no run begins earlier.
func (r *Recorder) resume(ctx context.Context) {
	end, err := r.opts.Store.EndOfFootage(ctx, r.opts.Stream)
	if err != nil {
		r.opts.Logger.Error("find end of footage", "err", err)
	}
	// A clock that was never set says about 1970. Then recording begins at the earliest plausible time.
	if r.end = end; end.Before(storage.Earliest()) {
		r.end = storage.Earliest()
	}
	if !r.opts.Record {
		r.gap(storage.KindPaused)
		return
	}
	r.gap(storage.KindConnecting)
}

// gap records why nothing is recorded from now on.
func (r *Recorder) gap(reason string) { r.disk.gap(r.timing.clock(time.Now()), reason) }

// failureOf returns the failure that people see for a session's end, and the resulting state.
func failureOf(err error) (*camera.Failure, State) {
	failure := (*camera.Failure)(nil)
	if !errors.As(err, &failure) {
		failure = &camera.Failure{Kind: camera.Broken, Reason: "internal error; see the log", Err: err}
	}
	switch failure.Kind {
	case camera.Refused:
		return failure, Refused
	case camera.UnexpectedDevice:
		return failure, Quarantined
	}
	return failure, Offline
}

// reasonIn returns the reason of a gap for a state with its detail.
func reasonIn(state State, detail string) string { return string(state) + ": " + detail }

// wait reports the failure and waits for the pause.
func (r *Recorder) wait(ctx context.Context, pause time.Duration, err error) {
	failure, state := failureOf(err)
	if r.status.set(state, failure.Reason, time.Now().Add(pause)) {
		r.opts.Logger.Warn("camera "+string(state), "reason", failure.Reason, "err", failure.Err)
	}
	if r.opts.Record {
		r.gap(reasonIn(state, failure.Reason))
	}
	if state == Quarantined {
		var stop context.CancelFunc
		ctx, stop = r.untilAccepted(ctx)
		defer stop()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// session records one connection until it ends, and returns why.
func (r *Recorder) session(ctx context.Context) error {
	s, err := r.connect(ctx)
	if err != nil {
		return r.opts.Sharing.refused(r.opts.Stream.Quality, err)
	}
	defer s.Close()
	watched, leave := r.opts.Sharing.opened(ctx, r.opts.Stream.Quality)
	r.status.follow(s)
	err = r.follow(ctx, watched, s)
	r.status.follow(nil)
	leave(err)
	return err
}

// follow records a session until it ends, or until watched ends for a reason of its own.
func (r *Recorder) follow(ctx, watched context.Context, s session) error {
	soundRate := 0
	if a := s.Audio(); a != nil {
		soundRate = a.SampleRate
	}
	r.sound, r.follows, r.align = soundFill{track: s.Audio()}, false, newAlignment(soundRate)
	r.pacer.connected(s.Pace)
	for {
		item, err := s.Next(watched)
		if err != nil {
			if watched.Err() != nil && ctx.Err() == nil {
				err = context.Cause(watched)
			}
			return r.ended(ctx, s, err)
		}
		r.opts.Sharing.frame(r.opts.Stream.Quality, item.Unit.Arrived)
		for _, it := range r.align.put(r.paced(item, s)) {
			if err := r.take(it, s); err != nil {
				r.opts.Ring.End()
				return err
			}
		}
	}
}

// ended records what the alignment still holds of a session that ended with err, and closes the run. It returns why the session ended:
// err, unless what was held comes from an unexpected device.
func (r *Recorder) ended(ctx context.Context, s session, err error) error {
	defer r.opts.Ring.End()
	for _, held := range r.align.rest() {
		if err := r.take(held, s); err != nil {
			return err
		}
	}
	reason := storage.ReasonStopped
	if ctx.Err() == nil {
		failure, state := failureOf(err)
		reason = reasonIn(state, failure.Reason)
	}
	r.endRun(reason)
	r.patience = s.Patience()
	r.doubtSound(s, err)
	return err
}

// doubtSound is called after a session. A camera that refuses its sound, and then sends no pictures either, is asked for pictures
// alone from then on.
func (r *Recorder) doubtSound(s session, err error) {
	if failure, _ := failureOf(err); failure.Kind == camera.Frozen && s.SoundRefused() != "" && s.Audio() == nil {
		r.soundOff = true
		r.opts.Logger.Warn("the camera sent no pictures after it had refused its sound; it is no longer asked for sound")
	}
}

func (r *Recorder) connect(ctx context.Context) (session, error) {
	if err := r.opts.Sharing.enter(r.opts.Stream.Quality); err != nil {
		return nil, err
	}
	leave, err := r.opts.Admission.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if left, reason := r.opts.Logins.left(); left > 0 {
		return nil, &camera.Failure{Kind: camera.Refused, Reason: reason, Err: errNoLogin}
	}
	return r.open(ctx)
}

// paced returns the item with its unit at the server's pace.
func (r *Recorder) paced(item camera.Item, s session) camera.Item {
	rate := media.VideoTimescale
	if a := s.Audio(); item.Unit.Kind == media.Audio && a != nil {
		rate = a.SampleRate
	}
	item.Unit = r.pacer.of(item.Unit, rate)
	return item
}

// take passes one unit to the muxer, and begins a new run if necessary.
func (r *Recorder) take(item camera.Item, s session) error {
	u := item.Unit
	r.timing.note(u.Arrived)
	if u.Kind == media.Video {
		r.health.add(u)
		switch {
		case r.run == nil:
		case item.Video != r.video:
			r.endRun(storage.KindInterrupted + ": the camera changed its picture format")
		case u.Random && r.timing.step != 0:
			r.endRun(r.timing.stepReason())
		}
		if r.run == nil && u.Random {
			if err := r.judge(context.Background(), s.Identity(item.Video), true); err != nil {
				return err
			}
			if err := r.beginRun(item, s.Audio()); err != nil {
				return &camera.Failure{Kind: camera.Broken, Reason: "the camera's video parameters make no sense", Err: err}
			}
		}
	}
	if r.run == nil {
		return nil
	}
	if !r.fillSound(u) {
		return nil
	}
	filed := *u
	filed.Arrived = r.timing.of(u.Arrived)
	fragment, err := r.muxer.Write(&filed)
	if err != nil {
		r.endRun(storage.KindInterrupted + ": " + err.Error())
		if u.Random && u.Kind == media.Video {
			return r.take(item, s)
		}
		return nil
	}
	if fragment != nil {
		slewed := r.muxer.Slewed() - r.timing.behind(u.Arrived) // what returns a shifted run to the clock says nothing of the camera's
		r.pacer.settle((slewed - r.slewed).Seconds())
		r.slewed = slewed
		r.publish(fragment)
		health := r.health.snapshot(item.Video, s)
		health.Sound = r.soundOf(s)
		health.Shift, health.SetBack = r.timing.behind(u.Arrived), r.timing.setBack
		var known bool
		if health.Clock, known = s.Clock(); known && !r.told {
			if r.told = true; r.opts.Record {
				r.disk.clock(r.run.ID, health.Clock)
			}
		}
		r.status.frame(u.Arrived, health)
	}
	return nil
}

// beginRun starts a run at the key frame item, never before the end of existing footage. A run that follows another one in the
// same session begins where that one ended.
func (r *Recorder) beginRun(item camera.Item, audio *media.AudioTrack) error {
	start := r.timing.begin(item.Unit.Arrived.Add(-r.align.late(item.Unit)), r.end)
	if r.follows && start.Sub(r.end) < joinable {
		start = r.end
	}
	if !r.follows || start.After(r.end) || r.timing.shift > 0 {
		r.pacer.anchored()
	}
	r.follows, r.told, r.slewed = true, false, -r.timing.shift
	key := r.opts.Store.LabelKey(r.opts.Stream.Camera)
	run, err := media.NewRun(r.opts.Stream, start, *item.Video, audio, key)
	if err != nil {
		return err
	}
	if run.Shift = r.timing.shift; run.Shift > 0 {
		r.opts.Logger.Warn("the clock is behind the end of the footage; footage is filed later than it happens", "by", run.Shift.Round(time.Second))
	}
	r.run, r.video, r.muxer = run, item.Video, media.NewMuxer(run, key)
	r.sound.begin(item.Unit)
	if r.opts.Record {
		r.disk.begin(run)
	}
	state := Live
	if r.opts.Record {
		state = Recording
	}
	if r.status.set(state, "", time.Time{}) {
		r.opts.Logger.Info("camera "+string(state), "run", run.ID.String(), "codec", run.Video.Codec.String(),
			"width", run.Video.Width, "height", run.Video.Height, "audio", audio != nil)
	}
	return nil
}

func (r *Recorder) publish(f *media.Fragment) {
	r.end = f.End()
	r.opts.Ring.Publish(f)
	if r.opts.Record {
		r.disk.append(f)
	}
}

// endRun flushes the muxer and closes the run.
func (r *Recorder) endRun(reason string) {
	if r.run == nil {
		return
	}
	r.opts.Logger.Info("run ended", "run", r.run.ID.String(), "reason", reason)
	for _, x := range r.sound.rest() {
		if _, err := r.muxer.Write(x); err != nil {
			break // Flush returns what there is
		}
	}
	f, err := r.muxer.Flush()
	switch {
	case err != nil:
		r.opts.Logger.Error("flush run", "run", r.run.ID.String(), "err", err)
	case f != nil:
		r.publish(f)
	}
	if r.opts.Record {
		r.disk.end(reason)
	}
	r.run, r.muxer, r.video = nil, nil, nil
}
