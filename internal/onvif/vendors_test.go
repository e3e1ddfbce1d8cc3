package onvif_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keepwatch.internal/internal/onvif"
	"keepwatch.internal/internal/onvif/onviftest"
)

// start returns a camera of the vendor on pipes, a client of it, and what the client logs.
func start(t *testing.T, v onviftest.Vendor) (*onviftest.Camera, *onvif.Client, *bytes.Buffer) {
	t.Helper()
	camera := onviftest.New(v)
	log := &bytes.Buffer{}
	client, err := onvif.New(onvif.Options{Address: camera.Address(), Username: camera.Username, Password: onvif.Password(camera.Password),
		Dial: camera.Dial, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		camera.Close()
	})
	return camera, client, log
}

// ear is who listens to a camera.
type ear struct {
	mu     sync.Mutex
	events []onvif.Event
	status []onvif.Status
	err    error
	stop   context.CancelFunc
	over   chan struct{}
}

// listen listens until the test ends it. It must run within synctest; Wait before reading.
func listen(t *testing.T, c *onvif.Client) *ear {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	e := &ear{stop: stop, over: make(chan struct{})}
	go func() {
		defer close(e.over)
		e.err = c.Events(ctx, onvif.Listener{
			Event: func(one onvif.Event) {
				e.mu.Lock()
				defer e.mu.Unlock()
				e.events = append(e.events, one)
			},
			Status: func(s onvif.Status) {
				e.mu.Lock()
				defer e.mu.Unlock()
				e.status = append(e.status, s)
			},
		})
	}()
	return e
}

// heard reports whether the camera is heard now.
func (e *ear) heard() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.status) > 0 && e.status[len(e.status)-1].Heard
}

// take returns what has happened since the last call, as "KIND STATE".
func (e *ear) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, one := range e.events {
		all = append(all, fmt.Sprintf("%s %s", one.Kind, one.State))
	}
	e.events = nil
	return all
}

// pass lets time pass, and everything happen that is to happen in it.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTwelveVendorsAreRead(t *testing.T) {
	vendors := onviftest.Vendors()
	if len(vendors) != 12 {
		t.Fatalf("%d vendors", len(vendors))
	}
	for _, v := range vendors {
		t.Run(v.Name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { readVendor(t, v) }) })
	}
}

func readVendor(t *testing.T, v onviftest.Vendor) {
	camera, client, log := start(t, v)
	clock, err := client.Clock(t.Context())
	if err != nil || clock.Known == v.Quirks.NoDate || !v.Quirks.Clock1970 && (clock.Offset-v.Quirks.ClockOffset).Abs() > time.Second && !v.Quirks.NoDate {
		t.Errorf("clock %+v, %v", clock, err)
	}
	device, err := client.Device(t.Context())
	mac, _ := net.ParseMAC(strings.ReplaceAll(v.MAC, "-", ":"))
	want := onvif.Device{Manufacturer: v.Maker, Model: v.Model, Firmware: v.Firmware, Serial: v.Serial, HardwareID: "1.0", MAC: mac.String()}
	switch {
	case v.Quirks.OperatorOnly:
		want.MAC = ""
	case len(v.MAC) == 12:
		want.MAC = device.MAC
	}
	if v.Quirks.BadUTF8 {
		want.Model = strings.Replace(v.Model, "Kamera", "Kamra", 1) // what cannot be read is left out
	}
	if err != nil || device != want || !v.Quirks.OperatorOnly && !strings.EqualFold(strings.ReplaceAll(device.MAC, ":", ""), strings.NewReplacer(":", "", "-", "").Replace(v.MAC)) {
		t.Errorf("device %+v, want %+v, %v", device, want, err)
	}
	profiles, err := client.Profiles(t.Context())
	if err != nil || len(profiles) != len(v.Streams) {
		t.Fatalf("profiles %+v, %v", profiles, err)
	}
	host, _, _ := net.SplitHostPort(camera.Address())
	for i, p := range profiles {
		s := v.Streams[i]
		path := strings.ReplaceAll(v.StreamPath, "TOKEN", s.Token)
		if p.Token != s.Token || p.Encoding != strings.ToLower(s.Encoding) || p.Width != s.Width || p.Height != s.Height || p.FrameRate != float64(s.Rate) || p.GOP != s.GOP || p.Bitrate != 2048 || p.Source != "vs0" {
			t.Errorf("profile %+v of %+v", p, s)
		}
		if p.StreamURI != "rtsp://"+host+":"+v.RTSPPort+path {
			t.Errorf("stream %s", p.StreamURI)
		}
		if snapshot := "http://" + camera.Address() + "/snap.jpg?p=" + s.Token; (p.SnapshotURI == snapshot) == (v.Quirks.NoSnapshot != "") {
			t.Errorf("snapshot %q, want %s", p.SnapshotURI, snapshot)
		}
	}
	if camera.Refused() != 0 && !v.Quirks.ForgetsNonces {
		t.Errorf("%d logins were refused", camera.Refused())
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("the log has the password: %s", log)
	}
}

func TestTwelveVendorsAreHeard(t *testing.T) {
	for _, v := range onviftest.Vendors() {
		t.Run(v.Name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { hearVendor(t, v) }) })
	}
}

func hearVendor(t *testing.T, v onviftest.Vendor) {
	camera, client, log := start(t, v)
	e := listen(t, client)
	pass(20 * time.Second)
	if !e.heard() {
		t.Fatalf("not heard after 20 s: %+v\n%s", e.status, log)
	}
	for round := range 2 {
		for _, r := range v.Reports {
			reportOf(t, camera, e, r)
		}
		if round == 0 {
			pass(31 * time.Minute)
			if got := e.take(); len(got) != 0 {
				t.Errorf("nothing happened, and there is %v", got)
			}
		}
	}
	if now, most := camera.Subscriptions(); now != 1 || most != 1 {
		t.Errorf("%d subscriptions, at most %d", now, most)
	}
	if camera.Crashed() || camera.Asked("Unsubscribe") != 0 {
		t.Errorf("crashed %v, %d times unsubscribed", camera.Crashed(), camera.Asked("Unsubscribe"))
	}
	if n := camera.Asked("PullMessages"); n > 2500 {
		t.Errorf("%d pulls in half an hour", n)
	}
	e.stop()
	<-e.over
	if now, _ := camera.Subscriptions(); now != 0 || !errors.Is(e.err, context.Canceled) {
		t.Errorf("%d subscriptions are left; %v", now, e.err)
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("the log has the password: %s", log)
	}
}

// reportOf lets something happen and checks what is heard of it.
func reportOf(t *testing.T, camera *onviftest.Camera, e *ear, r onviftest.Report) {
	t.Helper()
	var begin, end []string
	for _, kind := range r.Kinds {
		if kind == "" {
			begin = append(begin, " reported")
			continue
		}
		begin, end = append(begin, kind+" on"), append(end, kind+" off")
	}
	at := time.Now()
	camera.Emit(r.Begin)
	pass(1500 * time.Millisecond)
	e.mu.Lock()
	happened := e.events
	e.mu.Unlock()
	for _, one := range happened {
		if d := one.At.Sub(at); d < -time.Second || d > 1200*time.Millisecond {
			t.Errorf("%s happened %v after it did", r.Begin.Topic, d)
		}
	}
	if got := e.take(); !slices.Equal(got, begin) {
		t.Errorf("%s: %v, want %v", r.Begin.Topic, got, begin)
	}
	if r.End != nil {
		camera.Emit(*r.End)
	}
	pass(11 * time.Second)
	if got := e.take(); !slices.Equal(got, end) {
		t.Errorf("end of %s: %v, want %v", r.Begin.Topic, got, end)
	}
}

func TestAWrongPasswordIsTriedTwiceAtMost(t *testing.T) {
	for login := onviftest.Token; login <= onviftest.EmptyLogin; login++ {
		t.Run(fmt.Sprint(login), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := onviftest.Plain()
				v.Login, v.Quirks.EchoesPassword = login, true
				camera, _, log := start(t, v)
				client, err := onvif.New(onvif.Options{Address: camera.Address(), Username: "admin", Password: "wr0ng", Dial: camera.Dial})
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				camera.Password = "wr0ng, I said"
				for range 5 {
					_, err1 := client.Device(t.Context())
					_, err2 := client.Profiles(t.Context())
					err3 := client.Events(t.Context(), onvif.Listener{Event: func(onvif.Event) {}})
					for _, err := range []error{err1, err2, err3} {
						if !errors.Is(err, onvif.ErrRefused) || strings.Contains(err.Error(), "wr0ng") {
							t.Fatalf("%v", err)
						}
					}
				}
				if n := camera.Refused(); n == 0 || n > 2 {
					t.Errorf("%d wrong logins were sent", n)
				}
				if strings.Contains(log.String(), "wr0ng") {
					t.Error("the log has the password")
				}
			})
		})
	}
}

func TestACameraWithoutALoginIsSentNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		camera, client, _ := start(t, onviftest.Plain())
		if _, err := client.Profiles(t.Context()); err != nil {
			t.Fatal(err)
		}
		v := onviftest.Plain()
		v.Login = onviftest.Digest
		camera.Vendor = v
		nameless, err := onvif.New(onvif.Options{Address: camera.Address(), Dial: camera.Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer nameless.Close()
		if _, err := nameless.Profiles(t.Context()); !errors.Is(err, onvif.ErrRefused) || camera.Refused() != 0 {
			t.Errorf("%v, %d refused", err, camera.Refused())
		}
	})
}

func TestARedirectLeadsNowhere(t *testing.T) {
	v := onviftest.Plain()
	asked := false
	elsewhere := onviftest.New(v)
	defer elsewhere.Close()
	v.Quirks.Redirect = "http://127.0.0.1:9/onvif/device_service"
	camera := onviftest.New(v)
	defer camera.Close()
	client, err := onvif.New(onvif.Options{Address: camera.Address(), Dial: func(ctx context.Context, protocol, address string) (net.Conn, error) {
		asked = asked || address != camera.Address()
		return camera.Dial(ctx, protocol, address)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Device(t.Context()); !errors.Is(err, onvif.ErrUnreadable) || !strings.Contains(err.Error(), fmt.Sprint(http.StatusTemporaryRedirect)) || asked {
		t.Errorf("%v; asked elsewhere: %v", err, asked)
	}
}
