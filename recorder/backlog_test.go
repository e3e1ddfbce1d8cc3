package recorder

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

const (
	linkPicture = 40 * time.Millisecond // from picture to picture
	linkSound   = 64 * time.Millisecond // from sound to sound: 1024 samples at 16 kHz
	linkGOP     = 50                    // pictures
)

// link is what lies between a camera and the recorder.
type link struct {
	backlog time.Duration                      // how old the first picture is when the session begins
	speed   func(at time.Duration) float64     // how many seconds of media it carries in a second; 0 while it stalls
	wake    time.Duration                      // how often a starved recorder runs; 0 for always
	jitter  func(rng *rand.Rand) time.Duration // of each unit
	paced   bool                               // the server works off its backlog evenly, and the link is free in between
}

// unhindered is the speed of a usual network.
func unhindered(time.Duration) float64 { return 50 }

// between is another speed from one time to another, and later another one until the backlog is gone.
func between(from, to time.Duration, speed, later float64) func(time.Duration) float64 {
	return func(at time.Duration) float64 {
		switch {
		case at < from:
			return 50
		case at < to:
			return speed
		}
		return later
	}
}

// linkSession plays pictures and sound over a link.
type linkSession struct {
	link     link
	rng      *rand.Rand
	began    time.Time // when the session began
	reports  bool      // the camera tells its clock, which is off by an hour
	pictures int64
	sounds   int64
	free     time.Duration // when the link has carried what came before, since the session began
	ends     time.Duration
	newest   time.Time   // arrival of the newest unit
	made     []time.Time // of each picture, by number
}

func (s *linkSession) Audio() *media.AudioTrack {
	return &media.AudioTrack{Codec: media.AAC, Config: []byte{0x14, 0x08}, SampleRate: 16000, Channels: 1}
}
func (s *linkSession) Clock() (time.Duration, bool) { return 0, false }
func (s *linkSession) Lost() uint64                 { return 0 }
func (s *linkSession) Pace(media.Kind) (float64, bool) {
	return 1, s.reports && s.free > 12*time.Second
}
func (s *linkSession) Patience() time.Duration                    { return 0 }
func (s *linkSession) Identity(*media.VideoTrack) camera.Identity { return camera.Identity{} }
func (s *linkSession) Link() camera.Link                          { return camera.Link{} }
func (s *linkSession) SoundRefused() string                       { return "" }
func (s *linkSession) Sounds() []camera.Sound                     { return nil }
func (s *linkSession) Close()                                     {}

// carry returns when a unit that was made at a time, since the session began, begins to come over the link, and when it has come.
func (s *linkSession) carry(made, share time.Duration) (from, at time.Duration) {
	at = max(made, s.free, 0)
	from = at
	for left := share.Seconds(); left > 0; {
		speed := s.link.speed(at)
		const step = 5 * time.Millisecond
		if speed*step.Seconds() >= left {
			at += time.Duration(left / speed * float64(time.Second))
			break
		}
		left -= speed * step.Seconds()
		at += step
	}
	s.free = at
	if s.link.paced {
		from = at
	}
	if s.link.jitter != nil {
		jitter := s.link.jitter(s.rng)
		from, at = from+jitter, at+jitter
	}
	if s.link.wake > 0 {
		at = (at + s.link.wake - 1) / s.link.wake * s.link.wake
		from = at
	}
	return from, at
}

// Next waits for the next unit, in the order in which they were made.
func (s *linkSession) Next(ctx context.Context) (camera.Item, error) {
	picture, sound := time.Duration(s.pictures)*linkPicture-s.link.backlog, time.Duration(s.sounds)*linkSound-s.link.backlog
	u := &media.Unit{Random: true}
	var made, from, at time.Duration
	if picture <= sound {
		made = picture
		from, at = s.carry(picture, linkPicture)
		ticks := 5_000_000 + s.pictures*linkPicture.Milliseconds()*90
		u.Kind, u.PTS, u.DTS, u.Random = media.Video, ticks, ticks, s.pictures%linkGOP == 0
		u.Data = [][]byte{binary.BigEndian.AppendUint64([]byte{0x65}, uint64(len(s.made)))}
		s.made = append(s.made, s.began.Add(made))
		s.pictures++
	} else {
		made = sound
		from, at = s.carry(sound, 0)
		ticks := 777 + s.sounds*1024
		u.Kind, u.PTS, u.DTS = media.Audio, ticks, ticks
		u.Data = [][]byte{binary.BigEndian.AppendUint64([]byte("sound"), uint64(s.began.Add(made).UnixMicro()))}
		s.sounds++
	}
	timer := time.NewTimer(time.Until(s.began.Add(at)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return camera.Item{}, ctx.Err()
	case <-timer.C:
	}
	u.Arrived = time.Now()
	u.Pause = s.began.Add(from).Sub(s.newest)
	s.newest = u.Arrived
	if s.reports && at > 2*time.Second {
		u.Clock = s.began.Add(made - time.Hour).Round(0)
	}
	if at > s.ends {
		<-ctx.Done()
		return camera.Item{}, ctx.Err()
	}
	return camera.Item{Unit: u, Video: &linkVideo}, nil
}

// linkVideo is the track of the session; its address tells that it does not change.
var linkVideo = media.VideoTrack{Codec: media.H264, Width: 640, Height: 360, SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9}, PPS: []byte{0x68, 0xcb}}

// record records the session and returns the recorder, the wall time under which each picture and sound is filed, and the gaps.
func (s *linkSession) record(t *testing.T) (r *Recorder, pictures map[uint64]time.Time, sound map[time.Time]time.Time, line storage.Timeline) {
	t.Helper()
	time.Sleep(26 * 365 * 24 * time.Hour) // a clock before 2024 was never set
	folder, log := t.TempDir(), slog.New(slog.DiscardHandler)
	store, err := storage.Open(t.Context(), storage.Options{Recordings: filepath.Join(folder, "recordings"), Data: filepath.Join(folder, "data"),
		MasterKey: [32]byte{7}, Sync: time.Hour, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := store.Enrol(t.Context(), []storage.CameraSpec{{Name: "cam", Label: "cam"}})
	if err != nil {
		t.Fatal(err)
	}
	id := ids["cam"]
	time.Sleep(time.Minute) // so that what is older than the session is not older than the camera
	stream := media.StreamID{Camera: id, Quality: media.Main}
	r = New(Options{Stream: stream, Record: true, Store: store, Ring: live.NewHub(live.Options{}).Ring(stream), Admission: NewAdmission(1), Logger: log})
	r.open = func(context.Context) (session, error) { return s, nil }
	s.began = time.Now()
	ctx, stop := context.WithTimeout(t.Context(), s.ends+5*time.Second)
	defer stop()
	var wait sync.WaitGroup
	wait.Go(func() { _ = r.Run(ctx) })
	wait.Wait()
	pictures, sound = filed(t, filepath.Join(folder, "recordings"), id, store.LabelKey(id))
	p, err := access.Decide(access.Viewer{Kind: access.AccountView, AccountID: 1}, access.Camera(id), access.Grant{Rights: access.Owned}, access.Playback, time.Now().Add(time.Minute))
	if err == nil {
		line, err = store.Timeline(t.Context(), p, media.Main, storage.Span{From: s.began.Add(-time.Minute), To: time.Now()})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return r, pictures, sound, line
}

// filed reads from all files when each picture and sound is filed.
func filed(t *testing.T, folder string, id media.CameraID, key media.LabelKey) (pictures map[uint64]time.Time, sound map[time.Time]time.Time) {
	t.Helper()
	pictures, sound = map[uint64]time.Time{}, map[time.Time]time.Time{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".mp4") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		res, err := media.Scan(strings.NewReader(string(b)), int64(len(b)), id, key)
		if err != nil {
			return err
		}
		for _, e := range res.Table.Entries {
			at := e.Offset + int64(e.Payload)
			ticks := int64(0)
			wall := func(ticks int64, rate int64) time.Time {
				return e.Start.Add(time.Duration(ticks) * time.Second / time.Duration(rate))
			}
			for _, v := range e.Video {
				pictures[binary.BigEndian.Uint64(b[at+5:])] = wall(ticks, media.VideoTimescale)
				at, ticks = at+int64(v.Size), ticks+int64(v.Duration)
			}
			ticks = int64(e.AudioBase) - int64(e.VideoBase)*16000/media.VideoTimescale
			for _, a := range e.Audio {
				sound[time.UnixMicro(int64(binary.BigEndian.Uint64(b[at+5:])))] = wall(ticks, 16000)
				at, ticks = at+int64(a.Size), ticks+int64(a.Duration)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pictures, sound
}

// linkCase is a link, and what is wanted over it.
type linkCase struct {
	name string
	link link
	wait time.Duration // since the session began, before which times may be further off
}

// mostLate is how far a time may be off.
const mostLate = 300 * time.Millisecond

func linkCases() (cases []linkCase) {
	for _, stall := range []time.Duration{time.Second, 3 * time.Second, 7 * time.Second, 30 * time.Second, time.Minute} {
		for _, speed := range []float64{20, 2, 1.25} {
			cases = append(cases, linkCase{fmt.Sprintf("stalls for %v, then catches up at %v times the speed", stall, speed),
				link{speed: between(time.Minute, time.Minute+stall, 0, speed)}, 0})
		}
	}
	for _, backlog := range []time.Duration{3 * time.Second, 5 * time.Second} {
		cases = append(cases, linkCase{fmt.Sprintf("begins with %v of backlog", backlog), link{backlog: backlog, speed: unhindered}, 0},
			linkCase{fmt.Sprintf("begins with %v of backlog, at twice the speed", backlog), link{backlog: backlog, speed: func(time.Duration) float64 { return 2 }}, time.Minute},
			linkCase{fmt.Sprintf("begins with %v of backlog, at 1.25 times the speed", backlog), link{backlog: backlog, speed: func(time.Duration) float64 { return 1.25 }}, 90 * time.Second})
	}
	cases = append(cases,
		linkCase{"is congested for a minute", link{speed: between(time.Minute, 2*time.Minute, 0.8, 1.25)}, 0},
		linkCase{"is congested for three minutes", link{speed: between(time.Minute, 4*time.Minute, 0.9, 3)}, 0},
		linkCase{"runs once a second", link{speed: unhindered, wake: time.Second}, 0},
		linkCase{"is a bad Wi-Fi", link{speed: unhindered, jitter: func(rng *rand.Rand) time.Duration {
			if rng.IntN(100) == 0 {
				return time.Duration(rng.IntN(1500)) * time.Millisecond
			}
			return time.Duration(rng.IntN(60)) * time.Millisecond
		}}, 0})
	evenly := link{backlog: 5 * time.Second, paced: true, speed: func(time.Duration) float64 { return 1.25 }}
	cases = append(cases, linkCase{"begins with 5s of backlog, which the server works off evenly", evenly, 90 * time.Second})
	return cases
}

func TestTimesAreRightWhateverTheNetworkHoldsUp(t *testing.T) {
	for _, c := range linkCases() {
		for _, reports := range []bool{true, false} {
			if c.link.paced && !reports {
				continue // nothing tells it from a camera whose ticks run at a wrong rate
			}
			t.Run(fmt.Sprintf("%s, reports %t", c.name, reports), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &linkSession{link: c.link, rng: rand.New(rand.NewPCG(3, 4)), ends: 6 * time.Minute, reports: reports}
					r, pictures, sound, line := s.record(t)
					if r.pacer.active {
						t.Errorf("the camera's ticks are scaled by %v", r.pacer.video.pace())
					}
					if len(line.Spans) == 0 {
						t.Fatal(len(s.made), len(pictures), line.Gaps, r.Status())
					}
					first := line.Spans[0].From
					if i := slices.IndexFunc(line.Gaps, func(g storage.Gap) bool { return g.From.After(first) && g.Code != storage.CodeServerStopped }); i >= 0 {
						t.Errorf("a gap that was not there: %+v", line.Gaps[i])
					}
					if len(pictures) < len(s.made)-linkGOP {
						t.Errorf("%d pictures of %d", len(pictures), len(s.made))
					}
					var worst time.Duration
					for n, at := range pictures {
						if made := s.made[n]; made.After(s.began.Add(c.wait)) && at.Sub(made).Abs() > worst.Abs() {
							worst = at.Sub(made)
						}
					}
					var apart time.Duration
					for made, at := range sound {
						if made.After(s.began.Add(c.wait)) && at.Sub(made).Abs() > apart.Abs() {
							apart = at.Sub(made)
						}
					}
					if worst.Abs() > mostLate || apart.Abs() > mostLate {
						t.Errorf("a picture is filed %v late, a sound %v", worst, apart)
					}
				})
			})
		}
	}
}
