package recorder

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// turncoat is a session whose camera is exchanged in the middle: from the tenth picture on it is another one.
type turncoat struct {
	before, after media.VideoTrack
	sent          int64
}

const turn = 10

func (s *turncoat) Audio() *media.AudioTrack        { return nil }
func (s *turncoat) Lost() uint64                    { return 0 }
func (s *turncoat) Pace(media.Kind) (float64, bool) { return 0, false }
func (s *turncoat) Patience() time.Duration         { return 0 }
func (s *turncoat) Link() camera.Link               { return camera.Link{} }
func (s *turncoat) SoundRefused() string            { return "" }
func (s *turncoat) Sounds() []camera.Sound          { return nil }
func (s *turncoat) Close()                          {}
func (s *turncoat) Clock() (time.Duration, bool)    { return 0, false }
func (s *turncoat) Identity(t *media.VideoTrack) camera.Identity {
	return camera.Identity{Realm: "none", Picture: string(t.SPS)}
}

func (s *turncoat) Next(context.Context) (camera.Item, error) {
	if s.sent == 2*turn {
		return camera.Item{}, &camera.Failure{Kind: camera.Unreachable, Reason: "connection lost"}
	}
	track, text := &s.before, "right"
	if s.sent >= turn {
		track, text = &s.after, "wrong"
	}
	ticks := s.sent * media.VideoTimescale
	u := &media.Unit{Kind: media.Video, DTS: ticks, PTS: ticks, Arrived: time.Now(), Random: s.sent%5 == 0, Data: [][]byte{append([]byte{0x65}, text...)}}
	s.sent++
	return camera.Item{Unit: u, Video: track}, nil
}

// oneFingerprint is a FingerprintStore that knows one other camera.
type oneFingerprint struct{ other Fingerprint }

func (o *oneFingerprint) Fingerprints(context.Context) ([]Fingerprint, error) {
	return []Fingerprint{o.other}, nil
}
func (o *oneFingerprint) SetFingerprint(context.Context, Fingerprint, string) error { return nil }
func (o *oneFingerprint) SetNewDevice(context.Context, NewDevice) error             { return nil }
func (o *oneFingerprint) ForgetNewDevice(context.Context, media.StreamID) error     { return nil }
func (o *oneFingerprint) HasNewDevice(context.Context, media.StreamID) (bool, error) {
	return false, nil
}

func TestACameraThatIsExchangedWithinASessionIsNotRecorded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store, err := storage.Open(t.Context(), storage.Options{Recordings: filepath.Join(folder, "recordings"), Data: filepath.Join(folder, "data"),
		MasterKey: [32]byte{7}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := store.Enrol(t.Context(), []storage.CameraSpec{{Name: "door", Label: "door"}, {Name: "yard", Label: "yard"}})
	if err != nil {
		t.Fatal(err)
	}
	door, yard := media.StreamID{Camera: ids["door"], Quality: media.Main}, media.StreamID{Camera: ids["yard"], Quality: media.Main}
	s := &turncoat{before: media.VideoTrack{Codec: media.H264, Width: 640, Height: 360, SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9}, PPS: []byte{0x68, 0xcb}}}
	s.after = s.before
	s.after.SPS = []byte{0x67, 0x42, 0xc0, 0x1e, 0xda}
	before := &oneFingerprint{Fingerprint{Stream: yard, Address: "10.0.0.2:554", Identity: s.Identity(&s.after), Changed: time.Now()}}
	hub := live.NewHub(live.Options{})
	r := New(Options{Stream: door, Record: true, Store: store, Ring: hub.Ring(door), Admission: NewAdmission(1), Logger: slog.New(slog.DiscardHandler),
		Identities: NewIdentityRegistry(before, []ConfiguredStream{{door, "door", "10.0.0.1:554"}, {yard, "yard", "10.0.0.2:554"}}, slog.New(slog.DiscardHandler))})
	r.open = func(context.Context) (session, error) { return s, nil }
	r.disk.start()
	err = r.session(t.Context())
	if f := (*camera.Failure)(nil); !errors.As(err, &f) || f.Kind != camera.UnexpectedDevice {
		t.Errorf("the session ends with %v", err)
	}
	p, err := access.Decide(access.Viewer{Kind: access.AccountView, AccountID: 1}, access.Camera(door.Camera), access.Grant{Rights: access.Owned}, access.Live, time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Open(p, media.Main); err == nil { // only a ring with footage of a session that goes on can be opened
		t.Error("the live view goes on")
	}
	if !r.disk.stop() {
		t.Fatal("the disk does not answer")
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	right, wrong := texts(t, filepath.Join(folder, "recordings"))
	if right != turn || wrong != 0 {
		t.Errorf("recorded are %d of %d pictures before the exchange and %d after it", right, turn, wrong)
	}
}

// texts counts the pictures below the folder.
func texts(t *testing.T, folder string) (right, wrong int) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		right, wrong = right+bytes.Count(b, []byte("right")), wrong+bytes.Count(b, []byte("wrong"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return right, wrong
}
