package identity

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts/schema"
	"keepwatch.internal/internal/sqlite/sqlitetest"
)

// bench is a store whose clock the tests move.
type bench struct {
	*Store
	t time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, err := schema.Open(t.Context(), filepath.Join(t.TempDir(), "accounts.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	b := &bench{t: time.Date(2026, 11, 22, 13, 5, 20, 0, time.UTC)}
	b.Store = New(db, func() time.Time { return b.t })
	return b
}

func cam(n byte) access.Camera { return access.Camera{0: n, 15: 1} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) fingerprint(camera byte, stream, evidence string) Fingerprint {
	return Fingerprint{Camera: cam(camera), Stream: stream, Address: "192.168.1.20:554", Evidence: evidence, Since: b.t, Changed: b.t}
}

func TestAFingerprintIsKeptAndReplaced(t *testing.T) {
	b := newBench(t)
	first := b.fingerprint(1, "main", `{"mac":"a"}`)
	must(t, b.SetFingerprint(t.Context(), first, "first contact"))
	must(t, b.SetFingerprint(t.Context(), b.fingerprint(1, "sub", `{}`), "first contact"))
	b.t = b.t.Add(time.Second)
	second := b.fingerprint(1, "main", `{"mac":"b"}`)
	must(t, b.SetFingerprint(t.Context(), second, "MAC address"))
	kept, err := b.Store.Fingerprints(t.Context())
	must(t, err)
	second.Since = first.Since
	if len(kept) != 2 || kept[0] != second || kept[1].Stream != "sub" {
		t.Errorf("%+v", kept)
	}
	changes, err := b.Changes(t.Context(), cam(1))
	must(t, err)
	if len(changes) != 3 || changes[0].What != "MAC address" || !changes[0].At.Equal(second.Changed) {
		t.Errorf("%+v", changes)
	}
}

func TestAcceptingTakesWhatWasLookedAtAndNothingElse(t *testing.T) {
	b := newBench(t)
	must(t, b.SetFingerprint(t.Context(), b.fingerprint(1, "main", `{"mac":"a"}`), "first contact"))
	if err := b.AcceptNewDevices(t.Context(), cam(1), nil, "console"); !errors.Is(err, ErrNoNewDevice) {
		t.Errorf("without a device: %v", err)
	}
	device := NewDevice{Camera: cam(1), Stream: "main", Address: "192.168.1.21:554", Evidence: `{"mac":"b"}`, Differences: []string{"MAC address: was a, is b"}, Since: b.t}
	must(t, b.SetNewDevice(t.Context(), device))
	later := device
	later.Evidence = `{"mac":"c"}`
	must(t, b.SetNewDevice(t.Context(), later))
	if err := b.AcceptNewDevices(t.Context(), cam(1), []string{device.ID()}, "alice"); !errors.Is(err, ErrNewDeviceChanged) {
		t.Errorf("another device than was looked at: %v", err)
	}
	sub := later
	sub.Stream = "sub"
	must(t, b.SetNewDevice(t.Context(), sub))
	if err := b.AcceptNewDevices(t.Context(), cam(1), []string{later.ID()}, "alice"); !errors.Is(err, ErrNewDeviceChanged) {
		t.Errorf("one device of two: %v", err)
	}
	if kept, err := b.Fingerprints(t.Context()); err != nil || len(kept) != 1 || kept[0].Evidence != `{"mac":"a"}` {
		t.Errorf("a refused acceptance changed the fingerprints: %+v, %v", kept, err)
	}
	must(t, b.AcceptNewDevices(t.Context(), cam(1), []string{later.ID(), sub.ID()}, "alice"))
	devices, err := b.NewDevices(t.Context())
	must(t, err)
	kept, err := b.Fingerprints(t.Context())
	must(t, err)
	if len(devices) != 0 || len(kept) != 2 || kept[0].Evidence != later.Evidence || kept[0].Address != later.Address {
		t.Errorf("devices %+v, kept %+v", devices, kept)
	}
	changes, err := b.Changes(t.Context(), cam(1))
	must(t, err)
	if changes[0].By != "alice" || !strings.Contains(changes[0].What, "MAC address: was a, is b") {
		t.Errorf("%+v", changes[0])
	}
}

func TestACameraThatIsBackEndsItsQuarantine(t *testing.T) {
	b := newBench(t)
	must(t, b.SetNewDevice(t.Context(), NewDevice{Camera: cam(1), Stream: "main", Evidence: `{}`, Since: b.t}))
	must(t, b.SetNewDevice(t.Context(), NewDevice{Camera: cam(2), Stream: "main", Evidence: `{}`, Since: b.t}))
	must(t, b.ForgetNewDevice(t.Context(), cam(1), "main"))
	devices, err := b.NewDevices(t.Context())
	must(t, err)
	of, err := b.NewDevicesOf(t.Context(), cam(2))
	must(t, err)
	if len(devices) != 1 || len(of) != 1 || devices[0].Camera != cam(2) || of[0].Camera != cam(2) {
		t.Errorf("%+v, %+v", devices, of)
	}
}

func TestTheListOfChangesStaysShort(t *testing.T) {
	b := newBench(t)
	must(t, b.SetFingerprint(t.Context(), b.fingerprint(2, "main", `{}`), "another camera's"))
	for i := range maxChanges + 5 {
		must(t, b.SetFingerprint(t.Context(), b.fingerprint(1, "main", `{}`), fmt.Sprint(i)))
	}
	changes, err := b.Changes(t.Context(), cam(1))
	must(t, err)
	if len(changes) != maxChanges || changes[0].What != fmt.Sprint(maxChanges+4) {
		t.Errorf("%d changes, the newest %+v", len(changes), changes[0])
	}
	others, err := b.Changes(t.Context(), cam(2))
	must(t, err)
	if len(others) != 1 {
		t.Errorf("the other camera's changes: %+v", others)
	}
}

func TestNewDevicesAreFoundByCamera(t *testing.T) {
	b := newBench(t)
	c := cam(1)
	if plan := sqlitetest.Plan(t, b.db, newDevicesOfCamera, c[:]); !strings.Contains(plan, "SEARCH claims USING PRIMARY KEY (camera=?)") {
		t.Error(plan)
	}
}

func TestNamesOfCamerasAreThoseOfTheLastStart(t *testing.T) {
	b := newBench(t)
	must(t, b.SetCameraNames(t.Context(), map[access.Camera]string{cam(1): "door", cam(2): "yard"}))
	for n := range byte(2) {
		must(t, b.SetNewDevice(t.Context(), NewDevice{Camera: cam(n + 1), Stream: "main", Evidence: `{}`, Since: b.t}))
	}
	must(t, b.SetCameraNames(t.Context(), map[access.Camera]string{cam(3): "door", cam(2): "yard"}))
	names, err := b.Store.CameraNames(t.Context())
	must(t, err)
	devices, err := b.NewDevices(t.Context())
	must(t, err)
	if len(names) != 2 || names[cam(3)] != "door" || names[cam(2)] != "yard" || len(devices) != 1 || devices[0].Camera != cam(2) {
		t.Errorf("names %v, devices %+v", names, devices)
	}
}
